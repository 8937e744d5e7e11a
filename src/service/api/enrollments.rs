//! One enrollment or group: create, update, read, delete, and tell its keys (E.5).

use std::sync::Arc;

use super::edit::Edit;
use super::error::ApiError;
use super::precondition::IfMatch;
use super::registrations;
use super::request::Request;
use super::response::Response;
use crate::service::doubt;
use crate::service::enrollment::{Enrollment, Kind, Secrets, read_now, show, show_attestation};
use crate::service::registrar::Registrar;
use crate::wire::ApiVersion;

/// Creates, or with `If-Match` replaces. The answer shows symmetric keys, made ones too (E.3).
pub(super) async fn put(
    registrar: &Registrar,
    request: &Request,
    kind: Kind,
    id: &str,
) -> Result<Response, ApiError> {
    let json = request.json()?;
    let if_match = IfMatch::of(request)?;
    let stored =
        registrar.change_enrollment(id, |all| store(all, kind, id, json, &if_match)).await?;
    doubt::warn(registrar.instance(), &stored);
    tracing::info!("{} {} was stored", noun(kind), stored.name());
    Ok(Response::json(200, &show(&stored, Secrets::Shown, None)))
}

/// Stores an enrollment as it came under the name that it is meant for. What the request leaves out
/// of keys and certificates stays as it was, and so does the time it was made.
///
/// # Errors
///
/// 400 if it is not right, 409 if it is there and nothing was said of its version, 412 if another
/// version was meant, 404 if one was meant and it is not there (J-81).
pub(super) fn store(
    all: &mut Edit<'_>,
    kind: Kind,
    id: &str,
    json: &[u8],
    if_match: &IfMatch,
) -> Result<Arc<Enrollment>, ApiError> {
    let previous = all.find(kind, id);
    let record = read_now(kind, json, all.sources(), previous.as_deref())
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    if !id.eq_ignore_ascii_case(record.name()) {
        return Err(ApiError::bad_request(other_name(kind)));
    }
    match (&previous, if_match) {
        (None, IfMatch::Absent) => {}
        (None, _) => return Err(ApiError::no_enrollment(kind)),
        (Some(_), IfMatch::Absent) => return Err(ApiError::already_exists(kind)),
        (Some(previous), _) => if_match.check(&previous.etag)?,
    }
    Ok(all.put(record))
}

fn other_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Individual => "The registrationId of the body is not the one of the path.",
        Kind::Group => "The enrollmentGroupId of the body is not the one of the path.",
    }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Individual => "enrollment",
        Kind::Group => "enrollment group",
    }
}

fn find(registrar: &Registrar, kind: Kind, id: &str) -> Result<Arc<Enrollment>, ApiError> {
    let found = registrar.read_enrollments(|all| all.find(kind, id).cloned());
    found.ok_or_else(|| ApiError::no_enrollment(kind))
}

/// Shows one, without symmetric keys; an individual one also with its registration (E.1).
pub(super) fn get(
    registrar: &Registrar,
    api_version: &ApiVersion,
    kind: Kind,
    id: &str,
) -> Result<Response, ApiError> {
    let enrollment = find(registrar, kind, id)?;
    let state = match kind {
        Kind::Individual => {
            Some(registrations::state_or_unassigned(registrar, api_version, enrollment.name()))
        }
        Kind::Group => None,
    };
    Ok(Response::json(200, &show(&enrollment, Secrets::Hidden, state)))
}

/// Deletes one. Registration records and hub identities stay (E.7).
pub(super) async fn delete(
    registrar: &Registrar,
    request: &Request,
    kind: Kind,
    id: &str,
) -> Result<Response, ApiError> {
    let if_match = IfMatch::of(request)?;
    registrar.change_enrollment(id, |all| remove(all, kind, id, &if_match)).await?;
    tracing::info!("{} {id} was deleted", noun(kind));
    Ok(Response::no_content())
}

/// Takes an enrollment away.
///
/// # Errors
///
/// 404 if it is not there, 412 if another version was meant.
pub(super) fn remove(
    all: &mut Edit<'_>,
    kind: Kind,
    id: &str,
    if_match: &IfMatch,
) -> Result<(), ApiError> {
    let found = all.find(kind, id).ok_or_else(|| ApiError::no_enrollment(kind))?;
    if_match.check(&found.etag)?;
    all.remove(kind, id);
    Ok(())
}

/// The attestation with its keys (E.3). POST, so that no cache keeps it.
pub(super) fn attestation_mechanism(
    registrar: &Registrar,
    kind: Kind,
    id: &str,
) -> Result<Response, ApiError> {
    let enrollment = find(registrar, kind, id)?;
    Ok(Response::json(200, &show_attestation(&enrollment.attestation, Secrets::Shown)))
}
