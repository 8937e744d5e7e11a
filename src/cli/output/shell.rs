//! Words that a user can paste into a shell.

/// A word as a POSIX shell reads it: as it is where that is safe, else in single quotes.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_change_is_quoted() {
        for (word, expected) in [
            ("5.4d0a.e7-1", "5.4d0a.e7-1"),
            ("a.net:8883:127.0.0.1:1", "a.net:8883:127.0.0.1:1"),
            ("", "''"),
            ("my key.pem", "'my key.pem'"),
            ("$(rm -rf)", "'$(rm -rf)'"),
            ("it's", r"'it'\''s'"),
            ("[::1]:8883", "'[::1]:8883'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
