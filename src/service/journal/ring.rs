//! The last registrations, and no more than fit into a bounded memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::entry::JournalEntry;
use super::text::{Shared, Text};
use crate::service::lock::lock;

/// How much is kept; the oldest entries go first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Entries.
    pub(super) entries: usize,
    /// Bytes of all their texts. An entry alone may exceed it.
    pub(super) bytes: usize,
}

/// An entry that still changes. Whoever completes it has it too, so that it is completed even when
/// the ring has forgotten it.
#[derive(Debug)]
pub(super) struct Slot {
    sequence: u64,
    entry: Mutex<Arc<JournalEntry>>,
}

impl Slot {
    /// The entry as it is now.
    pub(super) fn entry(&self) -> Arc<JournalEntry> {
        lock(&self.entry).clone()
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Ring {
    limits: Limits,
    /// Their sequence numbers follow each other without gaps.
    slots: VecDeque<Arc<Slot>>,
    by_operation: HashMap<Text, Arc<Slot>>,
    last_sequence: u64,
    bytes: usize,
    shared: Shared,
}

impl Ring {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: VecDeque::new(),
            by_operation: HashMap::new(),
            last_sequence: 0,
            bytes: 0,
            shared: Shared::default(),
        }
    }

    /// Adds an entry, which `make` makes of its sequence number and the texts known so far.
    pub(super) fn push(
        &mut self,
        make: impl FnOnce(u64, &mut Shared) -> JournalEntry,
    ) -> Arc<Slot> {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        let entry = make(sequence, &mut self.shared);
        self.bytes += entry.weight();
        let operation_id = entry.operation_id.clone();
        let slot = Arc::new(Slot { sequence, entry: Mutex::new(Arc::new(entry)) });
        if let Some(operation_id) = operation_id {
            self.by_operation.insert(operation_id, slot.clone());
        }
        self.slots.push_back(slot.clone());
        self.trim();
        slot
    }

    /// Changes an entry, whether it is still in the ring or not.
    pub(super) fn change(
        &mut self,
        slot: &Slot,
        change: impl FnOnce(&mut JournalEntry, &mut Shared),
    ) {
        let (before, after) = {
            let mut entry = lock(&slot.entry);
            let before = entry.weight();
            change(Arc::make_mut(&mut entry), &mut self.shared);
            (before, entry.weight())
        };
        if self.slots.front().is_some_and(|oldest| oldest.sequence <= slot.sequence) {
            self.bytes = self.bytes + after - before;
            self.trim();
        }
    }

    /// The entry of an operation.
    pub(super) fn of_operation(&self, operation_id: &str) -> Option<Arc<Slot>> {
        self.by_operation.get(operation_id).cloned()
    }

    /// All entries, oldest first.
    pub(super) fn slots(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter().map(Arc::as_ref)
    }

    /// Forgets all entries. Numbers go on, so that nobody who asks for what comes after one is
    /// given an older one.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.by_operation.clear();
        self.bytes = 0;
    }

    fn trim(&mut self) {
        while self.slots.len() > self.limits.entries
            || (self.bytes > self.limits.bytes && self.slots.len() > 1)
        {
            let Some(oldest) = self.slots.pop_front() else { return };
            let entry = oldest.entry();
            self.bytes = self.bytes.saturating_sub(entry.weight());
            if let Some(operation_id) = &entry.operation_id {
                self.by_operation.remove(operation_id.as_str());
            }
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.slots.len(), self.by_operation.len(), self.bytes)
    }
}
