//! The MQTT user name of a device at its hub (I).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{ApiVersion, DeviceId, HubName, IdError};

/// What a device says of itself at CONNECT to a hub:
/// `{hub}/{deviceId}/?api-version={v}[&DeviceClientType={product}]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubUserName {
    /// Host name of the hub.
    pub hub: HubName,
    /// The device.
    pub device_id: DeviceId,
    /// What stands behind the `?`: version and product name, as sent.
    pub query: String,
}

/// Why a text is not the user name of a device at a hub.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubUserNameError {
    /// The parts between the slashes are not as they must be.
    #[error("expected <hub>/<deviceId>/?api-version=<version>")]
    Shape,
    /// What should be the hub's name cannot be one.
    #[error("the name of the hub: {0}")]
    Hub(IdError),
    /// What should be the device ID cannot be one (K-9).
    #[error("the device ID: {0}")]
    DeviceId(IdError),
    /// It names a module.
    #[error("it names a module of a device; only devices sign in here")]
    Module,
}

impl HubUserName {
    /// The version of the hub's API that it names, if it is one.
    pub fn api_version(&self) -> Option<ApiVersion> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let version = pairs.find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
        version.and_then(|(_, version)| version.parse().ok())
    }

    /// Whether a user name is meant for a hub: an ID scope has no dots, a host name has.
    pub fn is_meant_by(user_name: &str) -> bool {
        user_name.split('/').next().is_some_and(|first| first.contains('.'))
    }
}

impl FromStr for HubUserName {
    type Err = HubUserNameError;

    /// The older form without `?` will do too.
    fn from_str(text: &str) -> Result<Self, HubUserNameError> {
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next().ok_or(HubUserNameError::Shape);
        let (hub, device_id, rest) = (next()?, next()?, next()?);
        let query = rest.strip_prefix('?').unwrap_or(rest);
        if !query.to_ascii_lowercase().starts_with("api-version=") {
            let is_module = rest.contains("/?api-version=") || rest.contains("/api-version=");
            return Err(if is_module { HubUserNameError::Module } else { HubUserNameError::Shape });
        }
        Ok(Self {
            hub: hub.parse().map_err(HubUserNameError::Hub)?,
            device_id: device_id.parse().map_err(HubUserNameError::DeviceId)?,
            query: query.to_owned(),
        })
    }
}

impl fmt::Display for HubUserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/?{}", self.hub, self.device_id, self.query)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn i_user_names_of_the_sdks() {
        for (text, query) in [
            (
                "hub.azure-devices.net/pump-0042/?api-version=2019-10-01&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0",
                "api-version=2019-10-01&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0",
            ),
            ("hub.azure-devices.net/pump-0042/api-version=2016-11-14", "api-version=2016-11-14"),
            // Slashes of a product name are no parts.
            (
                "127.0.0.1/pump-0042/?api-version=2020-09-30&DeviceClientType=a/b",
                "api-version=2020-09-30&DeviceClientType=a/b",
            ),
        ] {
            assert!(HubUserName::is_meant_by(text));
            let name: HubUserName = text.parse().unwrap();
            assert_eq!((name.device_id.as_str(), name.query.as_str()), ("pump-0042", query));
        }
        let renews = |version: &str| {
            let name = format!("hub.net/pump/?api-version={version}&DeviceClientType=a");
            let name: HubUserName = name.parse().unwrap();
            name.api_version().is_some_and(|version| version.renews_certificates())
        };
        assert!(renews("2025-08-01-preview") && renews("2026-11-01"));
        assert!(!renews("2021-04-12") && !renews("latest"));
        assert!(!HubUserName::is_meant_by("0ne1/registrations/a/api-version=2019-03-31"));
    }

    #[test]
    fn i_other_texts_say_what_is_wrong() {
        let refused = |text: &str| text.parse::<HubUserName>().unwrap_err();

        for text in ["", "hub.net", "hub.net/a", "hub.net/a/", "hub.net/a/?x=1"] {
            assert_eq!(refused(text), HubUserNameError::Shape, "{text}");
        }
        let no_device = refused("hub.net//?api-version=1");
        assert_eq!(no_device, HubUserNameError::DeviceId(IdError::Empty));
        let no_hub = refused("hub..net/a/?api-version=1");
        assert_eq!(no_hub, HubUserNameError::Hub(IdError::EmptyLabel));
        assert_eq!(refused("hub.net/a/m/?api-version=2019-10-01"), HubUserNameError::Module);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_it_writes_it_reads(text in "\\PC{0,60}", id in "[a-z0-9]{1,20}") {
            let _ = text.parse::<HubUserName>();
            let name = HubUserName { hub: "h.net".parse().unwrap(), device_id: id.parse().unwrap(), query: "api-version=2021-04-12".into() };
            prop_assert_eq!(name.to_string().parse::<HubUserName>().unwrap(), name);
        }
    }
}
