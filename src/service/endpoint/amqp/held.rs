//! What is said later than it was meant to be, because a fault on demand wants it so.

use super::hub_conversation::Back;
use super::provisioning::Question;
use crate::amqp::engine::{Event, LinkId};
use crate::amqp::{Failure, Value};
use crate::service::endpoint::held;
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

/// What is held back on one connection.
pub(super) type Held = held::Held<Vec<Answer>, Saying>;

/// Another ID than this one, which follows from it and looks like it.
pub(super) fn wrong_id(said: &Said, id: Option<&Value>) -> Value {
    match id {
        Some(Value::Uuid(bytes)) => Value::Uuid(bytes.map(|byte| !byte)),
        Some(Value::Ulong(number)) => Value::Ulong(!number),
        id => Value::text(said.rid(id.and_then(Value::as_text).unwrap_or_default())),
    }
}
