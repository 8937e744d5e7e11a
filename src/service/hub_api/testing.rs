//! Hubs with devices, for the tests beside the code.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::attestation::DeviceKey;
use crate::service::enrollment::Enrollments;
use crate::service::hub::Hubs;
use crate::service::record::{Authentication, HubDevice, NewIdentity};
use crate::service::store::{Change, Store};
use crate::service::twin::InitialTwin;

pub(super) const PRIMARY: &str = "MDAwMDAwMDAwMDAwMDAwMA==";
pub(super) const SECONDARY: &str = "MTExMTExMTExMTExMTExMQ==";

/// A device with two keys and a twin.
pub(super) fn device(hub: &str, id: &str) -> HubDevice {
    let key = |text: &str| text.parse::<DeviceKey>().unwrap();
    let authentication = Authentication::Keys { primary: key(PRIMARY), secondary: key(SECONDARY) };
    device_with(hub, id, authentication)
}

/// A device that proves itself in that way.
pub(super) fn device_with(hub: &str, id: &str, authentication: Authentication) -> HubDevice {
    let twin = r#"{"tags":{"site":"b1"},"properties":{"desired":{"interval":30,"led":{"hue":7}}}}"#;
    let who =
        NewIdentity { device_id: id.parse().unwrap(), authentication, is_edge: false, salt: 7 };
    HubDevice::new(&hub.parse().unwrap(), who, &InitialTwin::read(twin).unwrap(), UNIX_EPOCH)
}

/// The hubs `east.net` and `west.net` with these devices.
pub(super) async fn hubs(devices: impl IntoIterator<Item = HubDevice>) -> Hubs {
    let store = Arc::new(Store::in_memory(Enrollments::default()));
    let puts = devices.into_iter().map(|device| Change::PutHubDevice(Arc::new(device)));
    store.commit(puts.collect()).await.unwrap();
    Hubs::new(
        ["east.net", "west.net"].map(|hub| hub.parse().unwrap()).to_vec(),
        store,
        Default::default(),
    )
}
