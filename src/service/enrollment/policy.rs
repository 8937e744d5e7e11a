//! The small words of an enrollment.

use serde::{Deserialize, Serialize};

/// What a device can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Whether it is an IoT Edge device.
    #[serde(default)]
    pub iot_edge: bool,
}

/// Whether devices may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningStatus {
    /// They may.
    Enabled,
    /// They may not (F.4).
    Disabled,
}

/// What happens to a device that registers again (F.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReprovisionPolicy {
    /// It may get another hub.
    #[serde(default = "yes")]
    pub update_hub_assignment: bool,
    /// Its twin moves along.
    #[serde(default = "yes")]
    pub migrate_device_data: bool,
}

fn yes() -> bool {
    true
}

/// How devices get their hub (F.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AllocationPolicy {
    /// By a weighted hash of the registration ID.
    Hashed,
    /// The hub with the lowest latency.
    GeoLatency,
    /// The one hub that the enrollment names.
    Static,
    /// By asking a webhook.
    Custom,
}
