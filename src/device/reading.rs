//! What an answer of the service says, apart from what the device does about it (A.5, A.6).

use serde_json::error::Category;

use super::error::{Breach, Error, Rejection};
use super::exchange::{Answer, Registered};
use crate::wire::{
    DeviceRegistrationResult, OperationId, RegistrationOperationStatus, Status, from_json_object,
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

/// Reads an answer; `known` is the operation, if the service has named it before.
pub(super) fn read(answer: &Answer, known: Option<&OperationId>) -> Result<Reading, Error> {
    let rejection = || Rejection::read(answer.status, &answer.body);
    match answer.status {
        200..=299 => accepted(answer, known),
        429 | 500..=599 => Ok(Reading::Busy(rejection())),
        401 => Err(Error::Unauthorized(rejection())),
        400..=499 => Ok(Reading::Rejected(rejection())),
        status => Err(Breach::StatusCode { status }.into()),
    }
}

fn accepted(answer: &Answer, known: Option<&OperationId>) -> Result<Reading, Error> {
    let reply: RegistrationOperationStatus =
        from_json_object(&answer.body).map_err(|error| bad_body(answer, &error))?;
    let operation_id = reply.operation_id.as_deref().and_then(|id| id.parse::<OperationId>().ok());
    // The first ID counts for the whole registration, as in the C SDK.
    let operation_id = known.cloned().or(operation_id);
    let missing = |member| Breach::Missing { status: reply.status.as_str().to_owned(), member };
    let state = reply.registration_state.unwrap_or_default();
    match reply.status {
        // Some SDKs poll on `unassigned` too; there is nothing else to be done about it.
        Status::Assigning | Status::Unassigned => {
            Ok(Reading::Assigning(operation_id.ok_or_else(|| missing("operationId"))?))
        }
        Status::Assigned => {
            let assigned_hub =
                state.assigned_hub.ok_or_else(|| missing("registrationState.assignedHub"))?;
            let device_id = state.device_id.ok_or_else(|| missing("registrationState.deviceId"))?;
            Ok(Reading::Assigned(Registered {
                assigned_hub,
                device_id,
                operation_id,
                substatus: state.substatus,
                payload: state.payload,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            }))
        }
        Status::Failed => Err(failed(operation_id, state)),
        Status::Disabled => Err(Error::Disabled { operation_id }),
        Status::Other(word) => Err(Breach::UnknownStatus { word }.into()),
    }
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
fn bad_body(answer: &Answer, error: &serde_json::Error) -> Breach {
    let (status, excerpt) = (answer.status, excerpt(&answer.body));
    match error.classify() {
        Category::Data => Breach::Body { status, reason: error.to_string(), excerpt },
        _ => Breach::BodyNotJson { status, excerpt },
    }
}

/// How a body begins, for error texts.
fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(60).collect()
}
