//! Values as they are copied: with the quotes of the tool that printed them, with blanks and line
//! ends.

use zeroize::Zeroizing;

/// The text without blanks around it, and without the one pair of quotes, single or double, that it
/// stands in: `az iot dps enrollment-group compute-device-key` prints JSON, and so `"…"`.
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .map_or(text, str::trim)
}

/// A key as a person gives it, as one word: [`unquoted`], and without the line ends that
/// `openssl rand -base64 64` puts into it. What it is then is for the key's own reader to say.
pub fn key_text(text: &str) -> Zeroizing<String> {
    let text = unquoted(text);
    let mut word = Zeroizing::new(String::with_capacity(text.len()));
    text.split(['\r', '\n']).for_each(|line| word.push_str(line.trim()));
    word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_pair_of_quotes_is_taken_off_and_no_half_of_one() {
        for (given, value) in [
            ("\"a b\"", "a b"),
            (" 'a'\r\n", "a"),
            ("\" a \"", "a"),
            ("'\"a\"'", "\"a\""),
            ("\"a'", "\"a'"),
            ("\"a", "\"a"),
            ("\"", "\""),
            ("''", ""),
            ("", ""),
        ] {
            assert_eq!(unquoted(given), value, "{given}");
        }
    }

    #[test]
    fn a_key_is_put_together_from_its_lines_and_keeps_what_is_no_line_end() {
        assert_eq!(*key_text("\"AAAA\r\nBBB=\"\r\n"), "AAAABBB=");
        assert_eq!(*key_text("AAAA\n  BBB=\n\n"), "AAAABBB=");
        assert_eq!(*key_text("AAAA BBB="), "AAAA BBB=", "a mistake stays one");
    }

    proptest! {
        #[test]
        fn however_a_key_is_written_down_it_is_the_same(
            key in "[A-Za-z0-9+/]{1,90}={0,2}", width in 1..80_usize,
            quote in prop::sample::select(&["", "\"", "'"][..]),
            end in prop::sample::select(&["\n", "\r\n"][..]),
            blanks in "[ \t]{0,3}",
        ) {
            let lines: Vec<&str> = key.as_bytes().chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap()).collect();
            let written = format!("{blanks}{quote}{}{quote}{blanks}{end}", lines.join(end));

            prop_assert_eq!(&*key_text(&written), &key);
        }
    }
}
