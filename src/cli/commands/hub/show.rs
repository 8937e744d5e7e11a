//! A renewal as it goes on, and what came of it: for people, and for programs.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::cli::output::printer::Printer;
use crate::device::{HubSettings, RenewalNotice, Renewed};
use crate::text::{moment, spoken};

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
enum Event<'a> {
    #[serde(rename_all = "camelCase")]
    HubConnected { hub: &'a str, device_id: &'a str, transport: &'static str },
    #[serde(rename_all = "camelCase")]
    CertificateAsked { request_id: &'a str },
    #[serde(rename_all = "camelCase")]
    CertificateAccepted { correlation_id: &'a str, operation_expires: &'a str },
    #[serde(rename_all = "camelCase")]
    Busy { error_code: u32, message: &'a str, wait_ms: u64 },
    #[serde(rename_all = "camelCase")]
    Lost { reason: String, wait_ms: u64 },
}

/// What programs read at the end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    status: &'static str,
    hub: &'a str,
    device_id: &'a str,
    request_id: &'a str,
    correlation_id: &'a str,
    subject_name: &'a str,
    issuer_name: &'a str,
    not_before_utc: String,
    not_after_utc: String,
    /// Base64 of DER, as hubs and DPS write them.
    issued_certificate_chain: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// What has happened.
pub(super) fn notice(notice: &RenewalNotice<'_>, hub: &HubSettings, printer: &mut Printer) {
    let event = event(notice, hub);
    match printer.is_text() {
        true => printer.line(told(&event)),
        false => printer.event(&event),
    }
}

fn event<'a>(notice: &'a RenewalNotice<'_>, hub: &'a HubSettings) -> Event<'a> {
    match notice {
        RenewalNotice::SignedIn { transport } => Event::HubConnected {
            hub: hub.hub().as_str(),
            device_id: hub.device_id().as_str(),
            transport: transport.name(),
        },
        RenewalNotice::Asked { request_id } => Event::CertificateAsked { request_id },
        RenewalNotice::Accepted(accepted) => Event::CertificateAccepted {
            correlation_id: &accepted.correlation_id,
            operation_expires: &accepted.operation_expires,
        },
        RenewalNotice::Busy { failure, wait } => Event::Busy {
            error_code: failure.error_code.0,
            message: &failure.message,
            wait_ms: milliseconds(*wait),
        },
        RenewalNotice::Lost { error, wait } => {
            Event::Lost { reason: error.to_string(), wait_ms: milliseconds(*wait) }
        }
    }
}

fn told(event: &Event<'_>) -> String {
    match event {
        Event::HubConnected { hub, device_id, transport } => {
            format!("Connected to hub {hub}, deviceId: {device_id} (by {transport})")
        }
        Event::CertificateAsked { request_id } => {
            format!("Certificate asked for, request: {request_id}")
        }
        Event::CertificateAccepted { correlation_id, operation_expires } => {
            format!("Request accepted, operation: {correlation_id}, until {operation_expires}")
        }
        Event::Busy { error_code, message, wait_ms } => {
            format!("Hub busy ({error_code}: {message}), asking again in {}", wait(*wait_ms))
        }
        Event::Lost { reason, wait_ms } => {
            format!("Connection lost ({reason}), connecting anew in {}", wait(*wait_ms))
        }
    }
}

fn wait(milliseconds: u64) -> String {
    spoken(Duration::from_millis(milliseconds))
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// What programs are told of the certificate; people read it where it is kept.
pub(super) fn renewed(
    renewed: &Renewed,
    hub: &HubSettings,
    file: Option<&Path>,
    printer: &mut Printer,
) {
    if printer.is_text() {
        return;
    }
    let leaf = renewed.chain.leaf().info();
    let chain = renewed.chain.certificates().iter();
    printer.json(&Outcome {
        status: "renewed",
        hub: hub.hub().as_str(),
        device_id: hub.device_id().as_str(),
        request_id: &renewed.request_id,
        correlation_id: &renewed.correlation_id,
        subject_name: &leaf.subject_name,
        issuer_name: &leaf.issuer_name,
        not_before_utc: moment(leaf.not_before),
        not_after_utc: moment(leaf.not_after),
        issued_certificate_chain: chain.map(|it| STANDARD.encode(it.der())).collect(),
        file: file.map(|path| path.display().to_string()),
    });
}
