//! What the service tells whoever watches it: one event per finished registration, a view of the
//! journal's entry.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::entry::JournalEntry;
use super::millis::millis;
use crate::wire::{ErrorCode, HubName};

/// A registration that ended, or was refused. Serializes to the line that `serve -o jsonl` prints;
/// what is not known is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationEvent {
    /// Always `registration`.
    pub event: &'static str,
    /// The device.
    pub registration_id: String,
    /// The operation, if one was begun.
    pub operation_id: Option<String>,
    /// `assigned`, `failed`, `disabled`, or `refused` if no operation was begun.
    pub status: String,
    /// The enrollment that vouched for the device.
    pub enrollment: Option<String>,
    /// Its hub.
    pub assigned_hub: Option<HubName>,
    /// Why it has none.
    pub error_code: Option<ErrorCode>,
    /// Which check a refused device did not pass.
    pub failed_check: Option<&'static str>,
    /// Milliseconds from the request to the result.
    pub ms: u64,
}

impl From<&JournalEntry> for RegistrationEvent {
    fn from(entry: &JournalEntry) -> Self {
        Self {
            event: "registration",
            registration_id: entry.registration_id.to_string(),
            operation_id: entry.operation_id.as_ref().map(ToString::to_string),
            status: entry.status.as_str().to_owned(),
            enrollment: entry.enrollment.as_ref().map(|enrollment| enrollment.name.to_string()),
            assigned_hub: entry.assigned_hub.clone(),
            error_code: entry.error_code,
            failed_check: entry.failed_check,
            ms: entry.took.map(millis).unwrap_or_default(),
        }
    }
}

/// Somebody who wants to know of every registration. Called from within the service: must be
/// quick.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<Tell>>);

type Tell = dyn Fn(&RegistrationEvent) + Send + Sync;

impl Observer {
    /// Calls `tell` for every event.
    pub fn new(tell: impl Fn(&RegistrationEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Tells of a registration that ended, or was refused.
    pub(in crate::service) fn tell(&self, entry: &JournalEntry) {
        if let Some(tell) = &self.0 {
            tell(&entry.into());
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
