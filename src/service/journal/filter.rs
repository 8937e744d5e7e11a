//! Which entries somebody wants to see.

use serde::Deserialize;

use super::entry::{EntryStatus, JournalEntry};

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
    pub fn takes(&self, entry: &JournalEntry) -> bool {
        let is_of = |id: &String| id.eq_ignore_ascii_case(&entry.registration_id);
        self.after.is_none_or(|after| entry.sequence > after)
            && self.status.is_none_or(|status| entry.status == status)
            && self.registration_id.as_ref().is_none_or(is_of)
    }
}
