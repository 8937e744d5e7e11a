//! Words that a user can paste into a shell: a POSIX one, or PowerShell on Windows.

/// A word as the shell reads it: as it is where that is safe, else in single quotes, in which
/// neither shell looks for anything but their end.
pub fn shell_word(word: &str) -> String {
    if cfg!(windows) { for_powershell(word) } else { for_posix(word) }
}

fn for_posix(word: &str) -> String {
    if is_plain(word, "-_./:@=,+%") {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// There `@` and `,` mean something, and paths have backslashes.
fn for_powershell(word: &str) -> String {
    if is_plain(word, r"-_./:=+%\") {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "''"))
}

fn is_plain(word: &str, marks: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    !word.is_empty() && word.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_change_is_quoted() {
        for (word, posix, powershell) in [
            ("5.4d0a.e7-1", "5.4d0a.e7-1", "5.4d0a.e7-1"),
            ("a.net:8883:127.0.0.1:1", "a.net:8883:127.0.0.1:1", "a.net:8883:127.0.0.1:1"),
            ("", "''", "''"),
            ("my key.pem", "'my key.pem'", "'my key.pem'"),
            ("@group.key", "@group.key", "'@group.key'"),
            (r"C:\keys\a.pem", r"'C:\keys\a.pem'", r"C:\keys\a.pem"),
            ("$(rm -rf)", "'$(rm -rf)'", "'$(rm -rf)'"),
            ("it's", r"'it'\''s'", "'it''s'"),
            ("[::1]:8883", "'[::1]:8883'", "'[::1]:8883'"),
        ] {
            assert_eq!((&*for_posix(word), &*for_powershell(word)), (posix, powershell));
        }
    }
}
