//! What an answer of the service says, apart from what the device does about it (A.5, A.6).

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::error::Category;

use super::csr::Csr;
use super::error::{Breach, Error, Rejection};
use super::exchange::{Answer, Registered};
use super::issued::IssuedChain;
use super::wrapped_key::{KeyPurpose, WrappedKey};
use crate::wire::{
    DeviceId, DeviceRegistrationResult, HubName, IdError, OperationId, RegistrationId,
    RegistrationOperationStatus, Status, TpmChallenge, from_json_object,
};

/// What an answer says that does not end the registration at once.
pub(super) enum Reading {
    /// The service is still looking for a hub.
    Assigning(OperationId),
    /// The device has a hub, and its TPM a key for it still to take, if it has one.
    Assigned(Registered, Option<WrappedKey>),
    /// The device's TPM is given a key to sign with.
    Challenge(WrappedKey),
    /// The service is busy (429 or 5xx).
    Busy(Rejection),
    /// The service refuses the request.
    Rejected(Rejection),
}

/// Who has asked, and for what.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) id: &'a RegistrationId,
    /// The operation, if the service has named it before.
    pub(super) operation: Option<&'a OperationId>,
    /// What a certificate is asked for, if one is.
    pub(super) csr: Option<&'a Csr>,
    pub(super) has_tpm: bool,
}

/// Reads an answer.
pub(super) fn read(answer: &Answer, asker: Asker<'_>) -> Result<Reading, Error> {
    let rejection = || Rejection::read(answer.status, &answer.body);
    match answer.status {
        200..=299 => accepted(answer, asker),
        429 | 500..=599 => Ok(Reading::Busy(rejection())),
        401 if asker.has_tpm
            && let Ok(challenge) = from_json_object(&answer.body) =>
        {
            Ok(Reading::Challenge(challenged(challenge)?))
        }
        401 => Err(Error::Unauthorized(rejection())),
        400..=499 => Ok(Reading::Rejected(rejection())),
        status => Err(Breach::StatusCode { status }.into()),
    }
}

/// What the answer to a look-up, which is no operation, says of a challenge.
pub(super) fn challenge(status: u16, body: &[u8]) -> Option<Result<WrappedKey, Breach>> {
    let challenge = from_json_object(body).ok().filter(|_| status == 401);
    challenge.map(challenged)
}

fn challenged(challenge: TpmChallenge) -> Result<WrappedKey, Breach> {
    let TpmChallenge { authentication_key, key_name, .. } = challenge;
    let purpose = KeyPurpose::Proof { name: key_name.into_owned() };
    wrapped(&authentication_key, "authenticationKey", purpose)
}

fn wrapped(text: &str, member: &'static str, purpose: KeyPurpose) -> Result<WrappedKey, Breach> {
    let blob = STANDARD.decode(text).map_err(|_| Breach::Key { member })?;
    Ok(WrappedKey { blob, purpose })
}

fn accepted(answer: &Answer, asker: Asker<'_>) -> Result<Reading, Error> {
    let Asker { id, operation: known, csr, has_tpm } = asker;
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
            let hub_key = has_tpm.then(|| hub_key(&state)).transpose()?;
            let registered = Registered {
                assigned_hub,
                device_id,
                connection_profile: state.connection_profile.unwrap_or_default(),
                operation_id,
                substatus: state.substatus,
                payload: state.payload,
                issued_chain: issued(state.issued_certificate_chain.as_deref(), csr)?,
                hub_key: None,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            };
            Ok(Reading::Assigned(registered, hub_key))
        }
        Status::Failed => Err(failed(operation_id, state)),
        Status::Disabled => Err(Error::Disabled { operation_id }),
        Status::Other(word) => Err(Breach::UnknownStatus { word }.into()),
    }
}

/// What a device with a TPM cannot do without (B.5).
fn hub_key(state: &DeviceRegistrationResult) -> Result<WrappedKey, Breach> {
    const MEMBER: &str = "registrationState.tpm.authenticationKey";
    let key = state.tpm.as_ref().and_then(|tpm| tpm.authentication_key.as_deref());
    let (status, member) = (Status::Assigned.as_str().to_owned(), MEMBER.to_owned());
    wrapped(key.ok_or(Breach::Missing { status, member })?, MEMBER, KeyPurpose::Hub)
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
