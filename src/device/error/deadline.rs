//! The total deadline, and what a device was waiting for when it passed.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::rejection::Rejection;
use crate::device::phase::ConnectPhase;
use crate::text::spoken;
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

    /// A wait that passes the deadline is not begun. If it is a considerable part of the whole time,
    /// "no result within 5 s" were a riddle after a tenth of a second (J-236).
    fn is_long_before_the_end(&self, wait: Duration) -> bool {
        wait > self.after / 10
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = spoken(self.after);
        match self.asked_to_wait {
            Some(wait) if self.is_long_before_the_end(wait) => write!(
                f,
                "the service wants the device to wait {} before it asks again, and that is beyond the end of the {after} that it has: {}",
                spoken(wait),
                self.waiting_for
            )?,
            _ => write!(f, "no result within {after}: {}", self.waiting_for)?,
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
    /// The links of AMQP.
    Attach,
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
            Self::Attach => f.write_str("the service did not answer `attach`"),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// J-236.
    #[test]
    fn a_device_that_gives_up_early_says_what_it_would_have_had_to_wait_for() {
        let told = |asked: Option<u64>| {
            let asked_to_wait = asked.map(Duration::from_secs);
            let (operation_id, last_busy) = (None, None);
            let waiting_for = Waiting::Assignment { answers: 1 };
            let after = Duration::from_secs(5);
            Deadline {
                after,
                waiting_for,
                operation_id,
                last_busy,
                asked_to_wait,
                foreign_answers: 0,
            }
            .to_string()
        };

        let early = "the service wants the device to wait 30 s before it asks again, and that is beyond the end of the 5 s";
        assert!(told(Some(30)).starts_with(early), "{}", told(Some(30)));
        for late in [None, Some(0)] {
            assert!(told(late).starts_with("no result within 5 s: the registration is still"));
        }
    }
}
