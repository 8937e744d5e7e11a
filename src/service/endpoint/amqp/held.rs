//! What is said later than it was meant to be, because a fault on demand wants it so.

use tokio::time::Instant;

use super::hub_conversation::Back;
use super::provisioning::Question;
use crate::amqp::engine::{Event, LinkId};
use crate::amqp::{Failure, Value};
use crate::service::endpoint::hub_desk::TwinAnswer;
use crate::service::fault_rule::FaultPlace;
use crate::service::faults::{HangUp, Said};
use crate::service::reply::Reply;

/// Something that is to be said, or done.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// A link is asked for, and what else may strike it.
    Link(Box<Event>, Vec<FaultPlace>),
    /// A link is refused.
    Refusal(LinkId, Failure),
    /// To a request, as it should be.
    Reply(Question, Reply),
    /// To a request, otherwise; of a wrong ID there is only what looks like one.
    Said(Question, Box<Said>),
    /// To a request that was done: it is taken, and no more is said.
    Taken(Question),
    /// Of a twin.
    Twin(Back, TwinAnswer),
}

/// What is said at one time, and how it ends.
#[derive(Debug, Default)]
pub(super) struct Saying {
    pub(super) answers: Vec<Answer>,
    /// After how many bytes it breaks off, and the connection with it.
    pub(super) cut: Option<usize>,
    pub(super) then: Option<HangUp>,
}

/// What is held back on one connection. Most have nothing of the kind.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Until the next answer.
    late: Vec<Answer>,
    /// In the order in which it came.
    delayed: Vec<(Instant, Saying)>,
}

impl Held {
    /// Holds answers back until the next one.
    pub(super) fn until_next(&mut self, answers: Vec<Answer>) {
        self.late.extend(answers);
    }

    /// What waits for this answer.
    pub(super) fn take_late(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.late)
    }

    pub(super) fn until(&mut self, at: Instant, saying: Saying) {
        self.delayed.push((at, saying));
    }

    /// When something is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.iter().map(|(at, _)| *at).min()
    }

    /// What is due first.
    pub(super) fn take_due(&mut self) -> Option<Saying> {
        let first = self.delayed.iter().enumerate().min_by_key(|(_, (at, _))| *at)?.0;
        Some(self.delayed.remove(first).1)
    }
}

/// Another ID than this one, which follows from it and looks like it.
pub(super) fn wrong_id(said: &Said, id: Option<&Value>) -> Value {
    match id {
        Some(Value::Uuid(bytes)) => Value::Uuid(bytes.map(|byte| !byte)),
        Some(Value::Ulong(number)) => Value::Ulong(!number),
        id => Value::text(said.rid(id.and_then(Value::as_text).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_in_its_order() {
        let (now, mut held) = (Instant::now(), Held::default());
        assert_eq!(held.next_due(), None);
        for (seconds, cut) in [(2, 3), (1, 1), (1, 2)] {
            let saying = Saying { cut: Some(cut), ..Saying::default() };
            held.until(now + Duration::from_secs(seconds), saying);
        }

        assert_eq!(held.next_due(), Some(now + Duration::from_secs(1)));
        let taken: Vec<_> = std::iter::from_fn(|| held.take_due()).map(|it| it.cut).collect();
        assert_eq!(taken, [Some(1), Some(2), Some(3)]);
    }
}
