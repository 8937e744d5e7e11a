//! Every kind of failure and every code against the catalogue.

use std::time::Duration;

use super::*;
use crate::attestation::{SignerError, TpmError, TpmRefusal};
use crate::device::{IssuedFault, Transport};
use crate::explain::entries;
use crate::net::UpgradeError;
use crate::wire::{IdError, ServiceError};

fn dial(error: DialError) -> Error {
    Error::Network(NetworkError::Dial(error))
}

fn deadline(waiting_for: Waiting) -> Error {
    Error::Deadline(Box::new(Deadline {
        after: Duration::from_secs(1),
        waiting_for,
        operation_id: None,
        last_busy: None,
        asked_to_wait: None,
        foreign_answers: 0,
    }))
}

fn every_error() -> Vec<Error> {
    let text = String::new;
    let host = || "localhost:8883".parse().unwrap();
    let tls = [
        TlsFault::UnknownIssuer,
        TlsFault::WrongName { expected: text(), presented: vec![] },
        TlsFault::Expired(Duration::ZERO),
        TlsFault::NotYetValid(Duration::ZERO),
        TlsFault::BadCertificate(text()),
        TlsFault::Alert(text()),
        TlsFault::NotTls,
        TlsFault::Closed,
        TlsFault::Other(text()),
    ];
    let sockets = [
        ErrorKind::ConnectionRefused,
        ErrorKind::TimedOut,
        ErrorKind::NetworkUnreachable,
        ErrorKind::ConnectionReset,
        ErrorKind::PermissionDenied,
    ];
    let breaches = [
        Breach::NotMqtt { excerpt: text() },
        Breach::NotHttp { reason: text() },
        Breach::Stranger { status: 403, server: None, is_html: true, says: None },
        Breach::Redirected { status: 302, to: None },
        Breach::BodyTooLong { status: 200, limit: 1 },
        Breach::Packet { reason: text() },
        Breach::SubscriptionRefused,
        Breach::Topic { topic: text() },
        Breach::BodyNotJson { status: 200, excerpt: text() },
        Breach::Body { status: 200, reason: text(), excerpt: text() },
        Breach::Missing { status: text(), member: text() },
        Breach::Name { member: text(), text: text(), reason: IdError::Empty },
        Breach::Issued(IssuedFault::Empty),
        Breach::Key { member: "authenticationKey" },
        Breach::Unchallenged { status: 202 },
        Breach::Challenges { times: 3 },
        Breach::OtherDevice { registration_id: text() },
        Breach::UnknownStatus { word: text() },
        Breach::StatusCode { status: 302 },
        Breach::ForgotTwice,
        Breach::NotAmqp { excerpt: text() },
        Breach::Mechanism { wanted: "PLAIN", offered: Vec::new() },
        Breach::Ended { condition: text(), description: None },
    ];
    let codes = [
        ConnectCode::UnacceptableProtocolVersion,
        ConnectCode::IdentifierRejected,
        ConnectCode::ServerUnavailable,
        ConnectCode::BadUserNameOrPassword,
        ConnectCode::NotAuthorized,
    ];
    let refusals = [
        SaslRefusal::Credentials,
        SaslRefusal::System,
        SaslRefusal::Permanent,
        SaslRefusal::Temporary,
    ];
    let waits = [
        Waiting::Connect(ConnectPhase::Dns),
        Waiting::Connect(ConnectPhase::Tcp),
        Waiting::Connect(ConnectPhase::Tls),
        Waiting::Connect(ConnectPhase::Proxy),
        Waiting::Connect(ConnectPhase::Upgrade),
        Waiting::Connect(ConnectPhase::Connack),
        Waiting::Connect(ConnectPhase::Suback),
        Waiting::Connect(ConnectPhase::Sasl),
        Waiting::Connect(ConnectPhase::Open),
        Waiting::Connect(ConnectPhase::Attach),
        Waiting::Attach,
        Waiting::Reconnect(text()),
        Waiting::Suback,
        Waiting::Answer { request: "poll", acknowledged: true },
        Waiting::Assignment { answers: 1 },
        Waiting::Busy(text()),
    ];
    let alerts = [
        "unknown_ca",
        "certificate_expired",
        "decrypt_error",
        "handshake_failure",
        "access_denied",
        "internal_error",
    ];
    let peer = "127.0.0.1:8883".parse().unwrap();
    let proxies = [
        ProxyFault::Resolve(text()),
        ProxyFault::Connect { peer, source: ErrorKind::TimedOut.into() },
        ProxyFault::Unauthorized { had_credentials: false, schemes: vec![] },
        ProxyFault::Refused { target: host(), status: 403, reason: text() },
        ProxyFault::NotHttp { excerpt: text() },
        ProxyFault::Closed,
    ];
    let silence = || NetworkError::NoAnswer { phase: ConnectPhase::Tcp, after: Duration::ZERO };
    let mut errors = vec![
        dial(DialError::Resolve { host: text(), reason: text() }),
        Error::Network(NetworkError::ClosedBeforeConnack),
        Error::Network(NetworkError::ClosedBeforeOpen("`open`")),
        Error::Network(NetworkError::Upgrade(UpgradeError::Closed)),
        Error::Network(NetworkError::Unanswered { tries: 3 }),
        Error::Network(silence()),
        Error::NoTransport(vec![(Transport::Mqtt, silence().into())]),
        Error::NoTransport(vec![(Transport::Mqtt, NetworkError::ClosedBeforeConnack.into())]),
        Error::Disabled { operation_id: None },
        Error::Failed { operation_id: None, code: None, message: None, date: None },
    ];
    errors.extend(tls.map(|fault| dial(DialError::Tls { host: host(), fault })));
    errors.extend(
        sockets.map(|kind| dial(DialError::Connect { host: host(), peer, source: kind.into() })),
    );
    errors.extend(alerts.map(|alert| NetworkError::Alert { alert: alert.to_owned() }.into()));
    errors.extend(
        proxies.map(|fault| dial(DialError::Proxy { proxy: "proxy:1".parse().unwrap(), fault })),
    );
    errors.extend(breaches.map(Error::Breach));
    errors.extend(codes.map(|code| Error::ConnectRefused { code, tries: 1 }));
    errors.extend(refusals.map(|code| Error::SaslRefused { code }));
    errors.extend(waits.map(deadline));
    errors.push(Error::Unauthorized(Rejection { status: 401, error: None, says: None }));
    errors.extend(
        [400, 403, 404, 405, 409, 412, 413, 415, 418]
            .map(|status| Error::Rejected(Rejection { status, error: None, says: None })),
    );
    errors.push(Error::Signer(SignerError("it is locked".to_owned())));
    errors.push(Error::Tpm(TpmError::Unusable("nobody answers".to_owned())));
    errors.push(Error::Tpm(TpmError::Refused(TpmRefusal::Other("it was changed".to_owned()))));
    errors.push(Error::NotForTpm(Transport::Mqtt));
    for code in [400_203, 400_207, 400_208, 400_209] {
        let code = Some(ErrorCode(code));
        errors.push(Error::Failed { operation_id: None, code, message: None, date: None });
    }
    errors
}

#[test]
fn every_error_has_an_entry_of_its_own_class_and_result() {
    for error in every_error() {
        let entry = entry_of(&error);

        assert_eq!(entry.class, error.class(), "{error:?}");
        assert_eq!(entry.c_sdk_result, Some(error.c_sdk_result()), "{error:?}");
    }
}

#[test]
fn every_way_of_failing_that_has_an_entry_can_be_come_by() {
    let errors = every_error();
    let met: Vec<_> = errors.iter().map(|error| entry_of(error).key).collect();

    let of_the_device =
        ["connack-", "sasl-", "tls-", "proxy-", "deadline-", "breach-", "signer", "tpm-"];
    for entry in entries() {
        let is_met = met.contains(&entry.key);
        let has_to_be = of_the_device.iter().any(|prefix| entry.key.starts_with(prefix));
        assert!(is_met || !has_to_be, "no error leads to {}", entry.key);
    }
}

#[test]
fn h_2_every_code_with_a_constant_or_a_name_has_an_entry() {
    let constants = [
        ErrorCode::BAD_REQUEST,
        ErrorCode::NO_LINKED_HUB,
        ErrorCode::CUSTOM_ALLOCATION_FAILED,
        ErrorCode::CUSTOM_ALLOCATION_IOT_HUB_NOT_SPECIFIED,
        ErrorCode::CUSTOM_ALLOCATION_UNAUTHORIZED_ACCESS,
        ErrorCode::UNAUTHORIZED_MQTT,
        ErrorCode::UNAUTHORIZED,
        ErrorCode::ID_SCOPE_NOT_FOUND,
        ErrorCode::RECORD_NOT_FOUND,
        ErrorCode::OPERATION_NOT_FOUND,
        ErrorCode::PRECONDITION_FAILED,
        ErrorCode::THROTTLED,
        ErrorCode::INTERNAL,
    ];
    let named = (400_000..600_000).map(ErrorCode).filter(|code| code.name().is_some());
    for code in named.chain(constants) {
        let entry = entry_of_code(code).unwrap_or_else(|| panic!("{code} has no entry"));
        assert_eq!(entry.name, code.name(), "{code}");
    }
}

#[test]
fn h_2_every_code_that_stands_in_the_source_has_an_entry() {
    let sources = [
        include_str!("../wire/code.rs"),
        include_str!("../service/api/error.rs"),
        include_str!("../service/endpoint/https/reply.rs"),
        include_str!("../service/endpoint/https/upgrade.rs"),
    ];
    let is_of_number = |c: char| c.is_ascii_digit() || c == '_';
    let mut count = 0;
    for word in sources.iter().flat_map(|source| source.split(|c| !is_of_number(c))) {
        let number = word.replace('_', "");
        if word.len() == 7 && matches!(number.parse(), Ok(400_000..600_000)) {
            assert!(entry(&number).is_some(), "{number} has no entry");
            count += 1;
        }
    }
    assert!(count > 20, "the sources are read: {count}");
}

#[test]
fn h_1_a_code_that_is_not_known_counts_as_its_status() {
    let rejection = |status, code| {
        let error = format!(r#"{{"errorCode":{code},"trackingId":"","message":""}}"#);
        Error::Rejected(Rejection { status, error: serde_json::from_str(&error).ok(), says: None })
    };

    assert_eq!(entry_of(&rejection(404, 404_203)).key, "404203");
    assert_eq!(entry_of(&rejection(404, 404_999)).key, "http-404");
    assert_eq!(entry_of(&rejection(451, 451_000)).key, "http-4xx");
}

/// Each text of a certificate's 401 has an entry of its own, in a log as in an error.
#[test]
fn k_1_the_three_texts_of_a_refused_certificate_are_told_apart() {
    for (text, key) in [
        ("CA certificate not found.", "ca-not-found"),
        ("Signing certificate info did not match chain elements.", "signing-certificate"),
        ("Invalid certificate.", "invalid-certificate"),
        ("Invalid certificate", "invalid-certificate"),
        ("Unauthorized", "401002"),
    ] {
        let error = ServiceError {
            error_code: ErrorCode::UNAUTHORIZED,
            tracking_id: String::new(),
            message: text.into(),
            info: None,
            timestamp_utc: None,
        };
        let rejection = Rejection { status: 401, error: Some(error), says: None };

        assert_eq!(entry_of(&Error::Unauthorized(rejection)).key, key);
        let line = format!("{{\"errorCode\":401002,\"message\":\"{text}\"}}");
        assert_eq!(super::super::find(&line)[0].key, key, "{line}");
    }
}
