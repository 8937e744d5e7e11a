//! Enrollments of the local service, for what they say of a webhook.

use serde_json::Value;

use crate::api_client::{CallError, Kind, ServiceClient};
use crate::cli::exit::Exit;
use crate::cli::local::Local;
use crate::cli::report::Report;
use crate::service::{self, Enrollment, WebhookUrl, read_enrollment_now};
use crate::sources::Sources;
use crate::tutorial;
use crate::wire::RegistrationId;

/// The record of that kind and name; none if there is none.
pub(super) async fn find(
    client: &ServiceClient,
    kind: Kind,
    name: &str,
) -> Result<Option<Value>, Report> {
    match client.get(kind, name).await {
        Ok(record) => Ok(Some(record.value())),
        Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(None),
        Err(error) => Err(Report::new("network", Exit::Network, format!("--local: {error}"))
            .remedy("is `provision-sim serve` still running?")),
    }
}

/// The enrollment that lets a device in: `group`, or its own, or the group of the default world that
/// has devices of its name.
pub(super) async fn of_device(
    client: &ServiceClient,
    id: &RegistrationId,
    group: Option<&str>,
) -> Result<(Kind, Value), Report> {
    if let Some(group) = group {
        let found = find(client, Kind::Group, group).await?;
        return found.map(|record| (Kind::Group, record)).ok_or_else(|| {
            Report::usage(format!("--group: there is no enrollment group {group:?}"))
                .remedy("`provision-sim enrollment-group list --local` shows those that there are")
        });
    }
    if let Some(record) = find(client, Kind::Individual, id.as_str()).await? {
        return Ok((Kind::Individual, record));
    }
    let (name, _) = tutorial::group_of(id.as_str());
    match find(client, Kind::Group, name).await? {
        Some(record) => Ok((Kind::Group, record)),
        None => Err(Report::usage(format!(
            "no enrollment of the local service is known to be that of {id}"
        ))
        .remedy("say which: --group NAME")),
    }
}

/// The record as the service has it.
pub(super) fn read(kind: Kind, record: &Value) -> Result<Enrollment, Report> {
    let kind = match kind {
        Kind::Group => service::Kind::Group,
        _ => service::Kind::Individual,
    };
    // Its keys are not shown and not needed: others are made.
    let json = record.to_string();
    read_enrollment_now(kind, json.as_bytes(), &Sources::default(), None)
        .map_err(|error| Report::usage(format!("the enrollment cannot be used: {error}")))
}

/// The webhook of a record, whose address may be a name of the service's.
pub(super) fn webhook_of(record: &Value, local: &Local) -> Option<Result<WebhookUrl, Report>> {
    let text = record["customAllocationDefinition"]["webhookUrl"].as_str()?;
    Some(url(text, Some(local)))
}

/// An address as it was given, or a name that the local service has for one.
pub(super) fn url(text: &str, local: Option<&Local>) -> Result<WebhookUrl, Report> {
    let named = local.and_then(|local| local.webhooks.get(text));
    let text = named.map_or(text, |address| address.as_str());
    text.trim().parse().map_err(|error| {
        Report::usage(format!("URL: {error}")).remedy(
            "give the address of the function, such as http://localhost:7071/api/HttpTrigger1",
        )
    })
}
