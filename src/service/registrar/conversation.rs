//! What `serve -v` shows: everything that is said to and by devices and webhooks, one line each.
//! Bodies pass the [`Mask`] (G-2).
//!
//! What a registration comes to is logged by the registrar, whatever the level.

use std::time::Duration;

use crate::service::allocation::WebhookAnswer;
use crate::service::caller::{Caller, Transport};
use crate::service::enrollment::WebhookUrl;
use crate::service::mask::{MAX_BODY, Mask};
use crate::service::record::DeviceRecord;
use crate::wire::Payload;

/// A device registers.
pub(super) fn register(caller: &Caller, mask: &Mask, payload: Option<&Payload>) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let Caller { registration_id, id_scope, connection, .. } = caller;
    let payload = match payload {
        Some(payload) => format!("payload {}", mask.shown(payload.as_json(), MAX_BODY)),
        None => "no payload".to_owned(),
    };
    tracing::debug!(
        "{registration_id}: registers at ID scope {id_scope} over {} (connection {}), {payload}",
        transport_name(caller.transport),
        connection.number
    );
}

/// A device asks how its operation stands.
pub(super) fn poll(caller: &Caller, operation_id: &str) {
    tracing::debug!("{}: asks for the result of {operation_id}", caller.registration_id);
}

/// A device is told what came of its operation.
pub(super) fn told(caller: &Caller, record: &DeviceRecord) {
    let status = record.outcome.status();
    tracing::debug!("{}: is told that it is {}", caller.registration_id, status.as_str());
}

/// A webhook is asked.
pub(super) fn webhook_asked(who: &str, url: &WebhookUrl, mask: &Mask, body: &[u8]) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        tracing::debug!("{who}: webhook asked: POST {url} {}", mask.shown(body, MAX_BODY));
    }
}

/// A webhook answered, or did not.
pub(super) fn webhook_answered(who: &str, mask: &Mask, answer: &WebhookAnswer, took: Duration) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let took = took.as_millis();
    match answer {
        WebhookAnswer::Http { status, body, .. } if body.is_empty() => {
            tracing::debug!("{who}: webhook answered after {took} ms: {status} without a body");
        }
        WebhookAnswer::Http { status, body, .. } => {
            tracing::debug!(
                "{who}: webhook answered after {took} ms: {status} {}",
                mask.shown(body, MAX_BODY)
            );
        }
        WebhookAnswer::Timeout { reason } | WebhookAnswer::Unreachable { reason } => {
            tracing::debug!(
                "{who}: no answer, given up after {took} ms: {}",
                mask.shown(reason, MAX_BODY)
            );
        }
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Mqtt => "MQTT",
        Transport::Https => "HTTPS",
        Transport::Amqp => "AMQP",
    }
}
