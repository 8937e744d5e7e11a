//! A device of a hub, for a list. Every text of others is inert here.

use crate::service::endpoint::page::address::address;
use crate::service::endpoint::page::registrations::Time;
use crate::service::hub::Hubs;
use crate::service::record::HubDevice;
use crate::text::inert;

/// A device.
#[derive(Debug)]
pub(super) struct DeviceRow {
    pub(super) id: String,
    pub(super) address: String,
    pub(super) is_online: bool,
    pub(super) is_enabled: bool,
    pub(super) last_activity: Option<Time>,
    pub(super) messages: u64,
    pub(super) desired: u64,
    pub(super) reported: u64,
}

impl DeviceRow {
    pub(super) fn new(device: &HubDevice, hubs: &Hubs) -> Self {
        let key = device.key();
        let presence = hubs.presence(&key);
        let id = device.device_id.as_str();
        Self {
            id: inert(id).into_owned(),
            address: address("/ui/device", &[("hub", device.hub.as_str()), ("id", id)]),
            is_online: presence.is_online,
            is_enabled: device.is_enabled,
            last_activity: presence.last_activity.map(Time::from),
            messages: hubs.messages(&key),
            desired: device.twin.desired.version,
            reported: device.twin.reported.version,
        }
    }
}
