//! Faults on demand where no device asks: of webhooks, what becomes of a call; of certificates, what becomes
//! of one that is to be issued.

use std::time::Duration;

use serde_json::Value;

use super::core::Registrar;
use crate::service::allocation::WebhookAnswer;
use crate::service::allocation::webhook::Meddling;
use crate::service::enrollment::Enrollment;
use crate::service::fault_rule::{Deed, FaultPlace, What};
use crate::service::faults::{PAGE, Point, Strike, UNKNOWN_HUB};
use crate::service::record::PendingRecord;

impl Registrar {
    /// What is to go wrong with the next call, if anything is.
    pub(super) fn meddle(
        &self,
        record: &PendingRecord,
        enrollment: &Enrollment,
    ) -> Option<Meddling> {
        let strike = self.strike_operation(FaultPlace::Webhook, record, enrollment)?;
        Some(meddling(&strike.rule.what))
    }

    /// The rule that strikes an operation which goes on without its device, if one does.
    pub(super) fn strike_operation(
        &self,
        place: FaultPlace,
        record: &PendingRecord,
        enrollment: &Enrollment,
    ) -> Option<Strike> {
        if !self.faults.are_at(place) {
            return None;
        }
        let strike = self.faults.strike(&Point {
            place,
            transport: None,
            device: record.registration_id.as_str(),
            operation: None,
            enrollment: &|| Some(enrollment.name().to_owned()),
            reply: None,
        })?;
        self.journal.struck_operation(record.operation_id.as_str(), &strike);
        Some(strike)
    }
}

fn meddling(what: &What) -> Meddling {
    let wait = what.delay.unwrap_or_default();
    let unreachable = |reason: &str| {
        let reason = format!("the webhook did not answer: {reason} (a fault)");
        Meddling::Instead(wait, WebhookAnswer::Unreachable { reason })
    };
    match what.deed {
        // As long as a call may take, and no answer then.
        Some(Deed::Silence) => {
            let reason = "it never answers".to_owned();
            Meddling::Instead(Duration::MAX, WebhookAnswer::Timeout { reason })
        }
        Some(Deed::Close) => unreachable("the connection was closed"),
        Some(Deed::Reset) => unreachable("the connection was reset"),
        Some(Deed::LoseAnswer) => Meddling::Change(wait, |_| WebhookAnswer::Unreachable {
            reason: "the webhook did not answer: its answer was lost (a fault)".to_owned(),
        }),
        Some(Deed::BrokenJson) => {
            Meddling::Change(wait, |answer| with_body(answer, |body| body.truncate(body.len() / 2)))
        }
        Some(Deed::UnknownHub) => {
            Meddling::Change(wait, |answer| with_body(answer, name_unknown_hub))
        }
        Some(Deed::Html) => Meddling::Instead(
            wait,
            http(what.status.unwrap_or(200), PAGE.as_bytes(), "text/html; charset=utf-8"),
        ),
        _ => match what.status {
            Some(status) => Meddling::Instead(wait, http(status, b"", "application/json")),
            None => Meddling::Change(wait, |answer| answer),
        },
    }
}

fn http(status: u16, body: &[u8], content_type: &str) -> WebhookAnswer {
    let content_type = Some(content_type.to_owned());
    WebhookAnswer::Http { status, body: body.to_vec(), location: None, content_type }
}

fn with_body(mut answer: WebhookAnswer, change: impl FnOnce(&mut Vec<u8>)) -> WebhookAnswer {
    if let WebhookAnswer::Http { body, .. } = &mut answer {
        change(body);
    }
    answer
}

fn name_unknown_hub(body: &mut Vec<u8>) {
    if let Ok(Value::Object(mut members)) = serde_json::from_slice::<Value>(body) {
        members.insert("iotHubHostName".to_owned(), UNKNOWN_HUB.into());
        *body = Value::Object(members).to_string().into_bytes();
    }
}
