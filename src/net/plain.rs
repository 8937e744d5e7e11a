//! What of an error is said to users.

use std::error::Error;

use crate::text::without_number;

/// The innermost cause of an error, as [`plain`](crate::text::plain) has it: the outer ones only say
/// that there is one.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    without_number(&cause.to_string())
}
