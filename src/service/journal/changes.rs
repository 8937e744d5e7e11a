//! What a live reader of the journal has to know.

use std::sync::Arc;

use super::entry::JournalEntry;

/// What became of the journal after a revision; see [`Journal::changes`](super::Journal::changes).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Changes {
    /// Where to go on.
    pub revision: u64,
    /// The entries that were added or changed, each once and as it is now, in the order of their
    /// last changes.
    pub entries: Vec<Arc<JournalEntry>>,
    /// Entries with a lower sequence number than this are forgotten: they made room, or the journal
    /// was cleared.
    pub oldest: u64,
    /// What the reader had is no longer true: the journal was cleared since, or the revision is of
    /// another service, such as the one that ran before. `entries` then begins from nothing (J-197).
    pub reset: bool,
}
