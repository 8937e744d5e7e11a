//! What is wrong with an enrollment.

use std::fmt;

use thiserror::Error;

use crate::text::MemberPath;

/// What is wrong with an enrollment. Never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct EnrollmentError {
    /// The member that is wrong; the record itself if the path is empty.
    pub member: MemberPath,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Missing,
    Wrong(String),
    /// In the service's own words, as recorded.
    Recorded(&'static str),
}

impl EnrollmentError {
    /// What is wrong with the member.
    pub fn reason(&self) -> &str {
        match &self.fault {
            Fault::Missing => "it is missing",
            Fault::Wrong(reason) => reason,
            Fault::Recorded(words) => words,
        }
    }
}

/// As the service API says it.
impl fmt::Display for EnrollmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = self.member.to_string();
        match &self.fault {
            Fault::Missing => write!(f, "{member} is missing"),
            Fault::Wrong(reason) if member.is_empty() => f.write_str(reason),
            Fault::Wrong(reason) => write!(f, "{member}: {reason}"),
            Fault::Recorded(words) => f.write_str(words),
        }
    }
}

pub(super) fn missing(member: &[&str]) -> EnrollmentError {
    EnrollmentError { member: MemberPath::of(member), fault: Fault::Missing }
}

pub(super) fn recorded(member: &str, words: &'static str) -> EnrollmentError {
    EnrollmentError { member: MemberPath::of(&[member]), fault: Fault::Recorded(words) }
}

pub(super) fn wrong(member: &[&str], reason: impl fmt::Display) -> EnrollmentError {
    wrong_at(MemberPath::of(member), reason)
}

pub(super) fn wrong_at(member: MemberPath, reason: impl fmt::Display) -> EnrollmentError {
    EnrollmentError { member, fault: Fault::Wrong(reason.to_string()) }
}
