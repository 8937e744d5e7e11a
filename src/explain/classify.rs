//! Which entry an error belongs to. Every match names every variant, so that a new kind of failure
//! does not compile without a place in the catalogue.

use std::io::ErrorKind;

use super::Entry;
use super::catalogue::{certificate_text, entry};
use super::link::{HubRefusal, key_of_failed};
use crate::attestation::TpmError;
use crate::device::{
    Breach, Class, ConnectPhase, Deadline, Error, NetworkError, Rejection, SaslRefusal, Waiting,
};
use crate::net::{DialError, ProxyFault, TlsFault};
use crate::wire::{ConnectCode, ErrorCode};

/// The entry of a failed registration.
pub fn entry_of(error: &Error) -> &'static Entry {
    match error {
        Error::Network(error) => entry_of_network_error(error),
        Error::NoTransport(_) if error.class() == Class::Deadline => known("deadline-transports"),
        Error::NoTransport(_) => known("no-transport"),
        Error::ConnectRefused { code, .. } => known(connack(*code)),
        Error::SaslRefused { code: SaslRefusal::Credentials } => known("sasl-1"),
        Error::SaslRefused { .. } => known("sasl-system"),
        Error::Breach(cause) => known(breach(cause)),
        Error::Unauthorized(rejection) | Error::Rejected(rejection) => rejected(rejection),
        Error::Failed { code, message, .. } => failed(*code, message.as_deref()),
        Error::Disabled { .. } => known("disabled"),
        Error::Signer(_) => known("signer"),
        Error::Tpm(TpmError::Unusable(_)) => known("tpm-unusable"),
        Error::Tpm(TpmError::Refused(_)) => known("tpm-key"),
        Error::NotForTpm(_) => known("tpm-transport"),
        Error::Deadline(deadline) => known(late(deadline)),
    }
}

/// What the hub said goes before a number: that of its refusal is not about the device (K-11).
fn failed(code: Option<ErrorCode>, message: Option<&str>) -> &'static Entry {
    let refusal = message.and_then(HubRefusal::read).map(|refusal| refusal.key());
    match refusal.or_else(|| code.and_then(key_of_failed)) {
        Some(key) => known(key),
        None => code.and_then(entry_of_code).unwrap_or_else(|| known("failed")),
    }
}

/// The entry of a service's code, if it has one.
pub fn entry_of_code(code: ErrorCode) -> Option<&'static Entry> {
    entry(&code.to_string())
}

fn entry_of_network_error(error: &NetworkError) -> &'static Entry {
    known(match error {
        NetworkError::Dial(error) => return entry_of_dial_error(error),
        NetworkError::ClosedBeforeConnack => "closed-before-connack",
        NetworkError::ClosedBeforeOpen(_) => "closed-before-open",
        NetworkError::Alert { alert } => tls_alert(alert),
        NetworkError::Upgrade(_) => "upgrade",
        NetworkError::Unanswered { .. } => "unanswered",
        NetworkError::NoAnswer { .. } => "no-answer",
    })
}

/// The entry of a connection that could not be opened.
pub fn entry_of_dial_error(error: &DialError) -> &'static Entry {
    known(match error {
        DialError::Resolve { .. } => "dns",
        DialError::Connect { source, .. } => socket(source.kind()),
        DialError::Proxy { fault, .. } => proxy(fault),
        DialError::Tls { fault, .. } => tls(fault),
    })
}

/// A key that is written in this file; a test looks up each of them.
fn known(key: &'static str) -> &'static Entry {
    entry(key).unwrap_or_else(|| unreachable!("a test looks up every key: {key}"))
}

fn socket(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::TimedOut => "timed-out",
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => {
            "unreachable"
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "reset"
        }
        _ => "connect",
    }
}

fn tls(fault: &TlsFault) -> &'static str {
    match fault {
        TlsFault::UnknownIssuer => "tls-unknown-issuer",
        TlsFault::WrongName { .. } => "tls-wrong-name",
        TlsFault::Expired(_) => "tls-expired",
        TlsFault::NotYetValid(_) => "tls-not-yet-valid",
        TlsFault::BadCertificate(_) => "tls-bad-certificate",
        TlsFault::Alert(alert) => tls_alert(alert),
        TlsFault::NotTls => "tls-not-tls",
        TlsFault::Closed => "tls-closed",
        TlsFault::Other(_) => "tls-other",
    }
}

/// By the names of RFC 8446, section 6.2.
fn tls_alert(alert: &str) -> &'static str {
    match alert {
        "unknown_ca" | "bad_certificate" | "certificate_unknown" => "tls-alert-untrusted",
        "certificate_expired" | "certificate_revoked" => "tls-alert-expired",
        "unsupported_certificate" | "decrypt_error" | "illegal_parameter" => {
            "tls-alert-unsupported"
        }
        "handshake_failure" => "tls-alert-handshake",
        "access_denied" | "certificate_required" => "tls-alert-denied",
        _ => "tls-alert",
    }
}

fn proxy(fault: &ProxyFault) -> &'static str {
    match fault {
        ProxyFault::Resolve(_) | ProxyFault::Connect { .. } => "proxy-unreachable",
        ProxyFault::Unauthorized { .. } => "proxy-unauthorized",
        ProxyFault::Refused { .. } => "proxy-refused",
        ProxyFault::NotHttp { .. } | ProxyFault::Closed => "proxy-broken",
    }
}

fn connack(code: ConnectCode) -> &'static str {
    match code {
        ConnectCode::UnacceptableProtocolVersion => "connack-1",
        ConnectCode::IdentifierRejected => "connack-2",
        ConnectCode::ServerUnavailable => "connack-3",
        ConnectCode::BadUserNameOrPassword => "connack-4",
        ConnectCode::NotAuthorized => "connack-5",
        // An accepted CONNECT is no refusal; whoever calls it one got a packet out of place.
        ConnectCode::Accepted => "breach-packet",
    }
}

fn breach(breach: &Breach) -> &'static str {
    match breach {
        Breach::NotMqtt { .. } => "breach-not-mqtt",
        Breach::NotAmqp { .. } => "breach-not-amqp",
        Breach::Mechanism { .. } => "breach-mechanism",
        Breach::Ended { .. } => "breach-ended",
        Breach::NotHttp { .. } => "breach-not-http",
        Breach::Stranger { .. } => "breach-stranger",
        Breach::Redirected { .. } => "breach-redirected",
        Breach::BodyTooLong { .. } => "breach-too-long",
        Breach::Packet { .. } => "breach-packet",
        Breach::SubscriptionRefused => "breach-suback",
        Breach::Topic { .. } => "breach-topic",
        Breach::BodyNotJson { .. } => "breach-not-json",
        Breach::Body { .. } => "breach-body",
        Breach::Missing { .. } => "breach-missing",
        Breach::Name { .. } => "breach-name",
        Breach::Issued(_) => "breach-issued",
        Breach::Key { .. } => "breach-tpm-key",
        Breach::Unchallenged { .. } => "breach-unchallenged",
        Breach::Challenges { .. } => "breach-challenges",
        Breach::OtherDevice { .. } => "breach-other-device",
        Breach::UnknownStatus { .. } => "breach-status",
        Breach::StatusCode { .. } => "breach-status-code",
        Breach::ForgotTwice => "breach-forgot-twice",
    }
}

fn late(deadline: &Deadline) -> &'static str {
    match &deadline.waiting_for {
        Waiting::Connect(ConnectPhase::Dns) => "deadline-dns",
        Waiting::Connect(ConnectPhase::Tcp) => "deadline-tcp",
        Waiting::Connect(ConnectPhase::Tls) => "deadline-tls",
        Waiting::Connect(ConnectPhase::Proxy) => "deadline-proxy",
        Waiting::Connect(ConnectPhase::Upgrade) => "deadline-upgrade",
        Waiting::Connect(ConnectPhase::Connack) => "deadline-connack",
        Waiting::Connect(ConnectPhase::Suback) | Waiting::Suback => "deadline-suback",
        Waiting::Connect(ConnectPhase::Sasl) => "deadline-sasl",
        Waiting::Connect(ConnectPhase::Open) => "deadline-open",
        Waiting::Connect(ConnectPhase::Attach) | Waiting::Attach => "deadline-attach",
        Waiting::Reconnect(_) => "deadline-reconnect",
        Waiting::Answer { .. } => "deadline-answer",
        Waiting::Assignment { .. } => "deadline-assigning",
        Waiting::Busy(_) => "deadline-busy",
    }
}

/// By the text of a certificate's 401, or the code, if the service gave one that is known, else by the status.
fn rejected(rejection: &Rejection) -> &'static Entry {
    let by_text =
        rejection.error.as_ref().filter(|error| error.error_code == ErrorCode::UNAUTHORIZED);
    if let Some(entry) = by_text.and_then(|error| certificate_text(&error.message)) {
        return entry;
    }
    let by_code = rejection.error.as_ref().and_then(|error| entry_of_code(error.error_code));
    by_code
        .or_else(|| entry(&format!("http-{}", rejection.status)))
        .unwrap_or_else(|| known(if rejection.status >= 500 { "http-5xx" } else { "http-4xx" }))
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
