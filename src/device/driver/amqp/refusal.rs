//! What an error of a link, a message or the connection says to a device.
//!
//! A status as over MQTT and HTTPS is not said over AMQP. It stands in the description, which is the
//! JSON of an error (.NET reads it so), else the condition stands for it.

use std::time::Duration;

use crate::amqp::{Failure, Value};
use crate::device::exchange::Refusal;
use crate::wire::{RETRY_AFTER, ServiceError, from_json_object, seconds};

/// What a failure says.
pub(super) fn refusal(failure: &Failure) -> Refusal {
    let body = failure.description.clone().unwrap_or_default().into_bytes();
    let said = from_json_object::<ServiceError>(&body).ok().map(|error| error.error_code.status());
    let status = said.filter(|status| (400..600).contains(status));
    Refusal {
        status: status.unwrap_or_else(|| status_of(failure.condition.as_str())),
        retry_after: retry_after(&failure.info),
        // A condition alone is better than no word.
        body: if body.is_empty() { failure.condition.as_str().into() } else { body },
    }
}

/// The status that a condition stands for (the table of the SDK for Node.js, `amqp_common_errors`).
fn status_of(condition: &str) -> u16 {
    match condition {
        "amqp:unauthorized-access" => 401,
        "amqp:not-found" => 404,
        "amqp:resource-limit-exceeded"
        | "com.microsoft:device-container-throttled"
        | "com.microsoft:server-busy" => 429,
        "amqp:internal-error" => 500,
        "com.microsoft:timeout" => 504,
        _ => 400,
    }
}

/// Whether the peer says by it that the connection, and not what the device asked for, is at an end.
pub(super) fn is_of_the_connection(failure: &Failure) -> bool {
    matches!(
        failure.condition.as_str(),
        "amqp:connection:forced"
            | "amqp:connection:redirect"
            | "amqp:link:detach-forced"
            | "amqp:resource-limit-exceeded"
    )
}

/// Whether the peer says by it that this side broke a rule of AMQP.
pub(super) fn is_of_the_protocol(failure: &Failure) -> bool {
    matches!(
        failure.condition.as_str(),
        "amqp:connection:framing-error"
            | "amqp:decode-error"
            | "amqp:illegal-state"
            | "amqp:invalid-field"
            | "amqp:not-implemented"
            | "amqp:frame-size-too-small"
            | "amqp:session:errant-link"
            | "amqp:session:handle-in-use"
            | "amqp:session:unattached-handle"
            | "amqp:session:window-violation"
            | "amqp:link:transfer-limit-exceeded"
    )
}

/// How long to wait, by either spelling.
pub(super) fn retry_after(map: &[(Value, Value)]) -> Option<Duration> {
    let named = |name: &str| map.iter().find(|(key, _)| key.as_text() == Some(name));
    let (_, value) = RETRY_AFTER.into_iter().find_map(named)?;
    seconds(&super::told::text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(condition: &'static str, description: &str) -> (u16, String) {
        let Refusal { status, body, .. } = refusal(&Failure::new(condition, description));
        (status, String::from_utf8(body).unwrap())
    }

    /// J-358.
    #[test]
    fn j_358_the_status_is_that_of_the_description_and_else_that_of_the_condition() {
        let json = r#"{"errorCode":401002,"message":"Unauthorized"}"#;
        assert_eq!(told("amqp:not-allowed", json), (401, json.to_owned()));
        for (condition, status) in [
            ("amqp:unauthorized-access", 401),
            ("amqp:not-found", 404),
            ("com.microsoft:device-container-throttled", 429),
            ("amqp:internal-error", 500),
            ("com.microsoft:argument-error", 400),
        ] {
            assert_eq!(told(condition, "a text"), (status, "a text".to_owned()));
            let nonsense = r#"{"errorCode":7}"#;
            assert_eq!(told(condition, nonsense).0, status);
        }
        assert_eq!(told("amqp:not-found", ""), (404, "amqp:not-found".to_owned()));
    }

    #[test]
    fn retry_after_is_found_by_either_spelling_and_in_any_type() {
        let five = Some(Duration::from_secs(5));
        for (name, value, wait) in [
            ("retry-after", Value::Int(5), five),
            ("Retry-After", Value::Ulong(5), five),
            ("retry-after", Value::text("5"), five),
            ("Retry-After", Value::Int(-5), None),
            ("RETRY-AFTER", Value::Int(5), None),
            ("retry-after", Value::Null, None),
        ] {
            assert_eq!(
                retry_after(&[(Value::text(name), value.clone())]),
                wait,
                "{name} {value:?}"
            );
        }
    }
}
