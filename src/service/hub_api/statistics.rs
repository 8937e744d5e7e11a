//! How many devices there are, and how many are connected (I).

use serde_json::json;

use super::rows;
use super::site::Site;
use crate::service::api::Response;

/// Identities, by their status.
pub(super) fn devices(site: &Site<'_>) -> Response {
    let (mut enabled, mut disabled) = (0_usize, 0_usize);
    for device in rows::devices(site, None) {
        if device.is_enabled { enabled += 1 } else { disabled += 1 }
    }
    let told = json!({
        "totalDeviceCount": enabled + disabled,
        "enabledDeviceCount": enabled,
        "disabledDeviceCount": disabled,
    });
    Response::json(200, &told)
}

/// Connected devices.
pub(super) fn service(site: &Site<'_>) -> Response {
    Response::json(200, &json!({ "connectedDeviceCount": site.online() }))
}
