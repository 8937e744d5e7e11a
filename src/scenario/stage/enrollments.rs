//! Enrollments and records of registrations through the service API.

use hyper::header::HeaderValue;
use serde_json::{Map, Value};

use super::error::StageError;
use crate::api_client::{CallError, Kind, ServiceClient};
use crate::scenario::step::EnrollmentChange;
use crate::wire::RegistrationId;

/// What the service says of a record and nobody else.
const READ_ONLY: [&str; 4] =
    ["registrationState", "etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"];

/// The group of that name, else the enrollment of that device.
pub(super) async fn find(client: &ServiceClient, name: &str) -> Result<(Kind, Value), StageError> {
    match client.get(Kind::Group, name).await {
        Err(CallError::Refused(refusal)) if refusal.status == 404 => {}
        group => return Ok((Kind::Group, group?.value())),
    }
    match client.get(Kind::Individual, name).await {
        Err(CallError::Refused(refusal)) if refusal.status == 404 => {
            let none = format!("there is no enrollment or enrollment group {name:?}");
            Err(StageError::other(none))
        }
        individual => Ok((Kind::Individual, individual?.value())),
    }
}

/// Does it.
pub(super) async fn change(
    client: &ServiceClient,
    name: &str,
    change: &EnrollmentChange,
) -> Result<(), StageError> {
    match change {
        EnrollmentChange::Create(record) => {
            let (kind, record) = created(name, record);
            client.put(kind, name, &record, None).await?;
        }
        EnrollmentChange::Delete => {
            let (kind, _) = find(client, name).await?;
            client.delete(kind, name, None).await?;
        }
        EnrollmentChange::Patch(patch) => {
            let (kind, mut record) = find(client, name).await?;
            // It comes without its keys, and would be given new ones.
            if record["attestation"]["type"] == "symmetricKey" {
                record["attestation"] = client.attestation(kind, name).await?.value();
            }
            client.put(kind, name, &patched(record, patch), Some(&any())).await?;
        }
    }
    Ok(())
}

/// The record of a registration, if there is one.
pub(super) async fn record(
    client: &ServiceClient,
    id: &RegistrationId,
) -> Result<Option<Value>, StageError> {
    match client.registration(id.as_str()).await {
        Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(None),
        record => Ok(Some(record?.value())),
    }
}

fn any() -> HeaderValue {
    HeaderValue::from_static("*")
}

/// A new record, and its kind: that of the member which names it, or else a group (J-283).
pub fn created(name: &str, record: &Map<String, Value>) -> (Kind, Value) {
    let mut record = record.clone();
    let kind = match record.contains_key(Kind::Individual.id_member()) {
        true => Kind::Individual,
        false => Kind::Group,
    };
    record.insert(kind.id_member().to_owned(), name.into());
    (kind, Value::Object(record))
}

/// A record as it is sent back, changed by a merge patch (RFC 7396).
pub fn patched(mut record: Value, patch: &Map<String, Value>) -> Value {
    if let Some(members) = record.as_object_mut() {
        members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    }
    merge(&mut record, patch);
    record
}

fn merge(target: &mut Value, patch: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(members.remove(name)),
            Value::Object(patch) => merge(members.entry(name).or_insert(Value::Null), patch),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_patched_as_json_is_and_goes_back_without_what_is_the_services_own() {
        let record =
            json!({ "etag": "x", "iotHubs": ["a"], "reprovisionPolicy": { "a": true, "b": 1 } });
        let Value::Object(patch) =
            json!({ "iotHubs": null, "reprovisionPolicy": { "a": false }, "new": { "x": 1 } })
        else {
            panic!()
        };

        assert_eq!(
            patched(record, &patch),
            json!({ "reprovisionPolicy": { "a": false, "b": 1 }, "new": { "x": 1 } })
        );
    }

    #[test]
    fn j_283_a_new_record_is_a_group_unless_it_names_a_registration_id() {
        let Value::Object(group) = json!({ "attestation": { "type": "symmetricKey" } }) else {
            panic!()
        };
        let mut individual = group.clone();
        individual.insert("registrationId".to_owned(), "written".into());

        assert_eq!(created("pumps", &group).1["enrollmentGroupId"], "pumps");
        let (kind, record) = created("pump-1", &individual);
        assert_eq!((kind, &record["registrationId"]), (Kind::Individual, &"pump-1".into()));
    }
}
