//! What the log says of registrations that are accepted and end.

use crate::service::attest::{Attested, Evidence, slot_name};
use crate::service::caller::Caller;
use crate::service::enrollment::Kind;
use crate::service::record::{DeviceRecord, Outcome};

pub(super) fn accepted(caller: &Caller, attested: &Attested) {
    let id = &caller.registration_id;
    let through = match attested.enrollment.kind() {
        Kind::Individual => "its own enrollment".to_owned(),
        Kind::Group => format!("enrollment group {}", attested.enrollment.name()),
    };
    let by = match &attested.evidence {
        Evidence::Key(matched) => format!("{} key", slot_name(matched.slot)),
        Evidence::Certificate { leaf, authority: None } => {
            format!("certificate {}", leaf.info().sha1_thumbprint)
        }
        Evidence::Certificate { authority: Some(authority), .. } => {
            format!("certificate below {authority:?}")
        }
        Evidence::Tpm(_) => "TPM".to_owned(),
    };
    tracing::info!(
        "{id}: registering through {through} ({by}, api-version {})",
        caller.api_version
    );
    if matches!(&attested.evidence, Evidence::Key(matched) if matched.folded) {
        tracing::warn!(
            "{id}: its key is derived from the lower-case form of its ID; whether Azure takes that is not documented (J-5)"
        );
    }
    if !caller.api_version.is_known() {
        tracing::warn!(
            "{id}: api-version {} is not known; served as a newer one (J-11)",
            caller.api_version
        );
    }
}

pub(super) fn finished(record: &DeviceRecord) {
    let id = &record.registration_id;
    match (&record.outcome, &record.assignment) {
        (Outcome::Assigned { .. }, Some(assignment)) => {
            tracing::info!("{id}: assigned to {}", assignment.hub)
        }
        (Outcome::Failed { code, message }, _) => {
            tracing::warn!("{id}: failed with {code}: {message}")
        }
        (Outcome::Disabled, _) => {
            tracing::warn!("{id}: its enrollment {} is disabled", record.enrollment.name)
        }
        _ => {}
    }
}
