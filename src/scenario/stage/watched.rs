//! What can be seen of a service from behind: journals, one for each time that it was started, and the
//! faults that it has on demand.

use std::sync::{Arc, Mutex, PoisonError};

use crate::service::{FaultRule, FaultStatus, Faults, Journal, JournalEntry};

/// The service as it is seen from behind. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Watched(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    journals: Vec<Journal>,
    faults: Option<Faults>,
    /// What was asked for since the start, so that a service that is started again has it too.
    wanted: Vec<FaultRule>,
    /// What the faults of services that have ended had done.
    past: Vec<FaultStatus>,
}

/// A moment in the journals; what is new since can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    journal: usize,
    sequence: u64,
}

/// An entry of one of the journals.
#[derive(Debug, Clone)]
pub struct Noted {
    /// Which start of the service it belongs to, counted from 0.
    pub start: usize,
    /// The entry.
    pub entry: Arc<JournalEntry>,
}

impl Watched {
    /// A service was started: its journal and its faults are seen from now on.
    pub fn started(&self, journal: Journal, faults: Faults) {
        self.with(|inner| {
            if let Some(before) = &inner.faults {
                inner.past.extend(before.list());
                inner.wanted.iter().cloned().for_each(|rule| {
                    faults.add(rule);
                });
            }
            inner.journals.push(journal);
            inner.faults = Some(faults);
        });
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<Noted> {
        let journals = self.with(|inner| inner.journals.clone());
        let of = |(start, journal): (usize, Journal)| {
            journal.entries().into_iter().map(move |entry| Noted { start, entry })
        };
        journals.into_iter().enumerate().flat_map(of).collect()
    }

    /// Where the journals stand.
    pub fn now(&self) -> Moment {
        let last = self.with(|inner| (inner.journals.len(), inner.journals.last().cloned()));
        let (Some(journal), Some(last)) = (last.0.checked_sub(1), last.1) else {
            return Moment::default();
        };
        let sequence = last.entries().last().map_or(0, |entry| entry.sequence);
        Moment { journal, sequence }
    }

    /// The entries that have come since.
    pub fn since(&self, moment: Moment) -> Vec<Noted> {
        let is_new =
            |noted: &Noted| (noted.start, noted.entry.sequence) > (moment.journal, moment.sequence);
        self.entries().into_iter().filter(is_new).collect()
    }

    /// Has something go wrong from now on.
    pub fn add_fault(&self, rule: FaultRule) {
        self.with(|inner| {
            if let Some(faults) = &inner.faults {
                faults.add(rule.clone());
            }
            inner.wanted.push(rule);
        });
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.with(|inner| {
            if let Some(faults) = &inner.faults {
                inner.past.extend(faults.list());
                faults.clear();
            }
            inner.wanted.clear();
        });
    }

    /// All faults so far and what they have done, also those that are over.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.with(|inner| {
            let present = inner.faults.as_ref().map(Faults::list).unwrap_or_default();
            inner.past.iter().cloned().chain(present).collect()
        })
    }

    /// A panic while it is held leaves it whole.
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
