//! What tests of symmetric keys begin with.

use std::time::{Duration, UNIX_EPOCH};

use super::{DeviceKey, GroupKeys, SasToken, registration_resource};
use crate::wire::RegistrationId;

pub(super) fn keys() -> GroupKeys {
    GroupKeys {
        primary: "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==".parse().unwrap(),
        secondary: "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==".parse().unwrap(),
    }
}

pub(super) fn id(text: &str) -> RegistrationId {
    text.parse().unwrap()
}

pub(super) fn signed(key: &DeviceKey, registration_id: &str) -> SasToken {
    let resource = registration_resource(&"scope".parse().unwrap(), &id(registration_id));
    SasToken::sign(&resource, key, UNIX_EPOCH + Duration::from_secs(1_000))
}
