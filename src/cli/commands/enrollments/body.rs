//! The REST object that the flags ask for (E.1, E.2).

use serde_json::{Map, Value, json};

use super::arguments::{Change, KindArgs, Settings};
use super::attestation::Given;
use super::member::object_at;
use super::webhook::is_name;
use super::words::python_literal;
use crate::api_client::Kind;
use crate::cli::input::read;
use crate::cli::report::Report;
use crate::contoso::FUNCTION_URL;

/// What the service says of a record and nobody else.
pub(super) const READ_ONLY: [&str; 4] =
    ["registrationState", "etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"];

/// What the flags say, read and checked; nothing of it was sent yet.
pub(super) struct Changes {
    attestation: Given,
    members: Map<String, Value>,
    webhook: Map<String, Value>,
    tags: Option<Value>,
    desired: Option<Value>,
}

/// A new record. Where Azure's command line has a default of its own, it is the same here.
pub(super) fn created<S: KindArgs>(change: &Change<S>) -> Result<Value, Report> {
    let changes = Changes::of(change)?;
    let mut record = json!({
        S::KIND.id_member(): change.enrollment_id.as_str(),
        "attestation": changes.attestation.created(S::KIND)?,
        "capabilities": { "iotEdge": false },
        "provisioningStatus": "enabled",
        "reprovisionPolicy": reprovisioning("reprovisionandmigratedata"),
    });
    changes.apply_settings(&mut record);
    check_allocation(&record)?;
    Ok(record)
}

impl Changes {
    pub(super) fn of<S: KindArgs>(change: &Change<S>) -> Result<Self, Report> {
        let settings = &change.settings;
        let mut members = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("deviceId", change.kind_args.device_id().map(Value::from));
        add("capabilities", settings.edge_enabled.map(|edge| json!({ "iotEdge": edge })));
        add("provisioningStatus", settings.provisioning_status.as_deref().map(Value::from));
        add("reprovisionPolicy", settings.reprovision_policy.as_deref().map(reprovisioning));
        add("allocationPolicy", settings.allocation_policy.as_deref().map(Value::from));
        add("iotHubs", settings.iot_hubs.as_deref().map(hubs));
        if let Some(hub) = &settings.iot_hub_host_name {
            add("allocationPolicy", Some("static".into()));
            add("iotHubs", Some(json!([hub])));
        }
        let information = change.kind_args.device_information();
        add("optionalDeviceInformation", object("--device-information", information)?);
        for (name, value) in change.issuer.members()? {
            add(name, Some(value));
        }
        Ok(Self {
            attestation: change.attestation.read(
                S::KIND,
                change.kind_args.ca_names(),
                change.kind_args.endorsement_key(),
            )?,
            members,
            webhook: webhook(settings)?,
            tags: object("--initial-twin-tags", settings.initial_twin_tags.as_deref())?,
            desired: object(
                "--initial-twin-properties",
                settings.initial_twin_properties.as_deref(),
            )?,
        })
    }

    /// Changes a record that was read.
    pub(super) fn apply(&self, kind: Kind, record: &mut Value) -> Result<(), Report> {
        if !record.is_object() {
            return Err(Report::internal("the record that the service sent cannot be read"));
        }
        let current = record["attestation"].take();
        record["attestation"] = self.attestation.updated(kind, current)?;
        if let Some(members) = record.as_object_mut() {
            members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        }
        self.apply_settings(record);
        check_allocation(record)
    }

    fn apply_settings(&self, record: &mut Value) {
        for (name, value) in &self.members {
            match (value, record.as_object_mut()) {
                // Taken away: a record has no members that are null.
                (Value::Null, Some(record)) => drop(record.shift_remove(name)),
                _ => record[name] = value.clone(),
            }
        }
        for (name, value) in &self.webhook {
            object_at(record, "customAllocationDefinition")[name] = value.clone();
        }
        if let Some(tags) = &self.tags {
            object_at(record, "initialTwin")["tags"] = tags.clone();
        }
        if let Some(desired) = &self.desired {
            let twin = object_at(record, "initialTwin");
            object_at(twin, "properties")["desired"] = desired.clone();
        }
    }
}

/// What the service would take without a word, or refuse in words of another API (E.5).
fn check_allocation(record: &Value) -> Result<(), Report> {
    let policy = record["allocationPolicy"].as_str();
    let hubs = record["iotHubs"].as_array().map_or(0, Vec::len);
    if hubs > 0 && policy.is_none() {
        return Err(Report::usage("--iot-hubs needs --allocation-policy"));
    }
    if policy == Some("static") && hubs != 1 {
        return Err(Report::usage(format!(
            "--allocation-policy static needs one hub in --iot-hubs; there are {hubs}"
        )));
    }
    let definition = &record["customAllocationDefinition"];
    let (url, version) = (&definition["webhookUrl"], &definition["apiVersion"]);
    if url.is_string() != version.is_string() || (policy == Some("custom") && !url.is_string()) {
        return Err(Report::usage("a webhook needs --webhook-url and --webhook-api-version"));
    }
    Ok(())
}

fn reprovisioning(word: &str) -> Value {
    let (update, migrate) = match word {
        "never" => (false, false),
        "reprovisionandresetdata" => (true, false),
        _ => (true, true),
    };
    json!({ "updateHubAssignment": update, "migrateDeviceData": migrate })
}

/// One argument may name several hubs, as in `--iot-hubs "a b"`.
fn hubs(arguments: &[String]) -> Value {
    arguments.iter().flat_map(|argument| argument.split_whitespace()).collect()
}

/// Never repeats the address: its query has the function key.
fn webhook(settings: &Settings) -> Result<Map<String, Value>, Report> {
    let mut definition = Map::new();
    if let Some(text) = &settings.webhook_url {
        let wrong = |reason: String| Report::usage(format!("--webhook-url: {reason}"));
        let url: url::Url =
            text.parse().map_err(|error| wrong(format!("it is no URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") && !is_name(text) {
            return Err(wrong("it must begin with https:// or http://".to_owned()).remedy(
                format!("the tutorial's function, of a local service, is {FUNCTION_URL}"),
            ));
        }
        definition.insert("webhookUrl".to_owned(), text.as_str().into());
    }
    if let Some(version) = &settings.webhook_api_version {
        definition.insert("apiVersion".to_owned(), version.to_string().into());
    }
    Ok(definition)
}

fn object(flag: &str, argument: Option<&str>) -> Result<Option<Value>, Report> {
    let Some(argument) = argument else { return Ok(None) };
    let text = read(flag, argument)?;
    let value = serde_json::from_str::<Value>(&text).ok();
    match value.or_else(|| python_literal(&text)).filter(Value::is_object) {
        Some(value) => Ok(Some(value)),
        None => Err(Report::usage(format!("{flag}: it is no JSON object"))
            .remedy("give one such as '{\"room\":1}'; in a shell, in single quotes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_record_is_written_over_without_a_panic() {
        let mut record = json!({ "initialTwin": "text", "attestation": [] });

        object_at(object_at(&mut record, "initialTwin"), "properties")["desired"] =
            json!({ "a": 1 });
        object_at(&mut record, "attestation")["type"] = "x509".into();

        assert_eq!(record["initialTwin"]["properties"]["desired"]["a"], 1);
        assert_eq!(record["attestation"]["type"], "x509");
    }
}
