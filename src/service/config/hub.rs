//! `linkedHubs`: the hubs linked to the instance.

use serde::Deserialize;

use super::error::ConfigError;
use crate::service::instance::LinkedHub;

/// A linked hub: its name, or a table with the names of the resource model.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum LinkedHubConfig {
    /// Just its host name.
    Name(String),
    /// More of it.
    Table {
        /// Host name.
        name: String,
        /// Weight under the hashed policy.
        #[serde(default = "one", rename = "allocationWeight")]
        allocation_weight: u16,
        /// Whether enrollments that name no hubs may use it.
        #[serde(default = "yes", rename = "applyAllocationPolicy")]
        apply_allocation_policy: bool,
        /// How far it is, such as `20ms`, for the geoLatency policy (J-17).
        latency: Option<String>,
    },
}

fn one() -> u16 {
    1
}

fn yes() -> bool {
    true
}

impl LinkedHubConfig {
    /// The hub, if it has a host name, and what is told of it makes sense.
    pub(super) fn record(&self) -> Result<LinkedHub, ConfigError> {
        let (host_name, allocation_weight, apply_allocation_policy, latency) = match self {
            Self::Name(name) => (name, 1, true, &None),
            Self::Table { name, allocation_weight, apply_allocation_policy, latency } => {
                (name, *allocation_weight, *apply_allocation_policy, latency)
            }
        };
        let latency = latency.as_deref().map(humantime::parse_duration).transpose();
        let hub = LinkedHub {
            host_name: host_name.clone(),
            allocation_weight,
            apply_allocation_policy,
            latency: latency
                .map_err(|e| ConfigError::new(format!("linkedHubs, {host_name:?}, latency"), e))?,
        };
        let place = || format!("linkedHubs, {:?}", hub.host_name);
        if !matches!(url::Host::parse(&hub.host_name), Ok(url::Host::Domain(_))) {
            return Err(ConfigError::new(
                place(),
                "expected a host name such as my-hub.azure-devices.net",
            ));
        }
        if !(1..=1000).contains(&hub.allocation_weight) {
            return Err(ConfigError::new(place(), "allocationWeight must be 1 to 1000"));
        }
        Ok(hub)
    }
}
