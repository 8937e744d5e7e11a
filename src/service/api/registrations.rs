//! Registration records as the service side sees them (E.5): to be read and deleted, never edited.

use std::sync::Arc;

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::error::ApiError;
use super::precondition::IfMatch;
use super::query::Page;
use super::request::Request;
use super::response::Response;
use crate::service::enrollment::Kind;
use crate::service::journal::{EntryStatus, JournalFilter};
use crate::service::record::{DeviceRecord, Outcome};
use crate::service::registrar::Registrar;
use crate::service::store::Change;
use crate::wire::{
    ApiVersion, DeviceRegistrationResult, RESERVED, RegistrationId, Status, timestamp,
};

/// What a record says to the service side: nothing of attestation and payload (E.5), but times and
/// etag whatever the outcome (F.1).
fn state(record: &DeviceRecord, api_version: &ApiVersion) -> DeviceRegistrationResult {
    let told = record.reply(api_version).registration_state.unwrap_or_default();
    DeviceRegistrationResult {
        tpm: None,
        issued_certificate_chain: None,
        x509: None,
        symmetric_key: None,
        payload: None,
        created_date_time_utc: Some(timestamp(record.created)),
        last_updated_date_time_utc: Some(timestamp(record.updated)),
        etag: Some(record.etag.encoded()),
        ..told
    }
}

fn value(state: &DeviceRegistrationResult) -> Value {
    // Texts and numbers only, so there is nothing that could fail.
    serde_json::to_value(state).unwrap_or_default()
}

/// The `registrationState` of an individual enrollment; one that was never used says so (E.5).
pub(super) fn state_or_unassigned(
    registrar: &Registrar,
    api_version: &ApiVersion,
    registration_id: &str,
) -> Value {
    let id = registration_id.parse::<RegistrationId>().ok();
    match id.and_then(|id| registrar.records().device(&id)) {
        Some(record) => value(&state(&record, api_version)),
        None => value(&DeviceRegistrationResult {
            registration_id: Some(registration_id.to_owned()),
            status: Some(Status::Unassigned),
            ..DeviceRegistrationResult::default()
        }),
    }
}

/// The record of one device.
pub(super) fn get(
    registrar: &Registrar,
    api_version: &ApiVersion,
    id: &str,
) -> Result<Response, ApiError> {
    let id = registration_id(id)?;
    let record = registrar.records().device(&id).ok_or_else(ApiError::no_registration)?;
    let response = Response::json(200, &state(&record, api_version));
    Ok(match reason(registrar, &record) {
        Some(reason) => response.with(REASON, reason),
        None => response,
    })
}

/// Why there is no hub, as the journal has it, percent-encoded (J-213).
const REASON: &str = "x-provision-sim-reason";

fn reason(registrar: &Registrar, record: &DeviceRecord) -> Option<String> {
    if !matches!(record.outcome, Outcome::Failed { .. }) {
        return None;
    }
    let filter = JournalFilter {
        registration_id: Some(record.registration_id.to_string()),
        status: Some(EntryStatus::Failed),
        limit: Some(1),
        ..JournalFilter::default()
    };
    let entries = registrar.journal.find(&filter);
    let reason = entries.first()?.reason.as_ref()?;
    Some(utf8_percent_encode(reason, RESERVED).to_string())
}

/// Deletes the record of one device: its next registration is an initial one (E.7).
pub(super) async fn delete(
    registrar: &Registrar,
    request: &Request,
    id: &str,
) -> Result<Response, ApiError> {
    let if_match = IfMatch::of(request)?;
    let id = registration_id(id)?;
    let records = registrar.records();
    let _held = records.hold_registration(&id).await;
    let record = records.device(&id).ok_or_else(ApiError::no_registration)?;
    if_match.check(&record.etag)?;
    let removed = records.commit(vec![Change::RemoveDevice(id.clone())]).await;
    removed.map_err(|_| ApiError::internal())?;
    tracing::info!("{id}: its registration record was deleted");
    Ok(Response::no_content())
}

/// The records of the devices that registered through a group. They outlive the group (E.7).
pub(super) fn of_group(
    registrar: &Registrar,
    request: &Request,
    api_version: &ApiVersion,
    group_id: &str,
) -> Result<Response, ApiError> {
    let page = Page::asked(request)?;
    let records = registrar.records().of_group(group_id, page.after(), page.length + 1);
    let is_there = registrar.read_enrollments(|all| all.find(Kind::Group, group_id).is_some());
    if records.is_empty() && page.after().is_none() && !is_there {
        return Err(ApiError::no_enrollment(Kind::Group));
    }
    let id = |record: &Arc<DeviceRecord>| record.registration_id.folded();
    Ok(page.answer("DeviceRegistration", records, id, |record| state(record, api_version)))
}

/// What cannot be a registration ID names no record.
fn registration_id(text: &str) -> Result<RegistrationId, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request("Invalid RegistrationId"))
}
