//! What the journal must say of devices. Pure: entries in, differences out.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::count::Count;
use crate::scenario::expectation::Bounds;
use crate::service::{EntryStatus, JournalEntry};
use crate::wire::HubName;

/// What must stand in the journal of a device, or of several together. What is not named may be
/// anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalPattern {
    /// How often it asked to be registered.
    registers: Option<Count>,
    /// How often it asked how its operations stand.
    polls: Option<Count>,
    /// How many of its registrations ended with a hub.
    assigned: Option<Count>,
    /// How many ended without.
    failed: Option<Count>,
    /// How many found their enrollment disabled.
    disabled: Option<Count>,
    /// How many were refused before an operation was begun.
    refused: Option<Count>,
    /// The check that refused it, each time: `signature`, `expiry`, and so on.
    refused_by: Option<String>,
    /// The hub of its last registration.
    assigned_hub: Option<HubName>,
    /// How long it waited each time that it was told to.
    waited: Option<Bounds>,
    /// Whether it waited as long as it was told, each time.
    waited_as_told: Option<bool>,
    /// How often the webhook was called for it.
    webhook_calls: Option<Count>,
    /// How often faults struck it.
    struck: Option<Count>,
}

/// A time that a device waited because it was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait {
    told: Duration,
    took: Duration,
}

/// What a device may be late or early by without anybody having done wrong: journals and answers are
/// stamped to the millisecond, and timers are no better.
const SLACK: Duration = Duration::from_millis(2);

impl JournalPattern {
    /// Whether anything is named.
    pub fn is_empty(&self) -> bool {
        let Self {
            registers,
            polls,
            assigned,
            failed,
            disabled,
            refused,
            refused_by,
            assigned_hub,
            waited,
            waited_as_told,
            webhook_calls,
            struck,
        } = self;
        let counts = [registers, polls, assigned, failed, disabled, refused, webhook_calls, struck];
        counts.iter().all(|count| count.is_none())
            && refused_by.is_none()
            && assigned_hub.is_none()
            && waited.is_none()
            && waited_as_told.is_none()
    }

    /// A member that can only be said of one device, if one is named.
    pub fn of_one_device(&self) -> Option<&'static str> {
        let is_named = [
            (self.assigned_hub.is_some(), "assignedHub"),
            (self.waited.is_some(), "waited"),
            (self.waited_as_told.is_some(), "waitedAsTold"),
        ];
        is_named.into_iter().find_map(|(is_named, member)| is_named.then_some(member))
    }

    /// Each way in which these entries, oldest first, are not what is expected.
    pub fn differences(&self, entries: &[&JournalEntry]) -> Vec<String> {
        let mut differences = Vec::new();
        let with = |status| entries.iter().filter(|it| it.status == status).count() as u64;
        let sum = |of: fn(&JournalEntry) -> u64| entries.iter().map(|entry| of(entry)).sum();
        for (what, wanted, actual) in [
            (
                "registers",
                self.registers,
                entries.iter().filter(|it| is_request(it)).count() as u64,
            ),
            ("polls", self.polls, sum(|entry| entry.polls)),
            ("assigned", self.assigned, with(EntryStatus::Assigned)),
            ("failed", self.failed, with(EntryStatus::Failed)),
            ("disabled", self.disabled, with(EntryStatus::Disabled)),
            ("refused", self.refused, with(EntryStatus::Refused)),
            ("webhookCalls", self.webhook_calls, sum(webhook_calls)),
            ("struck", self.struck, sum(|entry| entry.faults.iter().map(|it| it.count).sum())),
        ] {
            differences.extend(wanted.and_then(|count| count.difference(what, actual)));
        }
        if let Some(check) = &self.refused_by {
            differences.extend(refused_by(check, entries));
        }
        if let Some(hub) = &self.assigned_hub {
            let last = entries.last().and_then(|entry| entry.assigned_hub.as_ref());
            if !last.is_some_and(|last| last.is(hub.as_str())) {
                let last = last.map_or("none", HubName::as_str);
                differences.push(format!("assignedHub: expected {hub}, got {last}"));
            }
        }
        self.compare_waits(&waits(entries), &mut differences);
        differences
    }

    fn compare_waits(&self, waits: &[Wait], differences: &mut Vec<String>) {
        if (self.waited.is_some() || self.waited_as_told.is_some()) && waits.is_empty() {
            differences.push("waited: it was never told to".to_owned());
        }
        if let Some(bounds) = &self.waited {
            // What is a hair too short is not wrong; the other end has no such hair.
            let differs = |wait: &Wait| {
                bounds
                    .difference("waited", wait.took)
                    .filter(|_| bounds.difference("", wait.took + SLACK).is_some())
            };
            differences.extend(waits.iter().find_map(differs));
        }
        if let Some(wanted) = self.waited_as_told {
            let early = waits.iter().find(|wait| wait.took + SLACK < wait.told);
            match (wanted, early) {
                (true, Some(Wait { told, took })) => differences.push(format!(
                    "waitedAsTold: it was told to wait {}, and waited {}",
                    crate::text::spoken(*told),
                    crate::text::spoken(*took)
                )),
                (false, None) if !waits.is_empty() => {
                    differences.push("waitedAsTold: it waited as long as it was told".to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Whether a device has asked for it: not what was taken up again after a restart, nor a connection
/// that was refused.
fn is_request(entry: &JournalEntry) -> bool {
    entry.transport.is_some()
        && (entry.answers.is_empty()
            || !entry.answers.iter().all(|it| it.kind.is_before_requests()))
}

fn webhook_calls(entry: &JournalEntry) -> u64 {
    entry.webhook.as_ref().map_or(0, |webhook| webhook.attempts.len() as u64)
}

fn refused_by(check: &str, entries: &[&JournalEntry]) -> Option<String> {
    let refused = entries.iter().filter(|entry| entry.status == EntryStatus::Refused);
    let by: BTreeSet<_> = refused.map(|entry| entry.failed_check.unwrap_or("none")).collect();
    let is_it = by.len() == 1 && by.contains(check);
    let by = by.into_iter().collect::<Vec<_>>().join(", ");
    let by = if by.is_empty() { "nothing: it was not refused".to_owned() } else { by };
    (!is_it).then(|| format!("refusedBy: expected {check}, got {by}"))
}

/// From each answer that told a device to wait to what it asked next. Answers in a row that say the same
/// are kept as one, with the times of the first and the last (J-218): of them it is the mean.
fn waits(entries: &[&JournalEntry]) -> Vec<Wait> {
    struct Told {
        first: SystemTime,
        last: SystemTime,
        count: u64,
        retry_after: Option<Duration>,
    }
    let of = |entry: &&JournalEntry| {
        let time = entry.time;
        let of = move |answer: &crate::service::EntryAnswer| Told {
            first: time + answer.at,
            last: time + answer.last_at,
            count: answer.count,
            // To be told to wait for nothing is not to be told to wait.
            retry_after: answer.retry_after.filter(|wait| !wait.is_zero()),
        };
        entry.answers.iter().map(of).collect::<Vec<_>>()
    };
    let told: Vec<Told> = entries.iter().flat_map(of).collect();
    let mut waits = Vec::new();
    for (index, answer) in told.iter().enumerate() {
        let Some(wait) = answer.retry_after else { continue };
        let between =
            |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_default();
        if let Some(gaps) = u32::try_from(answer.count.saturating_sub(1)).ok().filter(|n| *n > 0) {
            waits.push(Wait { told: wait, took: between(answer.first, answer.last) / gaps });
        }
        if let Some(next) = told.get(index + 1) {
            waits.push(Wait { told: wait, took: between(answer.last, next.first) });
        }
    }
    waits
}
