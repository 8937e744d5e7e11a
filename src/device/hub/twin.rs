//! What a device sees of its twin (I). Tags are the back end's own and never sent to devices.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A device's twin, as its hub has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// What the back end wants the device to be, with `$version`.
    pub desired: Map<String, Value>,
    /// What the device has said that it is, with `$version`.
    pub reported: Map<String, Value>,
}

impl Twin {
    /// The version of the desired properties; a [`DesiredChange`] of no higher one is old news.
    pub fn desired_version(&self) -> Option<u64> {
        version(&self.desired)
    }

    /// The version of the reported properties.
    pub fn reported_version(&self) -> Option<u64> {
        version(&self.reported)
    }
}

fn version(properties: &Map<String, Value>) -> Option<u64> {
    properties.get("$version").and_then(Value::as_u64)
}

/// A change that the back end made to the desired properties.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredChange {
    /// Their new version.
    pub version: u64,
    /// What changed: a merge patch, in which `null` deletes. It holds `$version` too.
    pub patch: Map<String, Value>,
}
