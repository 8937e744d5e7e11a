//! The results of the C SDK that entries have in common.

/// The service or the hub refused what the device said.
pub(super) const AUTH_ERROR: Option<&str> = Some("PROV_DEVICE_RESULT_DEV_AUTH_ERROR");
/// No session, or a lost one.
pub(super) const TRANSPORT: Option<&str> = Some("PROV_DEVICE_RESULT_TRANSPORT");
/// The deadline passed.
pub(super) const TIMEOUT: Option<&str> = Some("PROV_DEVICE_RESULT_TIMEOUT");
