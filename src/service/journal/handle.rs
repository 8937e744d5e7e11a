//! The journal, as everybody holds it.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::entry::JournalEntry;
use super::filter::JournalFilter;
use super::ring::{Limits, Ring, Slot};
use crate::service::lock::lock;

/// What is kept (J-95).
const LIMITS: Limits = Limits { entries: 10_000, bytes: 64 << 20 };

/// The last registrations of a service, those in progress included: 10,000 of them, or fewer if
/// their texts are more than 64 MiB (J-95). Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Mutex<Ring>,
    /// Counts the changes.
    changes: watch::Sender<u64>,
}

impl Journal {
    pub(in crate::service) fn new() -> Self {
        Self::with_limits(LIMITS)
    }

    pub(super) fn with_limits(limits: Limits) -> Self {
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
    pub(in crate::service) fn polled(&self, operation_id: &str) {
        let slot = self.ring().of_operation(operation_id);
        if let Some(slot) = slot {
            self.change(|ring| ring.change(&slot, |entry, _| entry.polls += 1));
        }
    }

    /// Forgets all entries. Sequence numbers go on.
    pub(in crate::service) fn clear(&self) {
        self.change(Ring::clear);
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        let changed = change(&mut self.ring());
        self.0.changes.send_modify(|count| *count = count.wrapping_add(1));
        changed
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.0.ring)
    }
}
