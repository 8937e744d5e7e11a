//! What of an error of the operating system is said to users.

use std::io;

use super::encoding::NotText;

/// The operating system's text in lower case, without `(os error 111)`. Why a file is no text is said
/// as it is.
pub fn plain(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<NotText>()) {
        Some(fault) => fault.to_string(),
        None => without_number(&error.to_string()),
    }
}

/// Windows' texts are sentences with a full stop; those of Unix are not.
fn without_number(text: &str) -> String {
    let said = text.split_once(" (os error").map_or(text, |(said, _)| said.trim_end_matches('.'));
    said.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_system_says_can_stand_within_a_sentence() {
        for (text, said) in [
            ("Connection refused (os error 111)", "connection refused"),
            (
                "The target machine actively refused it. (os error 10061)",
                "the target machine actively refused it",
            ),
            ("it ends here.", "it ends here."),
        ] {
            assert_eq!(plain(&io::Error::other(text)), said);
        }
    }
}
