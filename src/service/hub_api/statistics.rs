//! How many devices there are, and how many are connected (I).

use serde_json::json;

use super::site::Site;
use crate::service::api::Response;

/// Identities, by their status.
pub(super) fn devices(site: &Site<'_>) -> Response {
    let devices = site.devices();
    let enabled = devices.iter().filter(|device| device.is_enabled).count();
    let told = json!({
        "totalDeviceCount": devices.len(),
        "enabledDeviceCount": enabled,
        "disabledDeviceCount": devices.len() - enabled,
    });
    Response::json(200, &told)
}

/// Connected devices.
pub(super) fn service(site: &Site<'_>) -> Response {
    Response::json(200, &json!({ "connectedDeviceCount": site.online() }))
}
