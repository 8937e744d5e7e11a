//! The total deadline, and what a device was waiting for when it passed.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::rejection::Rejection;
use crate::device::phase::ConnectPhase;
use crate::wire::OperationId;

/// The total deadline passed.
#[derive(Debug, Error)]
pub struct Deadline {
    /// How long it was.
    pub after: Duration,
    /// What the device was waiting for.
    pub waiting_for: Waiting,
    /// The operation, if the service has accepted one.
    pub operation_id: Option<OperationId>,
    /// The last 429 or 5xx.
    pub last_busy: Option<Rejection>,
    /// How long the service wants the device to wait, if that alone is too long.
    pub asked_to_wait: Option<Duration>,
    /// Answers that bore a `$rid` that the device never used.
    pub foreign_answers: u32,
}

impl Deadline {
    /// Whether it passed before anything was heard of the service.
    pub(in crate::device) fn is_before_the_service(&self) -> bool {
        matches!(self.waiting_for, Waiting::Connect(_))
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = humantime::format_duration(self.after);
        write!(f, "no result within {after}: {}", self.waiting_for)?;
        if let Some(wait) = self.asked_to_wait {
            let wait = humantime::format_duration(wait);
            write!(f, ", and the service wants the device to wait {wait} before it asks again")?;
        }
        if self.foreign_answers > 0 {
            let answers = if self.foreign_answers == 1 { "answer" } else { "answers" };
            write!(f, " ({} {answers} bore a $rid that was never sent)", self.foreign_answers)?;
        }
        Ok(())
    }
}

/// What a device was waiting for when its time was up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// A connection.
    Connect(ConnectPhase),
    /// A connection that was lost and could not be opened again; the text says why not.
    Reconnect(String),
    /// SUBACK.
    Suback,
    /// The answer to a register or poll request.
    Answer {
        /// `register` or `poll`.
        request: &'static str,
        /// Whether the service has acknowledged the packet (PUBACK).
        acknowledged: bool,
    },
    /// The end of `assigning`.
    Assignment {
        /// How many answers said `assigning`.
        answers: u32,
    },
    /// The service to be less busy; the text is its last answer.
    Busy(String),
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(phase) => write!(f, "{phase}"),
            Self::Reconnect(why) => {
                write!(f, "the connection was lost and could not be resumed: {why}")
            }
            Self::Suback => f.write_str("the service did not answer SUBSCRIBE"),
            Self::Answer { request, acknowledged: true } => {
                write!(f, "the service acknowledged the {request} request but did not answer it")
            }
            Self::Answer { request, acknowledged: false } => {
                write!(f, "the service did not answer the {request} request")
            }
            Self::Assignment { answers } => write!(
                f,
                "the registration is still being assigned after {answers} {}",
                if *answers == 1 { "answer" } else { "answers" }
            ),
            Self::Busy(answer) => write!(f, "the service was busy to the end: {answer}"),
        }
    }
}
