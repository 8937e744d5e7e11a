//! The table of cases in the documents: how `register` ends in each, and the first line that it says.
//!
//! Made from the errors themselves, so that it cannot go out of date.

use std::io::ErrorKind;
use std::time::Duration;

use super::failure;
use crate::cli::documents::has_section;
use crate::cli::exit::Exit;
use crate::device::{Breach, Deadline, Error, NetworkError, Rejection, Waiting};
use crate::explain::Context;
use crate::net::{DialError, Endpoint, TlsFault};
use crate::wire::{ConnectCode, ErrorCode, ServiceError};

fn host() -> Endpoint {
    "global.azure-devices-provisioning.net:8883".parse().unwrap()
}

fn rejection(code: u32, message: &str) -> Rejection {
    let error_code = ErrorCode(code);
    let error = ServiceError {
        error_code,
        tracking_id: String::new(),
        message: message.to_owned().into(),
        info: None,
        timestamp_utc: None,
    };
    Rejection { status: error_code.status(), error: Some(error), says: None }
}

fn deadline(waiting_for: Waiting) -> Error {
    Error::Deadline(Box::new(Deadline {
        after: Duration::from_secs(120),
        waiting_for,
        operation_id: None,
        last_busy: None,
        asked_to_wait: None,
        foreign_answers: 0,
    }))
}

fn tls(fault: TlsFault) -> Error {
    Error::Network(DialError::Tls { host: host(), fault }.into())
}

fn cases() -> Vec<(&'static str, Error)> {
    let peer = "203.0.113.7:8883".parse().unwrap();
    let refused =
        DialError::Connect { host: host(), peer, source: ErrorKind::ConnectionRefused.into() };
    let failed = Error::Failed {
        operation_id: Some("5.4d1a.0b7c".parse().unwrap()),
        code: Some(ErrorCode::CUSTOM_ALLOCATION_FAILED),
        message: Some("Custom allocation failed with status code: 400".to_owned()),
        date: Some("2026-03-02T08:15:31.0456789Z".to_owned()),
    };
    let scope = ConnectCode::ServerUnavailable;
    let wrong_name = TlsFault::WrongName {
        expected: "global.azure-devices-provisioning.net".to_owned(),
        presented: vec!["localhost".to_owned()],
    };
    let throttled = rejection(429_001, "Operations are being throttled for this tenant.");
    let down = Rejection { status: 503, error: None, says: None };
    let silence = Waiting::Answer { request: "register", acknowledged: true };
    vec![
        ("the webhook refuses the device", failed),
        ("the enrollment is disabled", Error::Disabled { operation_id: None }),
        ("wrong key, over MQTT", Error::Unauthorized(rejection(401_000, "Unauthorized"))),
        ("wrong key, over HTTPS", Error::Unauthorized(rejection(401_002, "Unauthorized"))),
        ("wrong certificate", Error::Unauthorized(rejection(401_002, "Invalid certificate."))),
        ("unknown ID scope, over MQTT", Error::ConnectRefused { code: scope, tries: 3 }),
        (
            "unknown ID scope, over HTTPS",
            Error::Rejected(rejection(404_000, "ID scope not found.")),
        ),
        ("throttled to the end", deadline(Waiting::Busy(throttled.to_string()))),
        ("the service is down (5xx) to the end", deadline(Waiting::Busy(down.to_string()))),
        (
            "connection lost while assigning, and not to be had again",
            deadline(Waiting::Reconnect("connection refused".to_owned())),
        ),
        ("no result in time", deadline(Waiting::Assignment { answers: 40 })),
        ("no answer in time", deadline(silence)),
        ("nothing listens", Error::Network(refused.into())),
        ("the CA is not trusted", tls(TlsFault::UnknownIssuer)),
        ("a certificate for another name", tls(wrong_name)),
        ("the port does not speak TLS", tls(TlsFault::NotTls)),
        ("closed before CONNACK", Error::Network(NetworkError::ClosedBeforeConnack)),
        ("the operation is forgotten twice", Error::Breach(Breach::ForgotTwice)),
    ]
}

fn table() -> String {
    let context = Context {
        endpoint: host(),
        id_scope: "0ne00002193".parse().ok(),
        registration_id: "my-device".parse().unwrap(),
        proof: None,
        skew: None,
        is_local: false,
        group: None,
        proxy: None,
        ca_file: None,
    };
    let mut table = "\n| case | exit | first line |\n|---|---|---|\n".to_owned();
    table += &format!("| assigned | {} | (none) |\n", Exit::Done as u8);
    for (case, error) in cases() {
        let report = failure::report(&error, &context);
        let line = report.headline.as_deref().unwrap_or(&report.message);
        table += &format!("| {case} | {} | `error: {line}` |\n", report.exit as u8);
    }
    table + "\n"
}

#[test]
fn the_documents_have_the_first_lines_as_a_table() {
    has_section("docs/diagnosis.md", "cases", &table(), "src/cli/output/first_lines.rs");
}
