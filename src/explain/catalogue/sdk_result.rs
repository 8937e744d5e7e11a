//! The results of the C SDK that entries have in common.

/// The service or the hub refused what the device said.
pub(super) const AUTH_ERROR: Option<&str> = Some("PROV_DEVICE_RESULT_DEV_AUTH_ERROR");
/// No session, or a lost one.
pub(super) const TRANSPORT: Option<&str> = Some("PROV_DEVICE_RESULT_TRANSPORT");
/// The device's key cannot be used.
pub(super) const KEY_ERROR: Option<&str> = Some("PROV_DEVICE_RESULT_KEY_ERROR");
/// The deadline passed.
pub(super) const TIMEOUT: Option<&str> = Some("PROV_DEVICE_RESULT_TIMEOUT");
