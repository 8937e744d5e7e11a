//! Asks a webhook what DPS would ask it, and judges the answer (J-228).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::page::{Tried, Webhook, shown};
use super::simulate::payload;
use crate::service::allocation::{Applicant, Trial};
use crate::service::endpoint::page::choose;
use crate::service::endpoint::page::judged::Judged;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::{CustomAllocationDefinition, WebhookUrl};
use crate::service::record::Assignment;
use crate::text::inert;
use crate::wire::{ApiVersion, HubName};

/// `POST /ui/try/webhook`.
pub(in crate::service::endpoint::page) async fn ask(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let text = |name| posted.text(name).unwrap_or_default().to_owned();
    let mut webhook = Webhook {
        id: text("id"),
        enrollment: text("enrollment"),
        url: text("url"),
        payload: text("payload"),
        current_hub: text("currentHub"),
        ..Webhook::default()
    };
    let status = match trial(&site, &webhook) {
        Ok(trial) => {
            let judgement = site.registrar.webhooks().attempt(&trial).await;
            webhook.judged = Some(Judged::of(&trial, &judgement));
            // Its query is a key, and is not shown again.
            if trial.url().expose().query().is_some() {
                webhook.url = String::new();
            }
            StatusCode::OK
        }
        Err(complaint) => {
            webhook.complaint = Some(complaint);
            StatusCode::BAD_REQUEST
        }
    };
    shown(&site, status, Tried { webhook, ..Tried::default() })
}

fn trial(site: &Site, asked: &Webhook) -> Result<Trial, String> {
    let (registration_id, enrollment) = choose::device(site, &asked.id, &asked.enrollment)?;
    let own = enrollment.custom_allocation.as_ref();
    let webhook_url: WebhookUrl = match (asked.url.as_str(), own) {
        ("", Some(own)) => own.webhook_url.clone(),
        ("", None) => {
            return Err(format!(
                "“{}” has no webhook: give the address of one.",
                inert(enrollment.name())
            ));
        }
        (url, _) => url.parse().map_err(|error| format!("The address: {error}."))?,
    };
    let webhook = CustomAllocationDefinition {
        webhook_url,
        api_version: own.map_or(ApiVersion::OF_WEBHOOKS, |own| own.api_version.clone()),
    };
    let hub = |name: &str| name.parse::<HubName>();
    let current = match asked.current_hub.as_str() {
        "" => None,
        name => {
            let hub = hub(name).map_err(|error| format!("The hub it has: {error}."))?;
            Some(Assignment { hub, device_id: enrollment.device_id(&registration_id) })
        }
    };
    let linked = site.registrar.instance().hubs_of(&enrollment);
    let linked = linked.into_iter().map(|hub| hub.host_name.clone()).collect();
    let payload = payload(&asked.payload)?;
    let tpm = enrollment.attestation.tpm_keys();
    let applicant = Applicant {
        registration_id: &registration_id,
        certificate: None,
        tpm: tpm.as_ref(),
        current: current.as_ref(),
        payload: payload.as_ref(),
    };
    Ok(Trial::new(webhook, &enrollment, applicant, linked))
}
