//! The journal, as everybody holds it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::changes::Changes;
use super::entry::JournalEntry;
use super::fault::{StruckConnection, add_connection};
use super::filter::JournalFilter;
use super::ring::{Limits, Ring, Slot};
use crate::service::lock::lock;
use crate::sources::Clock;

/// What is kept (J-95).
const LIMITS: Limits = Limits { entries: 10_000, bytes: 64 << 20 };

/// The last registrations of a service, those in progress included: 10,000 of them, or fewer if
/// their texts are more than 64 MiB (J-95). Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Mutex<Ring>,
    /// What struck connections of which nothing else may be known.
    struck: Mutex<VecDeque<StruckConnection>>,
    clock: Clock,
    /// The ring's revision.
    changes: watch::Sender<u64>,
}

impl Journal {
    pub(in crate::service) fn new(clock: Clock) -> Self {
        Self::with_limits(LIMITS, clock)
    }

    pub(super) fn with_limits(limits: Limits, clock: Clock) -> Self {
        let revision = first_revision(clock.now());
        let ring = Mutex::new(Ring::new(limits, revision));
        let changes = watch::Sender::new(revision);
        Self(Arc::new(Inner { ring, struck: Mutex::default(), clock, changes }))
    }

    /// All entries, oldest first, each as it is now.
    pub fn entries(&self) -> Vec<Arc<JournalEntry>> {
        self.ring().slots().map(Slot::entry).collect()
    }

    /// The entry of that number, unless it is forgotten or still to come.
    pub fn entry(&self, sequence: u64) -> Option<Arc<JournalEntry>> {
        self.ring().of_sequence(sequence).map(Slot::entry)
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

    /// How far the journal has come: a number that goes up with every change. Who reads it before
    /// the entries can go on from it with [`changes`](Self::changes) and misses nothing.
    pub fn revision(&self) -> u64 {
        *self.0.changes.borrow()
    }

    /// What is new after a revision: every entry that is wanted and was added or changed since,
    /// once, as it is now, in the order of the last changes. 0 is before everything. With a limit
    /// those that changed first; the revision that comes with them is then theirs, and the rest
    /// comes behind it. An entry of which the filter wants no more, because it stands otherwise now,
    /// is not among them: who must notice that asks without the status and looks for itself
    /// ([`JournalFilter::takes`]).
    ///
    /// The cost is that of what is new. Nothing is kept for a reader, however slow.
    pub fn changes(&self, after: u64, filter: &JournalFilter) -> Changes {
        let limit = filter.limit.unwrap_or(usize::MAX);
        let ring = self.ring();
        let (mut revision, valid_since, oldest) = ring.position();
        let reset = after != 0 && !(valid_since..=revision).contains(&after);
        let from = if reset { 0 } else { after };
        let mut entries = Vec::new();
        let mut last = from;
        for (changed, slot) in ring.changed_after(from) {
            let entry = slot.entry();
            if !filter.takes(&entry) {
                continue;
            }
            if entries.len() >= limit {
                revision = last;
                break;
            }
            last = changed;
            entries.push(entry);
        }
        Changes { revision, entries, oldest, reset }
    }

    /// Waits until the journal is at another revision than this, and returns it; at once if it is
    /// already. Waits for ever where nothing comes, also when the service ends.
    pub async fn changed(&self, after: u64) -> u64 {
        let mut changes = self.0.changes.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        match changes.wait_for(|revision| *revision != after).await {
            Ok(revision) => *revision,
            Err(_) => self.revision(),
        }
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

    /// The last connections that a fault on demand struck before anything was said on them, oldest first:
    /// 256, or fewer (J-269). A registration that came over one has it among the `faults` of its
    /// `connection` too.
    pub fn struck_connections(&self) -> Vec<StruckConnection> {
        lock(&self.0.struck).iter().cloned().collect()
    }

    /// A fault on demand has struck a connection.
    pub(in crate::service) fn struck_connection(&self, connection: StruckConnection) {
        add_connection(&mut lock(&self.0.struck), connection);
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
        lock(&self.0.struck).clear();
        self.change(Ring::clear);
    }

    /// Now, in both ways of telling it.
    pub(super) fn times(&self) -> (SystemTime, Instant) {
        (self.0.clock.now(), self.0.clock.instant())
    }

    pub(super) fn instant(&self) -> Instant {
        self.0.clock.instant()
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        let mut ring = self.ring();
        let changed = change(&mut ring);
        let (revision, ..) = ring.position();
        // Told while the ring is held, so that nobody is told of a revision that is older than the
        // last one.
        self.0.changes.send_if_modified(|told| std::mem::replace(told, revision) != revision);
        changed
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.0.ring)
    }
}

/// The revision of a journal that is empty yet: microseconds since 1970. So what a reader knows of the
/// service that ran before is older than everything here, and the reader is told to begin again
/// (J-197). It stays below 2^53, which JavaScript counts to, until the year 2255.
pub(super) fn first_revision(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default().max(1)
}
