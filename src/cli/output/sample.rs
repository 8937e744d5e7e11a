//! The lines of the Azure IoT C SDK's sample (`prov_dev_client_sample`), which people know.

use crate::device::{Error, Registered};

/// The first.
pub(crate) const VERSION: &str = concat!("Provisioning API Version: ", env!("CARGO_PKG_VERSION"));
/// How a registration stands, as the sample's words have it.
pub(crate) const CONNECTED: &str = "CONNECTED";
pub(crate) const ASSIGNING: &str = "ASSIGNING";

/// How it stands now.
pub(crate) fn status(word: &str) -> String {
    format!("Provisioning Status: PROV_DEVICE_REG_STATUS_{word}")
}

/// The last ones on success.
pub(crate) fn assigned(registered: &Registered) -> Vec<String> {
    let Registered { assigned_hub, device_id, payload, .. } = registered;
    let hub = format!(
        "Registration Information received from service: {assigned_hub}, deviceId: {device_id}"
    );
    let payload =
        payload.as_ref().map(|it| format!("Payload received from service: {}", it.as_json()));
    std::iter::once(hub).chain(payload).collect()
}

/// The last one on failure.
pub(crate) fn failed(error: &Error) -> String {
    format!("Failure registering device: {}", error.c_sdk_result())
}
