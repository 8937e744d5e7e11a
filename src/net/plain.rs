//! What of an error of the operating system is said to users.

use std::error::Error;
use std::io;

/// The innermost cause of an error, as [`plain`] has it: the outer ones only say that there is one.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    without_number(&cause.to_string())
}

fn without_number(text: &str) -> String {
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// The operating system's text in lower case, without `(os error 111)`: what of an I/O error is said
/// to users.
pub fn plain(error: &io::Error) -> String {
    without_number(&error.to_string())
}
