//! What the service tells whoever watches it: one event per finished registration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::record::{DeviceRecord, Outcome};
use super::registrar::Caller;
use crate::wire::ErrorCode;

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
    pub assigned_hub: Option<String>,
    /// Why it has none.
    pub error_code: Option<ErrorCode>,
    /// Which check a refused device did not pass.
    pub failed_check: Option<&'static str>,
    /// Milliseconds from the request to the result.
    pub ms: u64,
}

impl RegistrationEvent {
    pub(super) fn finished(record: &DeviceRecord, took: Duration) -> Self {
        let is_assigned = matches!(record.outcome, Outcome::Assigned { .. });
        let hub = record
            .assignment
            .as_ref()
            .filter(|_| is_assigned)
            .map(|assignment| assignment.hub.clone());
        Self {
            event: "registration",
            registration_id: record.registration_id.to_string(),
            operation_id: Some(record.operation_id.to_string()),
            status: record.outcome.status().as_str().to_owned(),
            enrollment: Some(record.enrollment.name.clone()),
            assigned_hub: hub,
            error_code: match record.outcome {
                Outcome::Failed { code, .. } => Some(code),
                _ => None,
            },
            failed_check: None,
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn refused(caller: &Caller, code: ErrorCode, failed_check: &'static str) -> Self {
        Self {
            event: "registration",
            registration_id: caller.registration_id.to_string(),
            operation_id: None,
            status: "refused".to_owned(),
            enrollment: None,
            assigned_hub: None,
            error_code: Some(code),
            failed_check: Some(failed_check),
            ms: 0,
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

    pub(super) fn tell(&self, event: &RegistrationEvent) {
        if let Some(tell) = &self.0 {
            tell(event);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
