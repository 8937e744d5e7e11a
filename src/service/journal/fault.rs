//! The faults on demand that struck a registration, so that they stay bounded.

use std::time::Duration;

use serde::Serialize;

use super::millis::as_millis;
use super::text::Text;

/// How many are kept of one registration (J-267).
const MAX_FAULTS: usize = 32;

/// A fault that struck, or several in a row of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryFault {
    /// When, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// Number of the rule.
    pub id: u64,
    /// The rule.
    pub rule: Text,
    /// How often it struck.
    pub count: u64,
    /// When it struck last.
    #[serde(serialize_with = "as_millis")]
    pub last_at: Duration,
}

/// Adds one. Beyond those that are kept, the newest takes the place of the one before it.
pub(super) fn add(faults: &mut Vec<EntryFault>, fault: EntryFault) {
    let is_full = faults.len() >= MAX_FAULTS;
    match faults.last_mut() {
        Some(last) if last.id == fault.id => {
            last.count += 1;
            last.last_at = fault.at;
        }
        Some(last) if is_full => *last = fault,
        _ => faults.push(fault),
    }
}
