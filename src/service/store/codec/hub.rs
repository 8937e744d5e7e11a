//! Devices of hubs: identity and twin.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::json::{Unreadable, from_json};
use super::{text, time};
use crate::attestation::DeviceKey;
use crate::service::metadata::Metadata;
use crate::service::record::{Authentication, HubDevice, IssuerName};
use crate::service::section::Section;
use crate::service::twin::{Properties, Twin};
use crate::wire::{DeviceId, Etag, HubName};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HubRow {
    hub: HubName,
    device_id: DeviceId,
    authentication: AuthenticationRow,
    is_enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_updated: Option<Moment>,
    #[serde(default)]
    is_edge: bool,
    generation: String,
    #[serde(with = "time")]
    created: SystemTime,
    #[serde(with = "text")]
    etag: Etag,
    twin: TwinRow,
    #[serde(with = "text")]
    twin_etag: Etag,
    #[serde(with = "time")]
    twin_updated: SystemTime,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AuthenticationRow {
    Keys {
        primary: Zeroizing<String>,
        secondary: Zeroizing<String>,
    },
    Thumbprints {
        primary: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secondary: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    CertificateAuthority {
        namespace_name: String,
        certificate_authority_name: String,
        certificate_policy_name: String,
        common_name: String,
    },
}

impl From<&Authentication> for AuthenticationRow {
    fn from(authentication: &Authentication) -> Self {
        match authentication {
            Authentication::Keys { primary, secondary } => {
                Self::Keys { primary: primary.to_base64(), secondary: secondary.to_base64() }
            }
            Authentication::Thumbprints { primary, secondary } => {
                Self::Thumbprints { primary: primary.clone(), secondary: secondary.clone() }
            }
            Authentication::CertificateAuthority { issuer, common_name } => {
                Self::CertificateAuthority {
                    namespace_name: issuer.namespace.clone(),
                    certificate_authority_name: issuer.authority.clone(),
                    certificate_policy_name: issuer.policy.clone(),
                    common_name: common_name.clone(),
                }
            }
        }
    }
}

impl TryFrom<AuthenticationRow> for Authentication {
    type Error = Unreadable;

    fn try_from(row: AuthenticationRow) -> Result<Self, Unreadable> {
        let key = |text: &str| {
            text.parse::<DeviceKey>().map_err(|error| Unreadable::Content(error.to_string()))
        };
        Ok(match row {
            AuthenticationRow::Keys { primary, secondary } => {
                Self::Keys { primary: key(&primary)?, secondary: key(&secondary)? }
            }
            AuthenticationRow::Thumbprints { primary, secondary } => {
                Self::Thumbprints { primary, secondary }
            }
            AuthenticationRow::CertificateAuthority {
                namespace_name,
                certificate_authority_name,
                certificate_policy_name,
                common_name,
            } => Self::CertificateAuthority {
                issuer: IssuerName {
                    namespace: namespace_name,
                    authority: certificate_authority_name,
                    policy: certificate_policy_name,
                },
                common_name,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct TwinRow {
    version: u64,
    tags: SectionRow,
    desired: PropertiesRow,
    reported: PropertiesRow,
}

#[derive(Serialize, Deserialize)]
struct PropertiesRow {
    version: u64,
    values: SectionRow,
    /// Left out where nothing was ever changed, and in what was kept before each property had a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<MetadataRow>,
}

#[derive(Serialize, Deserialize)]
struct MetadataRow {
    at: Moment,
    version: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    members: BTreeMap<String, MetadataRow>,
}

#[derive(Serialize, Deserialize)]
struct Moment(#[serde(with = "time")] SystemTime);

impl From<&Metadata> for MetadataRow {
    fn from(metadata: &Metadata) -> Self {
        let members = metadata.members.iter().map(|(name, it)| (name.clone(), it.into()));
        Self { at: Moment(metadata.at), version: metadata.version, members: members.collect() }
    }
}

impl From<MetadataRow> for Metadata {
    fn from(row: MetadataRow) -> Self {
        let members = row.members.into_iter().map(|(name, it)| (name, it.into()));
        Self { at: row.at.0, version: row.version, members: members.collect() }
    }
}

/// A JSON object that is kept as the text that it is (K-7), however deep the row around it is.
#[derive(Serialize, Deserialize)]
struct SectionRow(Box<RawValue>);

impl SectionRow {
    fn of(section: &Section) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(section).map(Self)
    }

    fn read(&self, what: &str) -> Result<Section, Unreadable> {
        // It was written from a section, and that it is JSON was seen as the row was read.
        let section = Section::of_text(self.0.get());
        section.ok_or_else(|| Unreadable::Content(format!("its {what} are no JSON object")))
    }
}

/// A device as JSON.
pub(in crate::service::store) fn encode(device: &HubDevice) -> Result<Vec<u8>, serde_json::Error> {
    let properties = |it: &Properties| -> Result<PropertiesRow, serde_json::Error> {
        let changed = it.metadata.as_deref().map(MetadataRow::from);
        Ok(PropertiesRow { version: it.version, values: SectionRow::of(&it.values)?, changed })
    };
    serde_json::to_vec(&HubRow {
        hub: device.hub.clone(),
        device_id: device.device_id.clone(),
        authentication: (&device.authentication).into(),
        is_enabled: device.is_enabled,
        status_reason: device.status_reason.clone(),
        status_updated: device.status_updated.map(Moment),
        is_edge: device.is_edge,
        generation: device.generation.clone(),
        created: device.created,
        etag: device.etag.clone(),
        twin: TwinRow {
            version: device.twin.version,
            tags: SectionRow::of(&device.twin.tags)?,
            desired: properties(&device.twin.desired)?,
            reported: properties(&device.twin.reported)?,
        },
        twin_etag: device.twin_etag.clone(),
        twin_updated: device.twin_updated,
    })
}

/// A device from JSON.
pub(in crate::service::store) fn decode(json: &[u8]) -> Result<HubDevice, Unreadable> {
    let row: HubRow = from_json(json)?;
    let twin_updated = row.twin_updated;
    let properties = |row: PropertiesRow, what: &str| -> Result<Properties, Unreadable> {
        let (version, values) = (row.version, row.values.read(what)?);
        let metadata = match row.changed {
            Some(row) => Some(Metadata::from(row)),
            None => {
                (version > 1).then(|| Metadata::of_all(&values.values(), twin_updated, version))
            }
        };
        Ok(Properties { version, values, metadata: metadata.map(Box::new) })
    };
    Ok(HubDevice {
        authentication: row.authentication.try_into()?,
        twin: Twin {
            version: row.twin.version,
            tags: row.twin.tags.read("tags")?,
            desired: properties(row.twin.desired, "desired properties")?,
            reported: properties(row.twin.reported, "reported properties")?,
        },
        hub: row.hub,
        device_id: row.device_id,
        is_enabled: row.is_enabled,
        status_reason: row.status_reason,
        status_updated: row.status_updated.map(|it| it.0),
        is_edge: row.is_edge,
        generation: row.generation,
        created: row.created,
        etag: row.etag,
        twin_etag: row.twin_etag,
        twin_updated: row.twin_updated,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::option;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn json(depth: u32) -> BoxedStrategy<Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()).prop_map(Value::from),
            ".{0,10}".prop_map(Value::from),
        ];
        leaf.prop_recursive(depth, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-z]{1,4}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
        .boxed()
    }

    fn section() -> impl Strategy<Value = Section> {
        prop::collection::vec(("[^.$ ]{1,6}", json(4)), 0..5).prop_map(|members| {
            let values: Map<String, Value> = members.into_iter().collect();
            Section::read(&serde_json::to_string(&values).unwrap()).unwrap()
        })
    }

    fn authentication() -> impl Strategy<Value = Authentication> {
        let keys = prop::collection::vec(any::<u8>(), 16..65).prop_map(|_| Authentication::Keys {
            primary: DeviceKey::generate(),
            secondary: DeviceKey::generate(),
        });
        let thumbprints = ("[0-9A-F]{40}", option::of("[0-9A-F]{40}"))
            .prop_map(|(primary, secondary)| Authentication::Thumbprints { primary, secondary });
        let issued = (".{1,9}", ".{1,9}", ".{0,9}", "[a-z0-9-]{1,9}").prop_map(
            |(namespace, authority, policy, common_name)| Authentication::CertificateAuthority {
                issuer: IssuerName { namespace, authority, policy },
                common_name,
            },
        );
        prop_oneof![keys, thumbprints, issued]
    }

    fn moment() -> impl Strategy<Value = SystemTime> {
        (0..4_000_000_000_u64).prop_map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
    }

    fn metadata() -> impl Strategy<Value = Metadata> {
        let leaf = (moment(), any::<u64>()).prop_map(|(at, version)| Metadata::new(at, version));
        leaf.prop_recursive(3, 16, 3, |inner| {
            (moment(), any::<u64>(), prop::collection::btree_map("[^.$ ]{1,6}", inner, 0..3))
                .prop_map(|(at, version, members)| Metadata { at, version, members })
        })
    }

    fn properties() -> impl Strategy<Value = Properties> {
        let changed = (section(), 2..u64::MAX, metadata()).prop_map(|(values, version, it)| {
            Properties { values, version, metadata: Some(Box::new(it)) }
        });
        let unchanged =
            section().prop_map(|values| Properties { values, version: 1, metadata: None });
        prop_oneof![changed, unchanged]
    }

    proptest! {
        #[test]
        fn a_device_of_a_hub_is_read_back_as_it_was(
            (hub, device_id, generation) in ("[a-zA-Z-]{1,20}", "[A-Za-z0-9#@%?]{1,10}", "[0-9]{1,18}"),
            authentication in authentication(),
            (is_enabled, is_edge, status_reason, status_updated) in (any::<bool>(), any::<bool>(), option::of(".{0,10}"), option::of(moment())),
            (tags, desired, reported, version) in (section(), properties(), properties(), any::<u64>()),
            (seconds, nanos, salt) in (0..4_000_000_000_u64, 0..1_000_000_000_u32, any::<u32>()),
        ) {
            let created = UNIX_EPOCH + Duration::new(seconds, nanos);
            let twin_updated = created + Duration::from_nanos(1);
            let device = HubDevice {
                hub: hub.parse().unwrap(), device_id: device_id.parse().unwrap(), authentication, is_enabled, status_reason, status_updated, is_edge, generation, created,
                etag: Etag::new(created, salt),
                twin: Twin { tags, desired, reported, version },
                twin_etag: Etag::new(twin_updated, salt),
                twin_updated,
            };

            let json = encode(&device).unwrap();

            prop_assert_eq!(decode(&json).unwrap(), device);
        }
    }

    /// What was kept before properties had times of their own.
    #[test]
    fn a_device_without_times_of_properties_has_that_of_its_twin() {
        let row = r#"{"hub":"west","deviceId":"pump","authentication":{"thumbprints":{"primary":"AB"}},
            "isEnabled":true,"generation":"1","created":"2026-03-02T08:15:30Z","etag":"<etag>",
            "twin":{"version":3,"tags":{},"desired":{"version":2,"values":{"a":1}},
            "reported":{"version":1,"values":{}}},"twinEtag":"<etag>",
            "twinUpdated":"2026-03-02T08:15:31Z"}"#;
        let etag = Etag::new(UNIX_EPOCH, 7).to_string();

        let device = decode(row.replace("<etag>", &etag).as_bytes()).unwrap();

        let updated = device.twin_updated;
        let all = Metadata::of_all(&device.twin.desired.values.values(), updated, 2);
        assert_eq!(device.twin.desired.metadata.as_deref(), Some(&all));
        assert_eq!(device.twin.reported.metadata, None);
    }

    #[test]
    fn an_array_as_deep_as_a_request_may_have_it_is_read_back() {
        let twin = Twin::new(&Default::default());
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(126), "]".repeat(126));
        let twin = twin.report(deep.as_bytes(), UNIX_EPOCH).unwrap();
        let who = crate::service::record::NewIdentity {
            device_id: "pump".parse().unwrap(),
            authentication: Authentication::Thumbprints { primary: "A".into(), secondary: None },
            is_edge: false,
            salt: 7,
        };
        let device = HubDevice::new(&"west".parse().unwrap(), who, &Default::default(), UNIX_EPOCH);
        let device = device.with_twin(twin, UNIX_EPOCH, 8);

        assert_eq!(decode(&encode(&device).unwrap()).unwrap(), device);
    }
}
