//! What comes of a judgement.

use std::time::Duration;

/// What was found of a client in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It does as it should; how, in a sentence.
    Kept(String),
    /// It does not: which counts as the case's level has it.
    Broken(String),
    /// It does what no client may do, whatever the level.
    Failed(String),
    /// It does what is the least, and could do better.
    Wanting(String),
    /// Nothing was seen that would show it; why.
    Unseen(String),
}

impl Finding {
    /// It does as it should.
    pub(super) fn kept(how: impl Into<String>) -> Self {
        Self::Kept(how.into())
    }

    /// It does not.
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self::Broken(why.into())
    }

    /// It does what no client may do.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    /// It could do better.
    pub(super) fn wanting(why: impl Into<String>) -> Self {
        Self::Wanting(why.into())
    }

    /// Nothing was seen.
    pub(super) fn unseen(why: impl Into<String>) -> Self {
        Self::Unseen(why.into())
    }
}

/// `2.013 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

/// `1 poll`, `3 polls`.
pub(super) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
