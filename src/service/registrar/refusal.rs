//! How a device is told no: the wire gets the documented answer and nothing else, the log says why.

use crate::service::attest::{Fault, Proof, remedy};
use crate::service::caller::{Caller, Transport};
use crate::service::quota::Throttled;
use crate::service::reply::{Reply, error_reply, throttled_reply};
use crate::wire::ErrorCode;

/// The wire gets the documented 401 and nothing else; the log says which check failed (D-3).
pub(super) fn refuse(caller: &Caller, fault: &Fault) -> Reply {
    tracing::warn!("{}: refused with 401: {}", caller.registration_id, refusal_text(caller, fault));
    error_reply(unauthorized_code(caller, fault), unauthorized_message(caller))
}

/// The device may try again; until then nothing has come of its request.
pub(super) fn hold_off(caller: &Caller, throttled: &Throttled) -> Reply {
    tracing::warn!("{}: refused with 429: {throttled}", caller.registration_id);
    throttled_reply(throttled)
}

pub(super) fn refusal_text(caller: &Caller, fault: &Fault) -> String {
    format!("{fault}; {}", remedy(fault, &caller.registration_id))
}

/// By what the device brought, not by what was wanted: a device with a token hears what devices
/// with tokens hear.
pub(super) fn unauthorized_code(caller: &Caller, fault: &Fault) -> ErrorCode {
    let is_about_a_token = matches!(caller.proof, Proof::Sas(_)) || matches!(fault, Fault::Sas(_));
    match caller.transport {
        Transport::Mqtt if is_about_a_token => ErrorCode::UNAUTHORIZED_MQTT,
        Transport::Mqtt | Transport::Https => ErrorCode::UNAUTHORIZED,
    }
}

/// Both were recorded for X.509; which is for what is not known (J-71).
pub(super) fn unauthorized_message(caller: &Caller) -> &'static str {
    match caller.proof {
        Proof::Certificates(_) => "Invalid certificate.",
        Proof::Sas(_) | Proof::Absent => "Unauthorized",
    }
}
