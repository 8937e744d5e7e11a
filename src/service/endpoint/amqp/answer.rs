//! Answers as AMQP has them: an outcome for the request, and a message if it is not refused.
//!
//! Pure.

use std::time::Duration;

use crate::amqp::{Body, Failure, Message, Outcome, Properties, Symbol, Value};
use crate::service::fault_rule::RetryAfter;
use crate::service::faults::Said;
use crate::service::reply::Reply;
use crate::wire::{ErrorCode, RETRY_AFTER};

/// What becomes of a request that got this reply: .NET waits for the outcome first, and then for the
/// message.
pub(super) fn answer(reply: Reply, correlation_id: Option<Value>) -> (Outcome, Option<Message>) {
    if reply.status >= 400 {
        return (Outcome::Rejected(Some(failure(reply, None))), None);
    }
    let properties = Properties { correlation_id, ..Properties::default() };
    let application = retry_after(reply.retry_after, Value::text);
    // Bytes: C takes anything else for an error.
    let body = Body::Data(reply.body.into_bytes());
    (Outcome::Accepted, Some(Message { properties, application, body, ..Message::default() }))
}

/// The same of an answer that is not as it should be.
pub(super) fn answer_oddly(
    said: &Said,
    correlation_id: Option<Value>,
) -> (Outcome, Option<Message>) {
    let (mut outcome, mut message) = answer(said.reply.clone(), correlation_id);
    if let Some(RetryAfter::Text(text)) = &said.retry_after {
        let value = text.parse().map_or_else(|_| Value::text(text), Value::Int);
        let told =
            |key: fn(&'static str) -> Value| RETRY_AFTER.map(|name| (key(name), value.clone()));
        match (&mut outcome, &mut message) {
            (Outcome::Rejected(Some(failure)), _) => failure.info = told(Value::symbol).to_vec(),
            (_, Some(message)) => message.application = told(Value::text).to_vec(),
            _ => {}
        }
    }
    (outcome, message)
}

/// A refusal, of a request or of a link. The description is the JSON that other transports have as the body:
/// .NET reads it, Node shows it (J-336).
pub(super) fn failure(reply: Reply, condition: Option<&'static str>) -> Failure {
    Failure {
        condition: Symbol::known(condition.unwrap_or_else(|| condition_of(reply.status))),
        description: Some(reply.body),
        // Keys of such a map are symbols (part 2, section 2.8.15).
        info: retry_after(reply.retry_after, Value::symbol),
    }
}

/// The condition for a status. The names are those of Node's `amqp_common_errors`; which of them DPS uses,
/// nobody has recorded (J-336).
fn condition_of(status: u16) -> &'static str {
    match status {
        401 => "amqp:unauthorized-access",
        404 => "amqp:not-found",
        405 => "amqp:not-allowed",
        409 | 412 => "com.microsoft:precondition-failed",
        413 => "amqp:link:message-size-exceeded",
        429 => "com.microsoft:device-container-throttled",
        500.. => "amqp:internal-error",
        _ => "com.microsoft:argument-error",
    }
}

/// As an int, in both spellings: C takes nothing but ints and strings, and keys have case. Rounded up, or a
/// fraction would become 0.
fn retry_after(wait: Option<Duration>, key: fn(&'static str) -> Value) -> Vec<(Value, Value)> {
    let Some(wait) = wait else { return Vec::new() };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = Value::Int(i32::try_from(seconds).unwrap_or(i32::MAX));
    RETRY_AFTER.map(|name| (key(name), seconds.clone())).to_vec()
}

/// Where there is nothing of a name. Our own number, as for paths (J-61).
pub(super) const NODE_NOT_FOUND: ErrorCode = ErrorCode(404_001);
/// A message is longer than 96 KB. Our own number, as over HTTPS (J-61).
pub(super) const TOO_LONG: ErrorCode = ErrorCode(413_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, retry_after: Option<Duration>) -> Reply {
        Reply { status, retry_after, body: r#"{"errorCode":1}"#.to_owned() }
    }

    /// C-5, J-337.
    #[test]
    fn c_4_an_answer_is_bytes_with_the_id_of_its_request_and_both_spellings_of_the_wait() {
        let wait = Some(Duration::from_millis(2500));
        let (outcome, message) = answer(reply(202, wait), Some(Value::Uuid([7; 16])));

        let message = message.unwrap();
        assert_eq!(outcome, Outcome::Accepted);
        assert_eq!(message.properties.correlation_id, Some(Value::Uuid([7; 16])));
        for name in ["retry-after", "Retry-After"] {
            assert_eq!(message.application(name), Some(&Value::Int(3)), "{name}");
        }
        assert_eq!(message.body, Body::Data(br#"{"errorCode":1}"#.to_vec()));
        let (_, message) = answer(reply(200, None), None);
        assert!(message.unwrap().application.is_empty());
    }

    #[test]
    fn j_336_a_refusal_has_a_condition_and_the_json_as_its_description() {
        for (status, condition) in [
            (400, "com.microsoft:argument-error"),
            (401, "amqp:unauthorized-access"),
            (404, "amqp:not-found"),
            (405, "amqp:not-allowed"),
            (409, "com.microsoft:precondition-failed"),
            (413, "amqp:link:message-size-exceeded"),
            (429, "com.microsoft:device-container-throttled"),
            (500, "amqp:internal-error"),
            (503, "amqp:internal-error"),
        ] {
            let (outcome, message) = answer(reply(status, None), None);

            let Outcome::Rejected(Some(failure)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(failure.condition.as_str(), condition, "{status}");
            assert_eq!(failure.description.as_deref(), Some(r#"{"errorCode":1}"#));
            assert!(failure.info.is_empty() && message.is_none());
        }
        let failure = failure(reply(429, Some(Duration::from_secs(5))), None);
        let wanted =
            ["retry-after", "Retry-After"].map(|name| (Value::symbol(name), Value::Int(5)));
        assert_eq!(failure.info, wanted);
    }
}
