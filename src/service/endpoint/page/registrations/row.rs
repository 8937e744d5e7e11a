//! A registration as the list shows it. Every text of others is inert here.

use std::time::SystemTime;

use askama::Template;

use crate::service::attest::slot_name;
use crate::service::caller::Transport;
use crate::service::journal::{EntryAttestation, EntryStatus, JournalEntry};
use crate::service::record::Outcome;
use crate::text::{inert, spoken};
use crate::wire::timestamp;

/// A time: for programs to the last digit, for people to the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service::endpoint::page) struct Time {
    pub(in crate::service::endpoint::page) machine: String,
    pub(in crate::service::endpoint::page) clock: String,
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let machine = timestamp(time);
        let clock = machine.get(11..19).unwrap_or_default().to_owned();
        Self { machine, clock }
    }
}

/// A status: a word, a sign and a colour, so that nobody needs the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service::endpoint::page) struct Status {
    pub(in crate::service::endpoint::page) word: &'static str,
    pub(in crate::service::endpoint::page) sign: &'static str,
    /// Class in the style.
    pub(in crate::service::endpoint::page) colour: &'static str,
}

impl From<EntryStatus> for Status {
    fn from(status: EntryStatus) -> Self {
        let (word, sign, colour) = match status {
            EntryStatus::Assigning => ("In progress", "…", "wait"),
            EntryStatus::Assigned => ("Assigned", "✓", "good"),
            EntryStatus::Failed => ("Failed", "!", "bad"),
            EntryStatus::Disabled => ("Disabled", "–", "warn"),
            EntryStatus::Refused => ("Refused", "✕", "bad"),
        };
        Self { word, sign, colour }
    }
}

impl From<&Outcome> for Status {
    fn from(outcome: &Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Assigning(_) => EntryStatus::Assigning,
            Outcome::Assigned { .. } => EntryStatus::Assigned,
            Outcome::Failed { .. } => EntryStatus::Failed,
            Outcome::Disabled => EntryStatus::Disabled,
        })
    }
}

/// A line of the list.
#[derive(Debug, Template)]
#[template(path = "page/registration-row.html")]
pub(super) struct Row {
    pub(super) sequence: u64,
    time: Time,
    id: String,
    /// Its ID on the hub, if that is another.
    device_id: Option<String>,
    /// Kind and name.
    enrollment: Option<(&'static str, String)>,
    /// How it proved itself, or what did not hold.
    check: String,
    failed: bool,
    /// First label and the rest of the host name.
    hub: Option<(String, String)>,
    /// Over which transport, and how long it took.
    how: String,
    status: Status,
    /// Why there is no hub.
    reason: Option<String>,
}

/// How much of a reason a line can bear.
const REASON: usize = 180;

impl From<&JournalEntry> for Row {
    fn from(entry: &JournalEntry) -> Self {
        let has_no_hub = !matches!(entry.status, EntryStatus::Assigned | EntryStatus::Assigning);
        let reason = entry.reason.as_ref().or(entry.error_message.as_ref());
        let reason = reason.filter(|_| has_no_hub).map(|it| beginning(it));
        let device_id = entry.device_id.as_deref().filter(|it| entry.registration_id != *it);
        let hub = entry.assigned_hub.as_ref().map(|hub| {
            let (first, rest) = hub.as_str().split_at(hub.as_str().find('.').unwrap_or_default());
            (inert(first).into_owned(), inert(rest).into_owned())
        });
        let failed = entry.failed_check.is_some();
        Self {
            sequence: entry.sequence,
            time: entry.time.into(),
            id: entry.registration_id.to_string(),
            device_id: device_id.map(|it| inert(it).into_owned()),
            enrollment: entry.enrollment.as_ref().map(|it| (it.kind.as_str(), it.name.to_string())),
            check: match entry.failed_check {
                Some(check) => words(check),
                None => entry.attestation.as_ref().map(proof).unwrap_or_default(),
            },
            failed,
            hub,
            how: how(entry),
            status: entry.status.into(),
            reason,
        }
    }
}

fn how(entry: &JournalEntry) -> String {
    let transport = entry.transport.map(|it| label(it).to_owned());
    let took = entry.took.filter(|took| !took.is_zero()).map(spoken);
    transport.into_iter().chain(took).collect::<Vec<_>>().join(" · ")
}

/// The beginning of a reason: its page has all of it.
fn beginning(reason: &str) -> String {
    let kept = reason.get(..reason.floor_char_boundary(REASON)).unwrap_or_default();
    let more = if kept.len() < reason.len() { "…" } else { "" };
    format!("{}{more}", inert(kept))
}

/// As people write it.
pub(in crate::service::endpoint::page) fn label(transport: Transport) -> &'static str {
    match transport {
        Transport::Mqtt => "MQTT",
        Transport::Https => "HTTPS",
        Transport::Amqp => "AMQP",
    }
}

fn proof(attestation: &EntryAttestation) -> String {
    match attestation {
        EntryAttestation::SymmetricKey { key_slot } => format!("{} key", slot_name(*key_slot)),
        EntryAttestation::X509 { .. } => "certificate".to_owned(),
        EntryAttestation::Tpm => "TPM".to_owned(),
    }
}

/// `malformedToken` as people write it: `malformed token`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_time_is_shown_to_the_second() {
        let time = Time::from(UNIX_EPOCH + Duration::from_millis(1_772_439_330_250));

        assert_eq!((&*time.machine, &*time.clock), ("2026-03-02T08:15:30.25Z", "08:15:30"));
    }

    #[test]
    fn a_check_is_shown_in_words() {
        assert_eq!(words("malformedToken"), "malformed token");
        assert_eq!(words("signature"), "signature");
    }
}
