//! How a device is told no: the wire gets the documented answer and nothing else, the log says why.

use super::request_fault::RequestFault;
use crate::service::attest::{Fault, Proof, Refusal};
use crate::service::caller::{Caller, Transport};
use crate::service::quota::Throttled;
use crate::service::reply::{Reply, error_reply, throttled_reply, unreadable_reply};
use crate::sources::Sources;
use crate::wire::ErrorCode;

/// The wire gets the documented 401 and nothing else; the log says which check failed (D-3).
pub(super) fn refuse(sources: &Sources, caller: &Caller, refusal: &Refusal) -> Reply {
    let id = &caller.registration_id;
    let code = refusal_code(caller, refusal);
    tracing::warn!("{id}: refused with {}: {}", code.status(), refusal.text(id));
    error_reply(sources, code, refusal.message)
}

/// A request that is none (A.5).
pub(super) fn refuse_request(sources: &Sources, caller: &Caller, fault: &RequestFault) -> Reply {
    let code = fault.code();
    tracing::warn!("{}: refused with {code}: {fault}", caller.registration_id);
    match fault {
        RequestFault::Body(_) => unreadable_reply(sources),
        RequestFault::ApiVersion(_) => error_reply(sources, code, "Unsupported api-version"),
        RequestFault::RegistrationId { .. } => error_reply(sources, code, "Invalid RegistrationId"),
        // Nothing of DPS's own words for these is published (J-435).
        RequestFault::Certificate(_) | RequestFault::CertificateInLookup => {
            error_reply(sources, code, &fault.to_string())
        }
    }
}

/// The device may try again; until then nothing has come of its request.
pub(super) fn hold_off(sources: &Sources, caller: &Caller, throttled: &Throttled) -> Reply {
    tracing::warn!("{}: refused with 429: {throttled}", caller.registration_id);
    throttled_reply(sources, throttled)
}

/// By what the device brought, not by what was wanted: a device with a token hears what devices
/// with tokens hear.
pub(super) fn refusal_code(caller: &Caller, refusal: &Refusal) -> ErrorCode {
    let fault = &refusal.fault;
    if let (Fault::Tpm(fault), Transport::Https | Transport::Amqp) = (fault, caller.transport) {
        return fault.code();
    }
    let is_about_a_token =
        matches!(caller.proof, Proof::Sas(_)) || matches!(fault, Fault::Sas(_) | Fault::Tpm(_));
    match caller.transport {
        Transport::Mqtt if is_about_a_token => ErrorCode::UNAUTHORIZED_MQTT,
        Transport::Mqtt | Transport::Https | Transport::Amqp => ErrorCode::UNAUTHORIZED,
    }
}
