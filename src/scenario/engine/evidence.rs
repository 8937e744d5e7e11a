//! What everybody who had a part in a step has left, for a case that failed.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::scenario::stage::{Moment, Noted, Watched};
use crate::service::timeline;
use crate::text::Foreign;
use crate::verdicts::{Part, PartKind};
use crate::wire::timestamp;

/// The service's part since a moment, of the devices that `takes` means.
pub(super) fn of_service(
    watched: &Watched,
    since: Moment,
    takes: impl Fn(&str) -> bool,
) -> Vec<Part> {
    let entries = watched.since(since);
    let entries: Vec<_> =
        entries.into_iter().filter(|noted| takes(&noted.entry.registration_id)).collect();
    let mut parts = Vec::new();
    if !entries.is_empty() {
        parts.push(Part::new(PartKind::Timeline, story(&entries)));
        let journal: Vec<_> = entries.iter().map(|noted| &*noted.entry).collect();
        parts.push(Part::new(PartKind::Journal, pretty(&json!(journal))));
    }
    let webhooks: Vec<_> = entries.iter().filter_map(|it| it.entry.webhook.as_ref()).collect();
    if !webhooks.is_empty() {
        parts.push(Part::new(PartKind::Webhook, pretty(&json!(webhooks))));
    }
    let faults = watched.faults();
    if !faults.is_empty() {
        parts.push(Part::new(PartKind::Faults, pretty(&json!(faults))));
    }
    parts
}

fn story(entries: &[Noted]) -> String {
    let mut text = String::new();
    for Noted { entry, .. } in entries {
        // Writing to a string cannot fail.
        let at = timestamp(entry.time);
        let _ =
            writeln!(text, "#{} {}, {at}", entry.sequence, Foreign::new(&*entry.registration_id));
        for moment in timeline(entry) {
            let (at, actor) = (moment.at.as_millis(), moment.actor.as_str());
            let _ = writeln!(text, "{at:>6} ms  {actor} {}", Foreign::new(&*moment.title));
            if let Some(detail) = &moment.detail {
                let _ = writeln!(text, "{:11}{}", "", Foreign::new(detail.as_str()));
            }
        }
    }
    text
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
