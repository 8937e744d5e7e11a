//! Enrollments, and what became of those that a configuration has.
//!
//! The record itself is kept as the service API has it, with what the API does not show put in:
//! certificates whole, times and etag exactly.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::json::{Der, Unreadable, from_json};
use super::{text, time};
use crate::attestation::Certificate;
use crate::service::config::NamedWebhooks;
use crate::service::enrollment::{Attestation, Enrollment, Kind, Secrets, Subject, read, show};
use crate::wire::{Etag, Members, Payload};

/// What is kept under the name of an enrollment.
#[derive(Debug)]
pub(in crate::service::store) struct Entry {
    /// The digest of what the configuration says of it, if it does.
    pub(in crate::service::store) configured: Option<String>,
    /// The record; none if it was deleted.
    pub(in crate::service::store) record: Option<Enrollment>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configured: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<RecordRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordRow {
    // Read on its own, so that it may be as deep as a request.
    body: Box<RawValue>,
    // Format 1 had these beside the body, which did not keep digits.
    #[serde(default, skip_serializing)]
    initial_twin: Option<Payload>,
    #[serde(default, skip_serializing)]
    optional_device_information: Option<Payload>,
    /// The name of its webhook, if that has another address at each start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    #[serde(with = "time")]
    created: SystemTime,
    #[serde(with = "time")]
    updated: SystemTime,
    #[serde(with = "text")]
    etag: Etag,
}

/// An enrollment as JSON; `configured` as in [`Entry`].
pub(in crate::service::store) fn encode(
    configured: Option<&str>,
    enrollment: &Enrollment,
    webhooks: &NamedWebhooks,
) -> Result<Vec<u8>, serde_json::Error> {
    let definition = enrollment.custom_allocation.as_ref();
    let webhook = definition.and_then(|definition| webhooks.name(&definition.webhook_url));
    let record = RecordRow {
        body: to_raw_value(&body(enrollment)?)?,
        initial_twin: None,
        optional_device_information: None,
        webhook: webhook.map(str::to_owned),
        created: enrollment.created,
        updated: enrollment.updated,
        etag: enrollment.etag.clone(),
    };
    let configured = configured.map(str::to_owned);
    serde_json::to_vec(&EntryRow { configured, record: Some(record) })
}

/// That an enrollment of the configuration was deleted, as JSON.
pub(in crate::service::store) fn encode_deleted(
    configured: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&EntryRow { configured: Some(configured.to_owned()), record: None })
}

/// What was kept, from JSON.
pub(in crate::service::store) fn decode(
    kind: Kind,
    json: &[u8],
    webhooks: &NamedWebhooks,
) -> Result<Entry, Unreadable> {
    let EntryRow { configured, record } = from_json(json)?;
    let record = record.map(|row| enrollment(kind, row, webhooks)).transpose()?;
    Ok(Entry { configured, record })
}

fn body(enrollment: &Enrollment) -> Result<Members, serde_json::Error> {
    let body = show(enrollment, Secrets::Shown, None);
    let (list, slots) = match &enrollment.attestation {
        Attestation::ClientCertificates(slots) => ("clientCertificates", slots),
        Attestation::SigningCertificates(slots) => ("signingCertificates", slots),
        _ => return Ok(body),
    };
    let slot = |certificate: Option<&Certificate>| -> Result<Value, serde_json::Error> {
        let Some(certificate) = certificate else { return Ok(Value::Null) };
        Ok(json!({ "certificate": serde_json::to_value(Der(certificate.clone()))? }))
    };
    let whole = json!({ "primary": slot(slots.primary())?, "secondary": slot(slots.secondary())? });
    let mut body = body.without(&["attestation"]);
    body.add("attestation", &json!({ "type": "x509", "x509": { list: whole } }));
    Ok(body)
}

fn enrollment(
    kind: Kind,
    row: RecordRow,
    webhooks: &NamedWebhooks,
) -> Result<Enrollment, Unreadable> {
    let RecordRow { created, updated, etag, .. } = row;
    let read = read(kind, row.body.get().as_bytes(), updated, 0, None);
    let mut enrollment = read.map_err(|error| Unreadable::Content(error.to_string()))?;
    if let Some(name) = &row.webhook
        && let Some(definition) = &mut enrollment.custom_allocation
    {
        match webhooks.address(name) {
            Some(address) => definition.webhook_url = address.clone(),
            None => tracing::warn!(
                "enrollment {:?}: its webhook {name} is served only if the configuration names it",
                row_name(&enrollment.subject)
            ),
        }
    }
    if let Subject::Individual { optional_device_information, .. } = &mut enrollment.subject
        && row.optional_device_information.is_some()
    {
        *optional_device_information = row.optional_device_information;
    }
    let initial_twin = row.initial_twin.or(enrollment.initial_twin);
    Ok(Enrollment { initial_twin, created, updated, etag, ..enrollment })
}

fn row_name(subject: &Subject) -> &str {
    match subject {
        Subject::Individual { registration_id, .. } => registration_id.as_str(),
        Subject::Group { id } => id,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::pki::TestCertificate;
    use crate::service::enrollment::WebhookUrl;

    fn address(port: u16) -> WebhookUrl {
        format!("http://127.0.0.1:{port}/api?code=s3cret").parse().unwrap()
    }

    fn webhook(port: u16) -> NamedWebhooks {
        let mut webhooks = NamedWebhooks::default();
        webhooks.place("contoso:HttpTrigger1", address(port));
        webhooks
    }

    fn again(enrollment: &Enrollment) -> Enrollment {
        let json = encode(None, enrollment, &NamedWebhooks::default()).unwrap();
        decode(enrollment.kind(), &json, &NamedWebhooks::default()).unwrap().record.unwrap()
    }

    /// Records have no equality of their own, because nobody else needs one.
    fn assert_same(one: &Enrollment, other: &Enrollment) {
        let all = |it: &Enrollment| {
            let certificates: Vec<_> = match &it.attestation {
                Attestation::ClientCertificates(slots)
                | Attestation::SigningCertificates(slots) => {
                    slots.iter().map(|it| it.der().to_vec()).collect()
                }
                _ => vec![],
            };
            (format!("{it:?}"), show(it, Secrets::Shown, None), certificates)
        };
        assert_eq!(all(one), all(other));
    }

    fn made(kind: Kind, json: &Value, at: Duration) -> Enrollment {
        let previous = read(kind, json.to_string().as_bytes(), UNIX_EPOCH, 1, None).unwrap();
        let json = json.to_string();
        read(kind, json.as_bytes(), UNIX_EPOCH + at, 9, Some(&previous)).unwrap()
    }

    fn certificate() -> String {
        TestCertificate::self_signed("pump-0042").unwrap().pem().to_owned()
    }

    #[test]
    fn every_kind_of_attestation_is_read_back_as_it_was() {
        let key = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";
        let one = json!({ "primary": { "certificate": certificate() } });
        let two = json!({
            "primary": { "certificate": certificate() }, "secondary": { "certificate": certificate() }
        });
        let other = json!({ "primary": null, "secondary": { "certificate": certificate() } });
        let individual = [
            json!({ "type": "symmetricKey" }),
            json!({ "type": "symmetricKey", "symmetricKey": { "primaryKey": key } }),
            json!({ "type": "x509", "x509": { "clientCertificates": one } }),
            json!({ "type": "x509", "x509": { "clientCertificates": two } }),
            json!({ "type": "x509", "x509": { "clientCertificates": other } }),
            json!({ "type": "tpm", "tpm": { "endorsementKey": "AQ==", "storageRootKey": "Ag==" } }),
            json!({ "type": "tpm", "tpm": { "endorsementKey": "AQ==" } }),
        ];
        let group = [
            json!({ "type": "symmetricKey", "symmetricKey": { "secondaryKey": key } }),
            json!({ "type": "x509", "x509": { "signingCertificates": one } }),
            json!({ "type": "x509", "x509": { "signingCertificates": two } }),
            json!({ "type": "x509", "x509": { "signingCertificates": other } }),
            json!({ "type": "x509", "x509": { "caReferences": { "secondary": "b" } } }),
            json!({ "type": "x509", "x509": { "caReferences": { "primary": "root" } } }),
            json!({ "type": "x509", "x509": { "caReferences": { "primary": "a", "secondary": "b" } } }),
        ];
        let individual = individual.map(|attestation| {
            (Kind::Individual, json!({ "registrationId": "Pump-1", "attestation": attestation }))
        });
        let group = group.map(|attestation| {
            (Kind::Group, json!({ "enrollmentGroupId": "Pumps", "attestation": attestation }))
        });
        for (kind, json) in individual.into_iter().chain(group) {
            let enrollment = made(kind, &json, Duration::new(7, 123_456_789));

            assert_same(&again(&enrollment), &enrollment);
        }
    }

    proptest! {
        #[test]
        fn an_enrollment_is_read_back_as_it_was(
            device_id in option::of("[A-Za-z0-9#@%?]{1,10}"),
            (iot_edge, status) in (option::of(any::<bool>()), 0..4),
            (policy, hubs, hub) in (0..4_usize, option::of(prop::collection::vec("[a-z.]{1,10}", 0..3)), option::of("[a-z]{1,5}")),
            number in any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()),
            (update, migrate) in (any::<bool>(), option::of(any::<bool>())),
            (seconds, nanos) in (0..4_000_000_000_u64, 0..1_000_000_000_u32),
        ) {
            let mut json = json!({
                "registrationId": "Pump-0042",
                "attestation": { "type": "symmetricKey" },
                "allocationPolicy": (["hashed", "geoLatency", "static", "custom"][policy]),
                "customAllocationDefinition": { "webhookUrl": "https://h/api?code=x%3D", "apiVersion": "2021-10-01" },
                "reprovisionPolicy": { "updateHubAssignment": update },
                "optionalDeviceInformation": { "n": number },
                "initialTwin": { "tags": { "n": number }, "properties": { "desired": { "t": [1.5, "ü"] } } },
                "addedLater": { "z": number, "a": null },
            });
            if let Some(migrate) = migrate {
                json["reprovisionPolicy"]["migrateDeviceData"] = migrate.into();
            }
            let some = [
                ("deviceId", device_id.map(Value::from)),
                ("capabilities", iot_edge.map(|it| json!({ "iotEdge": it }))),
                ("iotHubs", hubs.map(Value::from)),
                ("iotHubHostName", hub.map(Value::from)),
                ("provisioningStatus", [None, Some(Value::Null), Some("enabled".into()), Some("disabled".into())][status as usize].clone()),
            ];
            for (name, value) in some {
                if let Some(value) = value {
                    json[name] = value;
                }
            }
            let enrollment = made(Kind::Individual, &json, Duration::new(seconds, nanos));

            assert_same(&again(&enrollment), &enrollment);
        }
    }

    /// What numbers and addresses look like is part of a record.
    #[test]
    fn k_7_a_record_is_kept_letter_by_letter() {
        let json = concat!(
            r#"{"registrationId":"a","attestation":{"type":"symmetricKey"},"capabilities":{"iotEdge":true,"n":1.50},"#,
            r#""optionalDeviceInformation":{"n":1e3},"initialTwin":{"tags":{"n":1.50}},"#,
            r#""customAllocationDefinition":{"webhookUrl":"https://www.test.test","apiVersion":"2019-03-31","z":1E3},"#,
            r#""reprovisionPolicy":{"migrateDeviceData":false,"n":0.10},"later":{"z":1.50,"a":12345678901234567890123}}"#
        );
        let enrollment = read(Kind::Individual, json.as_bytes(), UNIX_EPOCH, 7, None).unwrap();
        let shown = |enrollment: &Enrollment| {
            serde_json::to_string(&show(enrollment, Secrets::Hidden, None)).unwrap()
        };

        let again = again(&enrollment);

        assert_eq!(shown(&again), shown(&enrollment));
        for part in [
            r#""capabilities":{"iotEdge":true,"n":1.50},"#,
            r#""optionalDeviceInformation":{"n":1e3},"#,
            r#""initialTwin":{"tags":{"n":1.50}},"#,
            r#"{"webhookUrl":"https://www.test.test","apiVersion":"2019-03-31","z":1E3}"#,
            r#""reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false,"n":0.10},"#,
            r#","later":{"z":1.50,"a":12345678901234567890123}}"#,
        ] {
            assert!(shown(&again).contains(part), "{part} in {}", shown(&again));
        }
    }

    /// J-124.
    #[test]
    fn a_webhook_that_has_a_name_gets_the_address_of_this_start() {
        let json = json!({
            "enrollmentGroupId": "pumps",
            "attestation": { "type": "symmetricKey" },
            "allocationPolicy": "custom",
            "customAllocationDefinition": {
                "webhookUrl": address(1).expose().as_str(), "apiVersion": "2021-10-01"
            },
        });
        let enrollment = made(Kind::Group, &json, Duration::ZERO);
        let kept = encode(Some("d1"), &enrollment, &webhook(1)).unwrap();
        let again = |webhooks: &NamedWebhooks| {
            let entry = decode(Kind::Group, &kept, webhooks).unwrap();
            assert_eq!(entry.configured.as_deref(), Some("d1"));
            entry.record.unwrap().custom_allocation.unwrap().webhook_url
        };

        assert_eq!(again(&webhook(2)), address(2));
        assert_eq!(again(&NamedWebhooks::default()), address(1), "nothing better is known");
    }

    #[test]
    fn that_one_was_deleted_is_read_back_too() {
        let entry =
            decode(Kind::Group, &encode_deleted("d1").unwrap(), &NamedWebhooks::default()).unwrap();

        assert_eq!(entry.configured.as_deref(), Some("d1"));
        assert!(entry.record.is_none());
    }
}
