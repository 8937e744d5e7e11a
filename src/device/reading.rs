//! What an answer of the service says, apart from what the device does about it (A.5, A.6).

use std::str::FromStr;

use serde_json::error::Category;

use super::csr::Csr;
use super::error::{Breach, Error, Rejection};
use super::exchange::{Answer, Registered};
use super::issued::IssuedChain;
use crate::wire::{
    DeviceId, DeviceRegistrationResult, HubName, IdError, OperationId, RegistrationId,
    RegistrationOperationStatus, Status, from_json_object,
};

/// What an answer says that does not end the registration at once.
pub(super) enum Reading {
    /// The service is still looking for a hub.
    Assigning(OperationId),
    /// The device has a hub.
    Assigned(Registered),
    /// The service is busy (429 or 5xx).
    Busy(Rejection),
    /// The service refuses the request.
    Rejected(Rejection),
}

/// Reads an answer to the device `id`; `known` is the operation, if the service has named it before, and
/// `csr` what a certificate is asked for, if one is.
pub(super) fn read(
    answer: &Answer,
    id: &RegistrationId,
    known: Option<&OperationId>,
    csr: Option<&Csr>,
) -> Result<Reading, Error> {
    let rejection = || Rejection::read(answer.status, &answer.body);
    match answer.status {
        200..=299 => accepted(answer, id, known, csr),
        429 | 500..=599 => Ok(Reading::Busy(rejection())),
        401 => Err(Error::Unauthorized(rejection())),
        400..=499 => Ok(Reading::Rejected(rejection())),
        status => Err(Breach::StatusCode { status }.into()),
    }
}

fn accepted(
    answer: &Answer,
    id: &RegistrationId,
    known: Option<&OperationId>,
    csr: Option<&Csr>,
) -> Result<Reading, Error> {
    let reply: RegistrationOperationStatus = from_json_object(&answer.body)
        .map_err(|error| bad_body(answer.status, &answer.body, &error))?;
    let operation_id = reply.operation_id.as_deref().and_then(|id| id.parse::<OperationId>().ok());
    // The first ID counts for the whole registration, as in the C SDK.
    let operation_id = known.cloned().or(operation_id);
    let missing = |member: &str| Breach::Missing {
        status: reply.status.as_str().to_owned(),
        member: member.to_owned(),
    };
    let state = reply.registration_state.unwrap_or_default();
    check_device(&state, id)?;
    match reply.status {
        // Some SDKs poll on `unassigned` too; there is nothing else to be done about it.
        Status::Assigning | Status::Unassigned => {
            Ok(Reading::Assigning(operation_id.ok_or_else(|| missing("operationId"))?))
        }
        Status::Assigned => {
            let (assigned_hub, device_id) = assignment(&state, "registrationState.")?;
            Ok(Reading::Assigned(Registered {
                assigned_hub,
                device_id,
                operation_id,
                substatus: state.substatus,
                payload: state.payload,
                issued_chain: issued(state.issued_certificate_chain.as_deref(), csr)?,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            }))
        }
        Status::Failed => Err(failed(operation_id, state)),
        Status::Disabled => Err(Error::Disabled { operation_id }),
        Status::Other(word) => Err(Breach::UnknownStatus { word }.into()),
    }
}

/// What nobody asked for is not looked at.
fn issued(texts: Option<&[String]>, csr: Option<&Csr>) -> Result<Option<IssuedChain>, Breach> {
    let (Some(texts), Some(csr)) = (texts, csr) else { return Ok(None) };
    IssuedChain::read(texts, csr).map(Some).map_err(Breach::Issued)
}

/// What is said of another device is no answer to this one (J-240). Not every stand-in for DPS names
/// the device at all.
pub(super) fn check_device(
    state: &DeviceRegistrationResult,
    id: &RegistrationId,
) -> Result<(), Breach> {
    match &state.registration_id {
        Some(other) if !id.names_same_device(other) => {
            Err(Breach::OtherDevice { registration_id: excerpt(other.as_bytes()) })
        }
        _ => Ok(()),
    }
}

/// The hub and the device's ID there, which an assignment must have; `path` is where the state
/// stands.
pub(super) fn assignment(
    state: &DeviceRegistrationResult,
    path: &str,
) -> Result<(HubName, DeviceId), Breach> {
    Ok((
        name(state.assigned_hub.as_deref(), path, "assignedHub")?,
        name(state.device_id.as_deref(), path, "deviceId")?,
    ))
}

fn name<N: FromStr<Err = IdError>>(
    text: Option<&str>,
    path: &str,
    member: &str,
) -> Result<N, Breach> {
    let member = format!("{path}{member}");
    let Some(text) = text else {
        return Err(Breach::Missing { status: Status::Assigned.as_str().to_owned(), member });
    };
    let named = text.parse();
    named.map_err(|reason| Breach::Name { member, text: excerpt(text.as_bytes()), reason })
}

fn failed(operation_id: Option<OperationId>, state: DeviceRegistrationResult) -> Error {
    Error::Failed {
        operation_id,
        code: state.error_code,
        message: state.error_message,
        date: state.last_updated_date_time_utc,
    }
}

/// JSON that does not fit is another trouble than no JSON at all.
pub(super) fn bad_body(status: u16, body: &[u8], error: &serde_json::Error) -> Breach {
    let excerpt = excerpt(body);
    match error.classify() {
        Category::Data => Breach::Body { status, reason: error.to_string(), excerpt },
        _ => Breach::BodyNotJson { status, excerpt },
    }
}

/// How a body or a text begins, for error texts.
pub(super) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(60).collect()
}
