//! What a service saw, in lines for people who look for the reason of a failed test.
//!
//! Pure. The journal has masked whatever is secret; here nothing is added to it.

use std::fmt::Write;
use std::sync::Arc;

use crate::service::{
    EntryStatus, JournalEntry, MomentOutcome, TimelineMoment, Transport, timeline,
};
use crate::text::Foreign;
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
    let mut line = |indent: usize, content: &str| {
        let _ = writeln!(text, "{:indent$}{}", "", one_line(content));
    };
    let transport = match entry.transport {
        Some(Transport::Mqtt) => " over MQTT",
        Some(Transport::Https) => " over HTTPS",
        Some(Transport::Amqp) => " over AMQP",
        None => "",
    };
    let at = timestamp(entry.time);
    line(2, &format!("#{} {}{transport}, {at}", entry.sequence, entry.registration_id));
    line(5, &result(entry));
    let moments = timeline(entry);
    let mut rest = &moments[..];
    while let Some((first, others)) = rest.split_first() {
        // What was in order is said in one breath.
        let passed = rest.iter().map_while(in_order).collect::<Vec<_>>();
        if passed.len() > 1 {
            line(5, &format!("{} service checks {}: in order", since(first), passed.join(", ")));
            rest = rest.get(passed.len()..).unwrap_or_default();
            continue;
        }
        line(5, &format!("{} {} {}", since(first), first.actor.as_str(), first.title));
        if let Some(detail) = &first.detail {
            line(14, detail);
        }
        rest = others;
    }
}

/// What a check that was passed has looked at.
fn in_order(moment: &TimelineMoment) -> Option<&str> {
    let is_good = moment.outcome == MomentOutcome::Good;
    moment.title.strip_prefix("checks ").filter(|_| is_good)
}

/// When, in a column of its own.
fn since(moment: &TimelineMoment) -> String {
    format!("{:>8}", format!("{} ms", moment.at.as_millis()))
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
