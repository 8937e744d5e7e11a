//! What an observer is told of frames. Nothing of it is secret: passwords and tokens are not in it.

use crate::amqp::{Body, Failure, Message, Outcome, Value};
use crate::device::exchange::Notice;
use crate::device::traffic::{AmqpFrame, AmqpMessage, Received, Sent};

/// The device says something.
pub(in crate::device) fn sent(frame: AmqpFrame) -> Notice {
    Notice::Sent(Sent::Amqp(frame))
}

/// The other side says something.
pub(in crate::device) fn received(frame: AmqpFrame) -> Notice {
    Notice::Received(Received::Amqp(frame))
}

/// An error: its condition, and what is said of it.
pub(super) fn error(failure: Option<&Failure>) -> Option<(String, Option<String>)> {
    failure.map(|failure| (failure.condition.to_string(), failure.description.clone()))
}

/// What became of a message.
pub(super) fn disposition(outcome: &Outcome) -> AmqpFrame {
    let (outcome, failure) = match outcome {
        Outcome::Received => ("received", None),
        Outcome::Accepted => ("accepted", None),
        Outcome::Rejected(failure) => ("rejected", failure.as_ref()),
        Outcome::Released => ("released", None),
        Outcome::Modified => ("modified", None),
    };
    AmqpFrame::Disposition { outcome, error: error(failure) }
}

/// A message.
pub(super) fn transfer(message: &Message) -> AmqpFrame {
    AmqpFrame::Transfer(AmqpMessage {
        correlation_id: message.properties.correlation_id.as_ref().map(text),
        properties: named(&message.application),
        body: body(message),
    })
}

/// A map as names and texts.
pub(super) fn named(map: &[(Value, Value)]) -> Vec<(String, String)> {
    map.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The bytes of a body. The service answers with bytes; a text says the same.
pub(super) fn body(message: &Message) -> Vec<u8> {
    match &message.body {
        Body::Data(bytes) | Body::Value(Value::Binary(bytes)) => bytes.clone(),
        Body::Value(value) => value.as_text().unwrap_or_default().as_bytes().to_vec(),
        Body::None | Body::Sequence => Vec::new(),
    }
}

/// A value as people write it; of those that no property of DPS has, the type.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Boolean(it) => it.to_string(),
        Value::Ubyte(it) => it.to_string(),
        Value::Ushort(it) => it.to_string(),
        Value::Uint(it) => it.to_string(),
        Value::Ulong(it) => it.to_string(),
        Value::Byte(it) => it.to_string(),
        Value::Short(it) => it.to_string(),
        Value::Int(it) => it.to_string(),
        Value::Long(it) => it.to_string(),
        other => other.as_text().unwrap_or(other.type_name()).to_owned(),
    }
}
