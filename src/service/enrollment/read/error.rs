//! What is wrong with an enrollment.

use std::fmt;

use thiserror::Error;

/// What is wrong with an enrollment. Never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EnrollmentError {
    /// In the service's words where they were recorded.
    pub message: String,
}

pub(super) fn wrong(message: impl ToString) -> EnrollmentError {
    EnrollmentError { message: message.to_string() }
}

pub(super) fn wrong_member(member: &str, reason: impl fmt::Display) -> EnrollmentError {
    wrong(format!("{member}: {reason}"))
}
