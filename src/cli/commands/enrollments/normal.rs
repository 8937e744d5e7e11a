//! Records as other programs write them, in the form that the REST API has (E.1, E.2): names and
//! words in its case, and without what `az` adds of its SDK's inside.

use serde_json::{Map, Value};

use super::body::READ_ONLY;

/// What stands beside what it is about: an object of the SDK, with members of its own.
const ADDITIONAL: &str = "additionalProperties";

/// What a collection of a twin has of its own in the SDK.
const OF_THE_SDK: [&str; 3] = ["count", "metadata", "version"];

/// Members whose content is the user's own.
const OF_THE_USER: [&str; 3] = ["tags", "desired", "optionalDeviceInformation"];

/// All other members that a record has, at any depth.
const MEMBERS: [&str; 44] = [
    "allocationPolicy",
    "apiVersion",
    "attestation",
    "caReferences",
    "capabilities",
    "certificate",
    "certificateAuthorityName",
    "certificatePolicyName",
    "clientCertificates",
    "createdDateTimeUtc",
    "credentialPolicyName",
    "customAllocationDefinition",
    "desired",
    "deviceId",
    "endorsementKey",
    "enrollmentGroupId",
    "etag",
    "info",
    "initialTwin",
    "iotEdge",
    "iotHubHostName",
    "iotHubs",
    "lastUpdatedDateTimeUtc",
    "migrateDeviceData",
    "namespaceName",
    "optionalDeviceInformation",
    "primary",
    "primaryKey",
    "properties",
    "provisioningStatus",
    "registrationId",
    "registrationState",
    "reprovisionPolicy",
    "secondary",
    "secondaryKey",
    "signingCertificates",
    "storageRootKey",
    "symmetricKey",
    "tags",
    "tpm",
    "type",
    "updateHubAssignment",
    "webhookUrl",
    "x509",
];

/// The words that members have.
const WORDS: [(&str, &[&str]); 3] = [
    ("provisioningStatus", &["enabled", "disabled"]),
    ("allocationPolicy", &["hashed", "geoLatency", "static", "custom"]),
    ("type", &["symmetricKey", "x509", "tpm"]),
];

/// The record as the REST API takes it. What the service alone says is left out.
pub(super) fn normal(record: Map<String, Value>) -> Map<String, Value> {
    let mut record = members(record);
    record.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    record
}

fn members(object: Map<String, Value>) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in object {
        match known(&name, &MEMBERS).unwrap_or(&name) {
            ADDITIONAL => match value {
                Value::Object(more) => members.extend(more),
                Value::Null => {}
                other => drop(members.insert(name, other)),
            },
            name if OF_THE_USER.contains(&name) => {
                members.extend(of_the_user(value).map(|value| (name.to_owned(), value)));
            }
            name => {
                members.extend(member(name, value).map(|value| (name.to_owned(), value)));
            }
        }
    }
    members
}

fn member(name: &str, value: Value) -> Option<Value> {
    Some(match value {
        // `az` prints all that is not there as null; of the status null is a value (J-22).
        Value::Null if name != "provisioningStatus" => return None,
        Value::Object(object) => Value::Object(members(object)),
        Value::String(text) => {
            let words = WORDS.iter().find(|(member, _)| *member == name);
            let word = words.and_then(|(_, words)| known(&text, words)).map(str::to_owned);
            word.unwrap_or(text).into()
        }
        other => other,
    })
}

/// What it says is left alone, but for what the SDK wraps it in.
fn of_the_user(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(mut object) if object.contains_key(ADDITIONAL) => {
            object.retain(|name, value| !(value.is_null() && OF_THE_SDK.contains(&name.as_str())));
            if let Some(Value::Object(more)) = object.shift_remove(ADDITIONAL) {
                object.extend(more);
            }
            (!object.is_empty()).then_some(Value::Object(object))
        }
        other => Some(other),
    }
}

fn known<'a>(given: &str, all: &[&'a str]) -> Option<&'a str> {
    all.iter().find(|word| word.eq_ignore_ascii_case(given)).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn becomes(given: Value, expected: Value) {
        let Value::Object(given) = given else { panic!("a record is an object") };
        assert_eq!(Value::Object(normal(given)), expected);
    }

    #[test]
    fn what_az_prints_after_create_loses_what_its_sdk_adds() {
        becomes(
            json!({
                "additionalProperties": {},
                "allocationPolicy": null,
                "attestation": {
                    "additionalProperties": {},
                    "symmetricKey": {"additionalProperties": {}, "primaryKey": "a", "secondaryKey": "b"},
                    "tpm": null, "type": "symmetricKey", "x509": null
                },
                "capabilities": {"additionalProperties": {}, "iotEdge": false},
                "enrollmentGroupId": "g", "etag": "x", "provisioningStatus": null,
                "initialTwin": {
                    "additionalProperties": {},
                    "properties": {
                        "additionalProperties": {},
                        "desired": {
                            "additionalProperties": {"location": {"region": "US", "none": null}},
                            "count": null, "metadata": null, "version": null
                        }
                    },
                    "tags": {"additionalProperties": null, "count": null, "metadata": null, "version": null}
                },
                "iotHubs": null
            }),
            json!({
                "attestation": {
                    "symmetricKey": {"primaryKey": "a", "secondaryKey": "b"}, "type": "symmetricKey"
                },
                "capabilities": {"iotEdge": false},
                "enrollmentGroupId": "g", "provisioningStatus": null,
                "initialTwin": {
                    "properties": {"desired": {"location": {"region": "US", "none": null}}}
                }
            }),
        );
    }

    #[test]
    fn names_and_words_get_their_case_and_what_users_write_keeps_it() {
        becomes(
            json!({
                "RegistrationId": "A", "Attestation": {"Type": "X509", "X509": {"ClientCertificates":
                    {"Primary": {"Certificate": "c"}}}},
                "ProvisioningStatus": "Enabled", "AllocationPolicy": "Static", "IotHubs": ["H"],
                "InitialTwin": {"Tags": {"Type": "Static", "x": null}}, "New": {"Etag": "e"}
            }),
            json!({
                "registrationId": "A", "attestation": {"type": "x509", "x509": {"clientCertificates":
                    {"primary": {"certificate": "c"}}}},
                "provisioningStatus": "enabled", "allocationPolicy": "static", "iotHubs": ["H"],
                "initialTwin": {"tags": {"Type": "Static", "x": null}}, "New": {"etag": "e"}
            }),
        );
    }
}
