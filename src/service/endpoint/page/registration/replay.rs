//! The webhook's request of a registration, sent again (J-229, J-238).

use crate::service::allocation::{Replay, ReplayFault, Trial};
use crate::service::endpoint::page::judged::Judged;
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::WebhookUrl;
use crate::service::journal::JournalEntry;
use crate::text::inert;

/// What came of it; else why nothing was sent. Every text is inert.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) complaint: Option<String>,
    pub(super) judged: Option<Judged>,
    /// Who was asked by the registration, where that was another address.
    pub(super) asked_before: Option<String>,
}

impl Again {
    /// Sends it.
    pub(super) async fn send(site: &Site, entry: &JournalEntry) -> Self {
        let trial = match trial(site, entry) {
            Ok(trial) => trial,
            Err(complaint) => {
                return Self { complaint: Some(complaint), judged: None, asked_before: None };
            }
        };
        let judgement = site.registrar.webhooks().attempt(&trial).await;
        let before = entry.webhook.as_ref().map(|exchange| exchange.url.as_str());
        let before = before.filter(|before| *before != trial.url().masked());
        Self {
            complaint: None,
            judged: Some(Judged::of(&trial, &judgement)),
            asked_before: before.map(|url| inert(url).into_owned()),
        }
    }
}

fn trial(site: &Site, entry: &JournalEntry) -> Result<Trial, String> {
    let Some(exchange) = &entry.webhook else {
        return Err("This registration asked no webhook.".to_owned());
    };
    let replay = Replay::read(&exchange.request).map_err(|fault| match fault {
        ReplayFault::Cut => "Only the beginning of the request was kept: texts of the journal are cut at 4 KiB. “Try it” makes such a request anew.".to_owned(),
        fault => format!("The request cannot be sent again: {}.", inert(&fault.to_string())),
    })?;
    Ok(Trial::again(webhook(site, entry)?, replay))
}

/// That of the enrollment as it is now: the journal has no whole address.
fn webhook(site: &Site, entry: &JournalEntry) -> Result<WebhookUrl, String> {
    let Some(named) = &entry.enrollment else {
        return Err("The registration has no enrollment, whose webhook could be asked.".to_owned());
    };
    let name = inert(&named.name);
    let enrollment =
        site.registrar.read_enrollments(|all| all.find(named.kind, &named.name).cloned());
    let enrollment =
        enrollment.ok_or_else(|| format!("There is no enrollment “{name}” any more."))?;
    let own = enrollment.custom_allocation.as_ref();
    let own = own.ok_or_else(|| format!("“{name}” has no webhook any more."))?;
    Ok(own.webhook_url.clone())
}
