//! What a failed registration means, from whoever runs the service and knows more of failures than it does.
//!
//! The service says what it saw; a catalogue of causes and remedies lies above it. Pages ask through this
//! hook, so that they show both.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::journal::JournalEntry;

/// What a failure means, and what to try. Texts, for people; where something stands between two backticks
/// it is to be typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What a catalogue finds it by, such as `401002`.
    pub key: String,
    /// What happened, in a few words.
    pub title: String,
    /// What it means, in a sentence or two.
    pub meaning: String,
    /// Why it usually happens, the likeliest first; without a capital and a full stop.
    pub causes: Vec<String>,
    /// What to try, the quickest first.
    pub remedies: Vec<String>,
}

/// Somebody who can explain failed registrations. The default explains nothing.
#[derive(Clone, Default)]
pub struct Commentary(Option<Arc<Explain>>);

type Explain = dyn Fn(&JournalEntry) -> Option<Explanation> + Send + Sync;

impl Commentary {
    /// Calls `explain` for the registration that somebody looks at, whatever came of it.
    pub fn new(
        explain: impl Fn(&JournalEntry) -> Option<Explanation> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(explain)))
    }

    /// What there is to say.
    pub(in crate::service) fn on(&self, entry: &JournalEntry) -> Option<Explanation> {
        self.0.as_ref().and_then(|explain| explain(entry))
    }
}

impl fmt::Debug for Commentary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commentary")
    }
}
