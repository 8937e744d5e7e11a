//! Asks a webhook what DPS would ask it, and judges the answer (J-228).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::page::{Judged, Tried, Webhook, shown};
use super::simulate::payload;
use crate::service::allocation::{Applicant, Judgement, Trial, Verdict};
use crate::service::endpoint::page::choose;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::shown::{Shown, pretty};
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::{CustomAllocationDefinition, WebhookUrl};
use crate::service::record::Assignment;
use crate::text::{inert, spoken};
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
            webhook.judged = Some(judged(&trial, &judgement));
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
    let applicant = Applicant {
        registration_id: &registration_id,
        certificate: None,
        current: current.as_ref(),
        payload: payload.as_ref(),
    };
    Ok(Trial::new(webhook, &enrollment, applicant, linked))
}

fn judged(trial: &Trial, judgement: &Judgement) -> Judged {
    let told = &judgement.told;
    let text = |text: &str| inert(text).into_owned();
    let mut lines = vec![("status", told.status.to_owned())];
    lines.extend(told.assigned_hub.as_ref().map(|hub| ("assignedHub", text(hub.as_str()))));
    lines.extend(told.device_id.as_ref().map(|id| ("deviceId", text(id))));
    lines.extend(told.payload.as_ref().map(|it| ("payload", pretty(it.as_json()))));
    lines.extend(told.error_code.map(|code| ("errorCode", code.0.to_string())));
    lines.extend(told.error_message.as_ref().map(|it| ("errorMessage", text(it))));
    let twin = judgement.initial_twin.as_ref();
    Judged {
        word: match judgement.verdict {
            Verdict::Accepted => "Accepted",
            Verdict::Refused => "Refused",
            Verdict::Bad => "Bad answer",
            Verdict::NotReachable => "Not reachable",
        },
        is_accepted: judgement.verdict == Verdict::Accepted,
        url: text(&trial.url().masked()),
        took: spoken(judgement.took),
        status: judgement.answer.as_ref().map(|answer| answer.status),
        told: lines,
        twin: twin.map(|it| pretty(&serde_json::to_string(it).unwrap_or_default())),
        reason: judgement.reason.as_deref().map(text),
        odd: judgement.odd.iter().map(|it| text(it)).collect(),
        request: pretty(trial.request()),
        answer: judgement.answer.as_ref().map(|answer| Shown::of(&answer.body).text),
    }
}
