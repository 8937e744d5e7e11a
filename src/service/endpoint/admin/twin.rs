//! A device of a hub as the management listener shows it: nothing of its keys.

use serde::Serialize;

use crate::service::hub::Hubs;
use crate::service::record::HubDevice;
use crate::service::section::Section;
use crate::wire::{DeviceId, HubName, timestamp};

/// A device of a hub, and its twin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HubTwin<'a> {
    hub: &'a HubName,
    device_id: &'a DeviceId,
    status: &'static str,
    authentication_type: &'static str,
    connection_state: &'static str,
    /// Since the service started.
    messages: u64,
    created_date_time_utc: String,
    last_updated_date_time_utc: String,
    version: u64,
    tags: &'a Section,
    desired: Section,
    reported: Section,
}

impl<'a> HubTwin<'a> {
    /// The device as it is, and whether it is connected.
    pub(super) fn new(device: &'a HubDevice, hubs: &Hubs) -> Self {
        let key = device.key();
        let twin = &device.twin;
        Self {
            hub: &device.hub,
            device_id: &device.device_id,
            status: if device.is_enabled { "enabled" } else { "disabled" },
            authentication_type: device.authentication.as_word(),
            connection_state: if hubs.is_online(&key) { "Connected" } else { "Disconnected" },
            messages: hubs.messages(&key),
            created_date_time_utc: timestamp(device.created),
            last_updated_date_time_utc: timestamp(device.twin_updated),
            version: twin.version,
            tags: &twin.tags,
            desired: twin.desired.shown(),
            reported: twin.reported.shown(),
        }
    }
}
