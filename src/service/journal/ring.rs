//! The last registrations, and no more than fit into a bounded memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use super::entry::JournalEntry;
use super::text::{Shared, Text};
use crate::service::lock::lock;
use crate::wire::RegistrationId;

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
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entry: Arc<JournalEntry>,
    /// That of its last change; meaningless once it is forgotten.
    revision: u64,
}

impl Slot {
    /// The entry as it is now.
    pub(super) fn entry(&self) -> Arc<JournalEntry> {
        lock(&self.state).entry.clone()
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Ring {
    limits: Limits,
    /// Their sequence numbers follow each other without gaps.
    slots: VecDeque<Arc<Slot>>,
    by_operation: HashMap<Text, Arc<Slot>>,
    /// By the revision of their last change, so that readers look at no entry that they know.
    by_revision: BTreeMap<u64, Arc<Slot>>,
    /// Goes up with every change.
    revision: u64,
    /// What was known at an earlier revision is no longer true: the first, or that of the last
    /// clearing.
    valid_since: u64,
    last_sequence: u64,
    bytes: usize,
    shared: Shared,
}

impl Ring {
    /// An empty one, whose first change has the number after `revision`.
    pub(super) fn new(limits: Limits, revision: u64) -> Self {
        Self {
            limits,
            slots: VecDeque::new(),
            by_operation: HashMap::new(),
            by_revision: BTreeMap::new(),
            revision,
            valid_since: revision,
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
        self.revision += 1;
        let state = State { entry: Arc::new(entry), revision: self.revision };
        let slot = Arc::new(Slot { sequence, state: Mutex::new(state) });
        self.by_revision.insert(self.revision, slot.clone());
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
        slot: &Arc<Slot>,
        change: impl FnOnce(&mut JournalEntry, &mut Shared),
    ) {
        let kept = self.slots.front().is_some_and(|oldest| oldest.sequence <= slot.sequence);
        let (before, after) = {
            let mut state = lock(&slot.state);
            let before = state.entry.weight();
            change(Arc::make_mut(&mut state.entry), &mut self.shared);
            if kept {
                self.by_revision.remove(&state.revision);
                self.revision += 1;
                state.revision = self.revision;
                self.by_revision.insert(self.revision, slot.clone());
            }
            (before, state.entry.weight())
        };
        if kept {
            self.bytes = self.bytes + after - before;
            self.trim();
        }
    }

    /// An entry that has no operation becomes that of one; not if it is forgotten already.
    pub(super) fn adopt(&mut self, slot: &Arc<Slot>, operation_id: Text) -> bool {
        let is_kept = self.is_kept(slot);
        if is_kept {
            self.by_operation.insert(operation_id, slot.clone());
        }
        is_kept
    }

    /// Whether an entry is not forgotten.
    pub(super) fn is_kept(&self, slot: &Slot) -> bool {
        self.of_sequence(slot.sequence).is_some_and(|kept| std::ptr::eq(kept, slot))
    }

    /// The entry of an operation.
    pub(super) fn of_operation(&self, operation_id: &str) -> Option<Arc<Slot>> {
        self.by_operation.get(operation_id).cloned()
    }

    /// The newest entry of a device.
    pub(super) fn of_device(&self, registration_id: &RegistrationId) -> Option<Arc<Slot>> {
        let is_of_device =
            |slot: &&Arc<Slot>| registration_id.names_same_device(&slot.entry().registration_id);
        self.slots.iter().rev().find(is_of_device).cloned()
    }

    /// The entry of that number.
    pub(super) fn of_sequence(&self, sequence: u64) -> Option<&Slot> {
        let first = self.slots.front()?.sequence;
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.slots.get(index).map(Arc::as_ref)
    }

    /// All entries, oldest first.
    pub(super) fn slots(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter().map(Arc::as_ref)
    }

    /// The revision, that since which readers' knowledge holds, and the number of the oldest entry
    /// that there is or will be.
    pub(super) fn position(&self) -> (u64, u64, u64) {
        let oldest = self.slots.front().map_or(self.last_sequence + 1, |slot| slot.sequence);
        (self.revision, self.valid_since, oldest)
    }

    /// What changed after a revision, with the revision of its last change, in the order of these.
    pub(super) fn changed_after(&self, revision: u64) -> impl Iterator<Item = (u64, &Slot)> {
        let later = (Bound::Excluded(revision), Bound::Unbounded);
        self.by_revision.range(later).map(|(revision, slot)| (*revision, &**slot))
    }

    /// Forgets all entries. Numbers go on, so that nobody who asks for what comes after one is
    /// given an older one.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.by_operation.clear();
        self.by_revision.clear();
        self.bytes = 0;
        self.revision += 1;
        self.valid_since = self.revision;
    }

    fn trim(&mut self) {
        while self.slots.len() > self.limits.entries
            || (self.bytes > self.limits.bytes && self.slots.len() > 1)
        {
            let Some(oldest) = self.slots.pop_front() else { return };
            self.by_revision.remove(&lock(&oldest.state).revision);
            let entry = oldest.entry();
            self.bytes = self.bytes.saturating_sub(entry.weight());
            if let Some(operation_id) = &entry.operation_id {
                self.by_operation.remove(operation_id.as_str());
            }
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        assert_eq!(self.by_revision.len(), self.slots.len());
        (self.slots.len(), self.by_operation.len(), self.bytes)
    }
}
