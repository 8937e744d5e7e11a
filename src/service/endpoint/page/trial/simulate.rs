//! Lets a simulated device register (J-253).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::page::{Device, Outcome, Tried, shown};
use crate::service::caller::Transport;
use crate::service::endpoint::page::choose;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::site::Site;
use crate::service::journal::JournalFilter;
use crate::service::simulator::{Simulated, SimulatedDevice};
use crate::text::inert;
use crate::wire::{MAX_MESSAGE, Payload};

/// `POST /ui/try/device`.
pub(in crate::service::endpoint::page) async fn simulate(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    // A button of a device by its name beside the field for any.
    let id = posted.text("sample").or(posted.text("id")).unwrap_or_default();
    let enrollment = match posted.text("sample") {
        Some(_) => "",
        None => posted.text("enrollment").unwrap_or_default(),
    };
    let payload = posted.text("payload").unwrap_or_default();
    let transport = match posted.text("transport") {
        Some("https") => "https",
        Some("amqp") => "amqp",
        _ => "mqtt",
    };
    let mut device = Device {
        id: id.to_owned(),
        enrollment: enrollment.to_owned(),
        payload: payload.to_owned(),
        transport,
        ..Device::default()
    };
    let status = match registered(&site, &device).await {
        Ok(outcome) => {
            device.outcome = Some(outcome);
            StatusCode::OK
        }
        Err(complaint) => {
            device.complaint = Some(complaint);
            StatusCode::BAD_REQUEST
        }
    };
    shown(&site, status, Tried { device, ..Tried::default() })
}

async fn registered(site: &Site, device: &Device) -> Result<Outcome, String> {
    let Some(simulator) = &site.simulator else {
        return Err("This service has nobody who simulates devices.".to_owned());
    };
    let (registration_id, enrollment) = choose::device(site, &device.id, &device.enrollment)?;
    let id = registration_id.as_str();
    let key = choose::key(&enrollment, &registration_id).ok_or_else(|| {
        format!(
            "“{}” is for devices without a symmetric key, and only one with such a key can be simulated here.",
            inert(enrollment.name())
        )
    })?;
    let payload = payload(&device.payload)?;
    let before = site.registrar.journal.revision();
    let transport = match device.transport {
        "https" => Transport::Https,
        "amqp" => Transport::Amqp,
        _ => Transport::Mqtt,
    };
    let Simulated { lines, is_assigned } = simulator
        .register(SimulatedDevice {
            registration_id: registration_id.clone(),
            key,
            payload,
            transport,
            id_scope: site.registrar.instance().id_scope.clone(),
            mqtt: site.mqtt,
            https: site.https,
            amqp: site.amqp,
            ca_pem: site.authority.pem().to_owned(),
        })
        .await;
    Ok(Outcome {
        id: inert(id).into_owned(),
        is_assigned,
        transcript: lines.iter().map(|line| inert(line)).collect::<Vec<_>>().join("\n"),
        conversation: conversation(site, id, before),
    })
}

/// What a device has to say, as it was typed.
pub(super) fn payload(typed: &str) -> Result<Option<Payload>, String> {
    if typed.is_empty() {
        return Ok(None);
    }
    if typed.len() > MAX_MESSAGE {
        return Err(format!(
            "The payload has {} bytes; DPS takes up to {MAX_MESSAGE}.",
            typed.len()
        ));
    }
    let read = typed.parse().map(Some);
    read.map_err(|error: crate::wire::PayloadError| {
        format!("The payload is not JSON: {}", inert(&error.to_string()))
    })
}

/// Where the newest registration of that device is shown, if it came since.
fn conversation(site: &Site, id: &str, before: u64) -> Option<String> {
    let filter = JournalFilter { registration_id: Some(id.to_owned()), ..JournalFilter::default() };
    let changes = site.registrar.journal.changes(before, &filter);
    let newest = changes.entries.iter().map(|entry| entry.sequence).max()?;
    Some(format!("/ui/registration/{newest}"))
}
