//! What the service remembers of the registrations it saw, for people and for tests: what came,
//! which check failed, what was said to the webhook and by it, and what came of it.
//!
//! Only written to by the registrar, through a [`Recording`]; nothing is decided by what stands in
//! it. `entry` is the model, `event` the short view that observers get, `ring` bounds the memory,
//! `recording` knows what is written down when.

mod entry;
mod event;
mod recording;
mod ring;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Arc, Mutex, MutexGuard};

use serde::Deserialize;
use tokio::sync::watch;

pub use entry::{
    EntryAttestation, EntryEnrollment, EntryStatus, JournalEntry, WebhookAttempt, WebhookExchange,
};
pub use event::{Observer, RegistrationEvent};
pub(super) use recording::Recording;
pub use text::Text;

use ring::{Limits, Ring, Slot};

/// What is kept (J-95).
const LIMITS: Limits = Limits { entries: 10_000, bytes: 64 << 20 };

/// The last registrations of a service, those in progress included: 10,000 of them, or fewer if
/// their texts are more than 64 MiB (J-95). Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    // Held for a look-up or a change at most, never across an await.
    ring: Mutex<Ring>,
    /// Counts the changes.
    changes: watch::Sender<u64>,
}

/// Which entries are wanted. [`Default`] wants all.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JournalFilter {
    /// Of this device; case does not matter.
    pub registration_id: Option<String>,
    /// That stand so.
    pub status: Option<EntryStatus>,
    /// With a greater sequence number than this.
    pub after: Option<u64>,
    /// At most so many: with `after` the oldest of them, so that a reader can go on from the last
    /// one it has; without it the newest (J-97).
    pub limit: Option<usize>,
}

impl JournalFilter {
    /// Whether an entry is wanted, whatever the limit.
    fn takes(&self, entry: &JournalEntry) -> bool {
        let is_of = |id: &String| id.eq_ignore_ascii_case(&entry.registration_id);
        self.after.is_none_or(|after| entry.sequence > after)
            && self.status.is_none_or(|status| entry.status == status)
            && self.registration_id.as_ref().is_none_or(is_of)
    }
}

impl Journal {
    pub(super) fn new() -> Self {
        Self::with_limits(LIMITS)
    }

    fn with_limits(limits: Limits) -> Self {
        let ring = Mutex::new(Ring::new(limits));
        Self(Arc::new(Inner { ring, changes: watch::Sender::new(0) }))
    }

    /// All entries, oldest first, each as it is now.
    pub fn entries(&self) -> Vec<Arc<JournalEntry>> {
        self.ring().slots().map(Slot::entry).collect()
    }

    /// The entries that are wanted, oldest first.
    pub fn find(&self, filter: &JournalFilter) -> Vec<Arc<JournalEntry>> {
        let entries = self.entries();
        let wanted = entries.into_iter().filter(|entry| filter.takes(entry));
        let limit = filter.limit.unwrap_or(usize::MAX);
        if filter.after.is_some() {
            return wanted.take(limit).collect();
        }
        let mut newest: Vec<_> = wanted.rev().take(limit).collect();
        newest.reverse();
        newest
    }

    /// Waits until there is an entry that satisfies `predicate`, and returns the oldest one; at
    /// once if it is there already. What an entry said between two looks may be missed, what it
    /// says in the end is not. Waits for ever for what never comes, also when the service ends:
    /// put a time limit around it.
    pub async fn wait_for(
        &self,
        mut predicate: impl FnMut(&JournalEntry) -> bool,
    ) -> Arc<JournalEntry> {
        // Subscribed before the first look, so that no change is missed between look and wait.
        let mut changes = self.0.changes.subscribe();
        loop {
            let found = self.entries().into_iter().find(|entry| predicate(entry));
            if let Some(entry) = found {
                return entry;
            }
            // The sender lives in `self`, so waiting cannot fail.
            let _ = changes.changed().await;
        }
    }

    /// A device has asked for the result of its operation.
    pub(super) fn polled(&self, operation_id: &str) {
        let slot = self.ring().of_operation(operation_id);
        if let Some(slot) = slot {
            self.change(|ring| ring.change(&slot, |entry, _| entry.polls += 1));
        }
    }

    /// Forgets all entries. Sequence numbers go on.
    pub(super) fn clear(&self) {
        self.change(Ring::clear);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        let changed = change(&mut self.ring());
        self.0.changes.send_modify(|count| *count = count.wrapping_add(1));
        changed
    }

    /// A panic while the lock is held can only come from the allocator; the ring is whole.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
