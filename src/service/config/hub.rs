//! `linkedHubs`: the hubs linked to the instance.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::error::ConfigError;
use crate::service::instance::LinkedHub;
use crate::text::MemberPath;
use crate::wire::ConnectionProfile;

/// A linked hub: its name, or a table with the names of the resource model.
#[derive(Debug, Clone)]
pub enum LinkedHubConfig {
    /// Just its host name.
    Name(String),
    /// More of it.
    Table {
        /// Host name.
        name: String,
        /// Weight under the hashed policy.
        allocation_weight: u16,
        /// Whether enrollments that name no hubs may use it.
        apply_allocation_policy: bool,
        /// How far it is, such as `20ms`, for the geoLatency policy (J-17).
        latency: Option<String>,
        /// How devices are told to speak to it (J-446).
        connection_profile: Option<ConnectionProfile>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Table {
    name: String,
    #[serde(default = "one")]
    allocation_weight: u16,
    #[serde(default = "yes")]
    apply_allocation_policy: bool,
    latency: Option<String>,
    connection_profile: Option<ConnectionProfile>,
}

fn one() -> u16 {
    1
}

fn yes() -> bool {
    true
}

/// By hand, for an untagged enum does not say which member is wrong.
impl<'de> Deserialize<'de> for LinkedHubConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = LinkedHubConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host name, or a table with a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<LinkedHubConfig, E> {
        Ok(LinkedHubConfig::Name(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<LinkedHubConfig, A::Error> {
        let Table { name, allocation_weight, apply_allocation_policy, latency, connection_profile } =
            Table::deserialize(MapAccessDeserializer::new(members))?;
        Ok(LinkedHubConfig::Table {
            name,
            allocation_weight,
            apply_allocation_policy,
            latency,
            connection_profile,
        })
    }
}

impl LinkedHubConfig {
    /// All of them, if each has a host name, what is told of it makes sense, and none is linked twice
    /// (K-10).
    pub(super) fn records(all: &[Self]) -> Result<Vec<LinkedHub>, ConfigError> {
        let mut records: Vec<LinkedHub> = Vec::new();
        for (index, hub) in all.iter().enumerate() {
            let within = |error: ConfigError| {
                error.within(&MemberPath::of(&["linkedHubs"]), index, Some(hub.name().to_owned()))
            };
            let record = hub.record().map_err(within)?;
            if records.iter().any(|other| other.host_name == record.host_name) {
                let reason = "the hub is linked twice; a hub can be linked once, and case makes no other of it";
                return Err(within(ConfigError::new(MemberPath::default(), reason)));
            }
            records.push(record);
        }
        Ok(records)
    }

    fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Table { name, .. } => name,
        }
    }

    fn record(&self) -> Result<LinkedHub, ConfigError> {
        let (host_name, allocation_weight, apply_allocation_policy, latency) = match self {
            Self::Name(name) => (name, 1, true, &None),
            Self::Table { name, allocation_weight, apply_allocation_policy, latency, .. } => {
                (name, *allocation_weight, *apply_allocation_policy, latency)
            }
        };
        let connection_profile = match self {
            Self::Name(_) => None,
            Self::Table { connection_profile, .. } => connection_profile.clone(),
        };
        let wrong = |path: &[&str], reason: String| ConfigError::new(MemberPath::of(path), reason);
        let latency = latency.as_deref().map(humantime::parse_duration).transpose();
        let latency = latency.map_err(|error| wrong(&["latency"], error.to_string()))?;
        let no_host_name =
            || wrong(&[], "expected a host name such as my-hub.azure-devices.net".to_owned());
        if !matches!(url::Host::parse(host_name), Ok(url::Host::Domain(_))) {
            return Err(no_host_name());
        }
        if !(1..=1000).contains(&allocation_weight) {
            return Err(wrong(&["allocationWeight"], "must be 1 to 1000".to_owned()));
        }
        if let Some(ConnectionProfile::Other(word)) = &connection_profile {
            let reason = format!("expected classic or mqttV5, found {word:?}");
            return Err(wrong(&["connectionProfile"], reason));
        }
        Ok(LinkedHub {
            host_name: host_name.parse().map_err(|_| no_host_name())?,
            allocation_weight,
            apply_allocation_policy,
            latency,
            connection_profile,
        })
    }
}
