//! A text in the source of a program.

/// The text in double quotes, as C, C#, Java, JavaScript and Python read it.
pub(super) fn literal(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // No escape is the same in all of them.
            c if c.is_control() => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_the_literal() {
        for (text, source) in [
            ("a.b-1", r#""a.b-1""#),
            (r#"a"b"#, r#""a\"b""#),
            (r"C:\new", r#""C:\\new""#),
            ("a\nb", r#""a\nb""#),
            ("Küche\u{7}", "\"Küche\u{fffd}\""),
        ] {
            assert_eq!(literal(text), source);
        }
    }
}
