//! How many registrations stand how.

use std::sync::Arc;

use serde::Serialize;

use super::filter::{Filter, STATUSES};
use crate::service::journal::JournalEntry;

/// How many there are of each status, in the order of [`STATUSES`], whatever status is looked at.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) all: usize,
    pub(super) each: [usize; STATUSES.len()],
}

impl Counts {
    pub(super) fn of(entries: &[Arc<JournalEntry>], filter: &Filter) -> Self {
        let mut counts = Self::default();
        for entry in entries.iter().filter(|entry| filter.takes_whatever_its_status(entry)) {
            counts.all += 1;
            for (count, status) in counts.each.iter_mut().zip(STATUSES) {
                *count += usize::from(entry.status == status);
            }
        }
        counts
    }
}
