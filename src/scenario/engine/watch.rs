//! Steps that look at the service from behind: what its journal says, and waiting until something is so.

use std::collections::BTreeSet;
use std::time::Duration;

use super::core::Engine;
use crate::scenario::stage::{Moment, Noted, Stage, Watched};
use crate::scenario::step::{Condition, JournalStep};
use crate::service::JournalEntry;

/// How often a condition is looked at. What is waited for is the condition; this bounds only how late it
/// is noticed.
const GLANCE: Duration = Duration::from_millis(10);

impl<S: Stage> Engine<S> {
    /// What the journal says of devices.
    pub(super) fn journal(&self, step: &JournalStep) -> Vec<String> {
        let Some(watched) = self.stage.watched() else {
            return vec!["the service's journal cannot be seen here".to_owned()];
        };
        let since = step.since.as_ref().map_or(Moment::default(), |name| self.begun(name));
        let entries = match step.since {
            Some(_) => watched.since(since),
            None => watched.entries(),
        };
        let of = |takes: &dyn Fn(&str) -> bool| -> Vec<&JournalEntry> {
            let of_it = entries.iter().filter(|it| takes(&it.entry.registration_id));
            of_it.map(|noted| &*noted.entry).collect()
        };
        let mut differences = Vec::new();
        if let Some(each) = &step.each {
            for id in self.meant(step, &entries) {
                let of_it = of(&|other| other.eq_ignore_ascii_case(&id));
                let told = each.differences(&of_it);
                differences.extend(told.into_iter().map(|it| format!("{id}: {it}")));
            }
        }
        if let Some(total) = &step.total {
            let told = total.differences(&of(&|other| step.devices.takes(other)));
            differences.extend(told.into_iter().map(|it| format!("total: {it}")));
        }
        differences
    }

    /// Whose entries are looked at: those of the file's devices first, then of others that came. A name
    /// that nobody has is looked at too, for it may be expected never to have come.
    fn meant(&self, step: &JournalStep, entries: &[Noted]) -> Vec<String> {
        let declared = step.devices.of_these(self.devices.all(), |device| &device.name);
        let mut ids: Vec<String> =
            declared.iter().map(|device| device.registration_id.to_string()).collect();
        let seen: BTreeSet<_> =
            entries.iter().map(|noted| noted.entry.registration_id.to_string()).collect();
        for id in seen {
            let is_new = !ids.iter().any(|other| other.eq_ignore_ascii_case(&id));
            if is_new && step.devices.takes(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            ids.push(step.devices.to_string());
        }
        ids
    }

    /// Waits until all that a condition names is so, but for a step, which is joined by whoever has it.
    pub(super) async fn wait(&self, condition: &Condition) {
        if self.sources.clock.stands() {
            return self.wait_for_lull(condition).await;
        }
        let mut ticks = tokio::time::interval(GLANCE);
        loop {
            ticks.tick().await;
            if self.holds(condition).await {
                return;
            }
        }
    }

    /// The same by a clock that stands: all that can happen at one time happens before it is looked at, and
    /// what comes after this step comes at the same time.
    async fn wait_for_lull(&self, condition: &Condition) {
        self.lull().await;
        while !self.holds(condition).await {
            self.next_lull().await;
        }
    }

    async fn holds(&self, condition: &Condition) -> bool {
        if let Some(function) = &condition.function {
            let calls = self.stage.function_calls(function).unwrap_or_default();
            if !condition.wanted_calls().allows(calls) {
                return false;
            }
        }
        let Some(device) = condition.device.as_deref().and_then(|it| self.devices.named(it)) else {
            return true;
        };
        let id = device.registration_id.as_str();
        if let Some(watched) = self.stage.watched()
            && !journal_holds(condition, id, watched)
        {
            return false;
        }
        let Some(wanted) = condition.at_hub else { return true };
        match self.devices.known(device).assignment() {
            None => !wanted,
            Some(it) => self.stage.is_at_hub(&it.hub, &it.device_id).await == Some(wanted),
        }
    }

    /// What stands in the way of a condition, for a step whose time is up.
    pub(super) fn hindrance(&self, condition: &Condition) -> String {
        let device = condition.device.as_deref().and_then(|it| self.devices.named(it));
        let watched = self.stage.watched();
        let last = device.zip(watched).and_then(|(device, watched)| {
            let id = device.registration_id.as_str();
            let entries = watched.entries();
            entries.into_iter().rfind(|it| it.entry.registration_id.eq_ignore_ascii_case(id))
        });
        match (device, last) {
            (Some(_), Some(Noted { entry, .. })) => format!(
                "it never came to {}: its last registration is {}, polled {} times",
                condition.title(),
                entry.status.as_str(),
                entry.polls
            ),
            (Some(_), None) => {
                format!("it never came to {}: it has not registered", condition.title())
            }
            (None, _) => format!("it never came to {}", condition.title()),
        }
    }
}

fn journal_holds(condition: &Condition, id: &str, watched: &Watched) -> bool {
    let Condition { status, polls, registers, struck, .. } = condition;
    if status.is_none() && polls.is_none() && registers.is_none() && struck.is_none() {
        return true;
    }
    let entries: Vec<_> = watched
        .entries()
        .into_iter()
        .map(|noted| noted.entry)
        .filter(|entry| entry.registration_id.eq_ignore_ascii_case(id))
        .collect();
    let Some(last) = entries.last() else { return false };
    let asked = entries.iter().filter(|entry| entry.transport.is_some()).count() as u64;
    let strikes: u64 =
        entries.iter().flat_map(|entry| &entry.faults).map(|fault| fault.count).sum();
    status.is_none_or(|status| last.status == status)
        && polls.is_none_or(|least| last.polls >= least)
        && registers.is_none_or(|least| asked >= least)
        && struck.is_none_or(|least| strikes >= least)
}
