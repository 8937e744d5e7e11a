//! What happens when a rule strikes.

use std::time::Duration;

/// What happens: something of the answer is another, it comes late, or something else happens to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct What {
    /// The status that is told; from 400 on an error in place of the answer.
    pub status: Option<u16>,
    /// The code of that error.
    pub code: Option<u32>,
    /// Its message.
    pub message: Option<String>,
    /// What is told in place of the seconds to wait.
    pub retry_after: Option<RetryAfter>,
    /// How much later the answer comes.
    pub delay: Option<Duration>,
    /// What else happens.
    pub deed: Option<Deed>,
}

/// What is told of the wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing.
    Absent,
    /// This, whether it is a number or not.
    Text(String),
}

/// What else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// Nothing is done, and nothing is said.
    Silence,
    /// The connection is closed in place of an answer, in order.
    Close,
    /// The same with a TCP reset.
    Reset,
    /// The answer ends after so many bytes, and the connection with it.
    Truncate(u32),
    /// What was asked for is done, and never told.
    LoseAnswer,
    /// The answer comes twice.
    Duplicate,
    /// The answer comes after that to the next request.
    Late,
    /// The answer names another request.
    WrongRid,
    /// The answer's JSON breaks off.
    BrokenJson,
    /// The answer lacks its operation ID.
    NoOperationId,
    /// The answer has a status that nobody knows.
    UnknownStatus,
    /// The answer is a page for browsers.
    Html,
    /// So many polls of an operation are told that it is in progress.
    Assigning(u32),
    /// The operation is not known any more.
    ForgetOperation,
    /// The answer assigns a hub that is not there.
    UnknownHub,
}

/// At which moment of a request something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In place of what was asked for.
    Instead,
    /// To its answer.
    Answer,
}

impl What {
    /// Whether what was asked for is not even begun.
    pub(in crate::service) fn stage(&self, is_poll: bool) -> Stage {
        match self.deed {
            Some(Deed::Silence | Deed::Close | Deed::Reset | Deed::Assigning(_)) => Stage::Instead,
            Some(Deed::ForgetOperation) if is_poll => Stage::Instead,
            Some(_) => Stage::Answer,
            None if self.is_error() => Stage::Instead,
            None => Stage::Answer,
        }
    }

    /// Whether it tells of an error.
    pub(in crate::service) fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 400) || self.code.is_some()
    }
}
