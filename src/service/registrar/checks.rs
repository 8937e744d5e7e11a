//! The checks around attestation, for the journal: what the endpoints looked at before a request came
//! here, and the request itself.

use crate::pki::CertificateRequest;
use crate::service::attest::Check;
use crate::service::caller::{Caller, Transport, TurnedAway};

/// What an endpoint looks at, in its order (A.6, B.1).
fn of_endpoint(transport: Transport) -> &'static [(&'static str, &'static str)] {
    match transport {
        Transport::Mqtt => &[
            ("userName", "the user name has the form that it must have"),
            ("clientId", "the client ID is the registration ID of the user name"),
            ("idScope", "the ID scope is the one that is served here"),
        ],
        Transport::Https => &[
            ("idScope", "the ID scope is the one that is served here"),
            ("registrationId", "the registration ID is one"),
        ],
        Transport::Amqp => &[
            ("userName", "the user name of SASL, if there is one, has the form that it must have"),
            ("address", "the address of the link has the form that it must have"),
            ("identity", "the link is for the device that the connection is for"),
            ("idScope", "the ID scope is the one that is served here"),
        ],
    }
}

/// What a caller has passed before it may ask.
fn of_caller(caller: &Caller) -> Vec<Check> {
    let passed = of_endpoint(caller.transport).iter();
    passed.map(|&(check, said)| Check::passed(check, said)).collect()
}

/// The checks up to the request, which is one.
pub(super) fn of_request(caller: &Caller) -> Vec<Check> {
    let mut checks = of_caller(caller);
    checks.push(Check::passed("request", "the request can be read, and its api-version is served"));
    checks
}

/// The one of a request for a certificate, which is good.
pub(super) fn of_certificate_request(request: &CertificateRequest) -> Check {
    let name = request.common_name();
    let said = format!("the certificate that it asks for is for {name:?}, with a key of its own");
    Check::passed("certificateRequest", said)
}

/// The checks up to the request, which is none.
pub(super) fn of_bad_request(caller: &Caller, reason: String) -> Vec<Check> {
    let mut checks = of_caller(caller);
    checks.push(Check::failed("request", reason));
    checks
}

/// The checks up to the one at which somebody was sent away.
pub(super) fn of_turned_away(who: &TurnedAway) -> Vec<Check> {
    let passed = of_endpoint(who.transport).iter().take_while(|(check, _)| *check != who.check);
    let mut checks: Vec<_> = passed.map(|&(check, said)| Check::passed(check, said)).collect();
    checks.push(Check::failed(who.check, who.reason.clone()));
    checks
}
