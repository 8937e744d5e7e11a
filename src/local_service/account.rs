//! What a service saw, in lines for people who look for the reason of a failed test.
//!
//! Pure. The journal has masked whatever is secret; here nothing is added to it.

use std::fmt::Write;
use std::sync::Arc;

use crate::attestation::KeySlot;
use crate::service::{
    EntryAttestation, EntryStatus, JournalEntry, Kind, Transport, WebhookAttempt,
};
use crate::text::{Foreign, spoken};
use crate::wire::{HubName, timestamp};

/// All of it.
pub(super) fn of(entries: &[Arc<JournalEntry>]) -> String {
    let mut text = match entries {
        [] => return "The service saw no registration.\n".to_owned(),
        [_] => "The service saw 1 registration:\n".to_owned(),
        all => format!("The service saw {} registrations:\n", all.len()),
    };
    entries.iter().for_each(|entry| registration(&mut text, entry));
    text
}

fn registration(text: &mut String, entry: &JournalEntry) {
    // Writing to a string cannot fail.
    let mut line = |indent: usize, content: String| {
        let _ = writeln!(text, "{:indent$}{}", "", one_line(&content));
    };
    let transport = match entry.transport {
        Some(Transport::Mqtt) => " over MQTT",
        Some(Transport::Https) => " over HTTPS",
        None => "",
    };
    let at = timestamp(entry.time);
    line(2, format!("#{} {}{transport}, {at}", entry.sequence, entry.registration_id));
    line(5, format!("ID scope {}, api-version {}", entry.id_scope, entry.api_version));
    if let Some(enrollment) = &entry.enrollment {
        let kind = match enrollment.kind {
            Kind::Individual => "individual enrollment",
            Kind::Group => "enrollment group",
        };
        line(5, format!("{kind} {}", enrollment.name));
    }
    if let Some(attestation) = &entry.attestation {
        line(5, format!("proved itself with {}", proof(attestation)));
    }
    if let Some(payload) = &entry.payload {
        line(5, format!("payload: {payload}"));
    }
    if let Some(webhook) = &entry.webhook {
        line(5, format!("webhook {}", webhook.url));
        line(7, format!("was asked: {}", webhook.request));
        webhook.attempts.iter().for_each(|attempt| line(7, answer(attempt)));
    }
    line(5, result(entry));
    if let Some(reason) = &entry.reason {
        line(7, format!("because: {reason}"));
    }
    if entry.polls > 0 {
        line(5, format!("asked for the result {} times", entry.polls));
    }
}

fn proof(attestation: &EntryAttestation) -> String {
    match attestation {
        EntryAttestation::SymmetricKey { key_slot: KeySlot::Primary } => "the primary key".into(),
        EntryAttestation::SymmetricKey { key_slot: KeySlot::Secondary } => {
            "the secondary key".into()
        }
        EntryAttestation::X509 { thumbprint, authority: None } => {
            format!("the enrolled certificate {thumbprint}")
        }
        EntryAttestation::X509 { thumbprint, authority: Some(authority) } => {
            format!("the certificate {thumbprint}, under {authority}")
        }
    }
}

fn answer(attempt: &WebhookAttempt) -> String {
    let took = spoken(attempt.took);
    let said = attempt.body.as_ref().or(attempt.error.as_ref());
    let said = said.map_or("nothing", |said| said.as_str());
    match attempt.status {
        Some(status) => format!("answered {status} after {took}: {said}"),
        None => format!("did not answer: {said} ({took})"),
    }
}

/// How a registration ended, or where it stands.
pub(super) fn result(entry: &JournalEntry) -> String {
    let code = entry.error_code.map(|code| format!(" with {code}")).unwrap_or_default();
    match entry.status {
        EntryStatus::Assigning => "is still in progress".to_owned(),
        EntryStatus::Assigned => {
            let hub = entry.assigned_hub.as_ref().map(HubName::as_str).unwrap_or("a hub");
            let device_id = entry.device_id.as_deref().unwrap_or(&entry.registration_id);
            format!("assigned to {hub} as {device_id}")
        }
        EntryStatus::Failed => match &entry.error_message {
            Some(message) => format!("failed{code}: {message}"),
            None => format!("failed{code}"),
        },
        EntryStatus::Disabled => "disabled".to_owned(),
        EntryStatus::Refused => {
            let check = entry.failed_check.unwrap_or("unknown");
            format!("refused{code}; the check that failed: {check}")
        }
    }
}

/// Devices and webhooks write some of this: no line of theirs looks like one of ours, and none moves
/// a terminal's cursor.
pub(super) fn one_line(text: &str) -> String {
    Foreign::new(text).to_string()
}
