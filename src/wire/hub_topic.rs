//! The MQTT topics between a device and its hub (I).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use super::topic::{RESERVED, parameter};

/// The filter of the answers to twin requests.
pub const TWIN_RESPONSE_FILTER: &str = "$iothub/twin/res/#";
/// The filter of changes to desired properties.
pub const DESIRED_FILTER: &str = "$iothub/twin/PATCH/properties/desired/#";

/// The filter of the answers to requests for certificates.
pub const CREDENTIALS_FILTER: &str = "$iothub/credentials/res/#";

/// The filter of direct methods.
#[cfg(feature = "service")]
pub(crate) const METHODS_FILTER: &str = "$iothub/methods/POST/#";

/// The filter of messages to a device.
#[cfg(feature = "service")]
pub(crate) fn devicebound_filter(device_id: &str) -> String {
    format!("{DEVICES}{}{DEVICEBOUND}#", level(device_id))
}

/// A device ID as it stands in topics: as it is, unless it has what MQTT does not allow there.
fn level(device_id: &str) -> Cow<'_, str> {
    if device_id.contains(['+', '#', '/']) {
        utf8_percent_encode(device_id, RESERVED).into()
    } else {
        device_id.into()
    }
}

const TWIN_GET: &str = "$iothub/twin/GET/";
const TWIN_REPORT: &str = "$iothub/twin/PATCH/properties/reported/";
const TWIN_RESPONSE: &str = "$iothub/twin/res/";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";
const METHOD: &str = "$iothub/methods/POST/";
const METHOD_RESPONSE: &str = "$iothub/methods/res/";
const ISSUE: &str = "$iothub/credentials/POST/issueCertificate/";
const CREDENTIALS_RESPONSE: &str = "$iothub/credentials/res/";
const DEVICES: &str = "devices/";
const EVENTS: &str = "/messages/events/";
const DEVICEBOUND: &str = "/messages/devicebound/";

/// A topic that no device publishes on, or no hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubTopicError {
    /// Not one of a device's.
    #[error(
        "expected {TWIN_GET}?$rid=…, {TWIN_REPORT}?$rid=…, {METHOD_RESPONSE}<status>/?$rid=…, {ISSUE}?$rid=… or {DEVICES}<deviceId>{EVENTS}"
    )]
    NotADevices,
    /// Not one of a hub's.
    #[error(
        "expected {TWIN_RESPONSE}<status>/?$rid=…, {DESIRED}?$version=…, {METHOD}<name>/?$rid=…, {CREDENTIALS_RESPONSE}<status>/?$rid=… or {DEVICES}<deviceId>{DEVICEBOUND}"
    )]
    NotAHubs,
}

/// Where a device publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceTopic {
    /// Asks for its twin.
    TwinGet {
        /// The device's name for the request.
        rid: String,
    },
    /// Reports properties.
    TwinReport {
        /// The device's name for the request.
        rid: String,
    },
    /// Sends a message.
    Telemetry {
        /// The device, as the topic has it.
        device_id: String,
        /// What stands behind: the message's properties, URL-encoded.
        properties: String,
    },
    /// Answers a direct method.
    MethodResponse {
        /// What the device says of it, in numbers of its own.
        status: i32,
        /// The hub's name for the call.
        rid: String,
    },
    /// Asks for a certificate.
    IssueCertificate {
        /// The device's name for the request; empty where it sent none.
        rid: String,
    },
}

impl FromStr for DeviceTopic {
    type Err = HubTopicError;

    fn from_str(topic: &str) -> Result<Self, HubTopicError> {
        let rid = |query| parameter(query, "$rid").to_owned();
        if let Some(query) = topic.strip_prefix(TWIN_GET) {
            return Ok(Self::TwinGet { rid: rid(query) });
        }
        if let Some(query) = topic.strip_prefix(TWIN_REPORT) {
            return Ok(Self::TwinReport { rid: rid(query) });
        }
        if let Some(rest) = topic.strip_prefix(METHOD_RESPONSE) {
            let (status, query) = rest.split_once('/').ok_or(HubTopicError::NotADevices)?;
            let status = status.parse().map_err(|_| HubTopicError::NotADevices)?;
            return Ok(Self::MethodResponse { status, rid: rid(query) });
        }
        if let Some(query) = topic.strip_prefix(ISSUE) {
            return Ok(Self::IssueCertificate { rid: rid(query) });
        }
        let rest = topic.strip_prefix(DEVICES).ok_or(HubTopicError::NotADevices)?;
        // The slash at the end may be left out.
        let (device_id, properties) = rest
            .split_once(EVENTS)
            .or_else(|| Some((rest.strip_suffix(EVENTS.trim_end_matches('/'))?, "")))
            .ok_or(HubTopicError::NotADevices)?;
        Ok(Self::Telemetry { device_id: device_id.to_owned(), properties: properties.to_owned() })
    }
}

impl fmt::Display for DeviceTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwinGet { rid } => write!(f, "{TWIN_GET}?$rid={rid}"),
            Self::TwinReport { rid } => write!(f, "{TWIN_REPORT}?$rid={rid}"),
            Self::Telemetry { device_id, properties } => {
                write!(f, "{DEVICES}{}{EVENTS}{properties}", level(device_id))
            }
            Self::MethodResponse { status, rid } => {
                write!(f, "{METHOD_RESPONSE}{status}/?$rid={rid}")
            }
            Self::IssueCertificate { rid } => write!(f, "{ISSUE}?$rid={rid}"),
        }
    }
}

/// Where a hub publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HubTopic {
    /// Answers a twin request.
    TwinResponse {
        /// As in HTTP: 200 with the twin, 204 for what was reported.
        status: u16,
        /// The device's name for the request.
        rid: String,
        /// The new version of the reported properties.
        version: Option<u64>,
    },
    /// Answers a request for a certificate.
    Credentials {
        /// As in HTTP: 202 once it is under way, then 200 with the certificate, or an error.
        status: u16,
        /// The device's name for the request.
        rid: String,
    },
    /// Tells of a change to the desired properties.
    Desired {
        /// Their new version.
        version: u64,
    },
    /// Calls a direct method.
    Method {
        /// Which.
        name: String,
        /// The hub's name for the call.
        rid: String,
    },
    /// Brings a message.
    Devicebound {
        /// The device.
        device_id: String,
        /// What stands behind: the message's properties, URL-encoded.
        properties: String,
    },
}

impl FromStr for HubTopic {
    type Err = HubTopicError;

    fn from_str(topic: &str) -> Result<Self, HubTopicError> {
        let version = |query| parameter(query, "$version").parse();
        if let Some(query) = topic.strip_prefix(DESIRED) {
            let version = version(query).map_err(|_| HubTopicError::NotAHubs)?;
            return Ok(Self::Desired { version });
        }
        if let Some(rest) = topic.strip_prefix(METHOD) {
            let (name, query) = rest.split_once('/').ok_or(HubTopicError::NotAHubs)?;
            let rid = parameter(query, "$rid").to_owned();
            return Ok(Self::Method { name: name.to_owned(), rid });
        }
        if let Some((device_id, properties)) =
            topic.strip_prefix(DEVICES).and_then(|rest| rest.split_once(DEVICEBOUND))
        {
            let device_id = percent_decode_str(device_id).decode_utf8_lossy().into_owned();
            return Ok(Self::Devicebound { device_id, properties: properties.to_owned() });
        }
        let status = |rest: &'_ str| {
            let (status, _) = rest.split_once('/')?;
            status.parse().ok()
        };
        if let Some(rest) = topic.strip_prefix(CREDENTIALS_RESPONSE) {
            let query = rest.split_once('/').map(|(_, query)| query).unwrap_or_default();
            return Ok(Self::Credentials {
                status: status(rest).ok_or(HubTopicError::NotAHubs)?,
                rid: parameter(query, "$rid").to_owned(),
            });
        }
        let rest = topic.strip_prefix(TWIN_RESPONSE).ok_or(HubTopicError::NotAHubs)?;
        let query = rest.split_once('/').map(|(_, query)| query).unwrap_or_default();
        Ok(Self::TwinResponse {
            status: status(rest).ok_or(HubTopicError::NotAHubs)?,
            rid: parameter(query, "$rid").to_owned(),
            version: version(query).ok(),
        })
    }
}

impl fmt::Display for HubTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwinResponse { status, rid, version } => {
                write!(f, "{TWIN_RESPONSE}{status}/?$rid={rid}")?;
                match version {
                    Some(version) => write!(f, "&$version={version}"),
                    None => Ok(()),
                }
            }
            Self::Credentials { status, rid } => {
                write!(f, "{CREDENTIALS_RESPONSE}{status}/?$rid={rid}")
            }
            Self::Desired { version } => write!(f, "{DESIRED}?$version={version}"),
            Self::Method { name, rid } => write!(f, "{METHOD}{name}/?$rid={rid}"),
            Self::Devicebound { device_id, properties } => {
                write!(f, "{DEVICES}{}{DEVICEBOUND}{properties}", level(device_id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn i_topics_of_the_sdks() {
        let rid = "4f3e".to_owned();
        for (text, topic) in [
            ("$iothub/twin/GET/?$rid=4f3e", DeviceTopic::TwinGet { rid: rid.clone() }),
            (
                "$iothub/twin/PATCH/properties/reported/?$rid=4f3e",
                DeviceTopic::TwinReport { rid: rid.clone() },
            ),
            (
                "devices/pump/messages/events/%24.mid=1&a=b",
                DeviceTopic::Telemetry {
                    device_id: "pump".to_owned(),
                    properties: "%24.mid=1&a=b".to_owned(),
                },
            ),
            (
                "$iothub/methods/res/-7/?$rid=4f3e",
                DeviceTopic::MethodResponse { status: -7, rid: rid.clone() },
            ),
            (
                "$iothub/credentials/POST/issueCertificate/?$rid=4f3e",
                DeviceTopic::IssueCertificate { rid: rid.clone() },
            ),
        ] {
            assert_eq!(text.parse(), Ok(topic.clone()));
            assert_eq!(topic.to_string(), text);
        }
        assert!("$iothub/methods/res/ok/?$rid=1".parse::<DeviceTopic>().is_err());
        assert!("devices/pump/messages/events".parse::<DeviceTopic>().is_ok());
        for text in ["", "devices/pump", "$dps/registrations/PUT/iotdps-register/?$rid=1"] {
            assert_eq!(text.parse::<DeviceTopic>(), Err(HubTopicError::NotADevices), "{text}");
        }
    }

    #[test]
    fn i_topics_of_the_hub() {
        for (text, topic) in [
            (
                "$iothub/twin/res/200/?$rid=4f3e",
                HubTopic::TwinResponse { status: 200, rid: "4f3e".to_owned(), version: None },
            ),
            (
                "$iothub/twin/res/204/?$rid=4f3e&$version=7",
                HubTopic::TwinResponse { status: 204, rid: "4f3e".to_owned(), version: Some(7) },
            ),
            (
                "$iothub/credentials/res/202/?$rid=4f3e",
                HubTopic::Credentials { status: 202, rid: "4f3e".to_owned() },
            ),
            ("$iothub/twin/PATCH/properties/desired/?$version=3", HubTopic::Desired { version: 3 }),
            (
                "$iothub/methods/POST/reboot/?$rid=4f3e",
                HubTopic::Method { name: "reboot".to_owned(), rid: "4f3e".to_owned() },
            ),
            (
                "devices/pump:42/messages/devicebound/%24.mid=1&a=b",
                HubTopic::Devicebound {
                    device_id: "pump:42".to_owned(),
                    properties: "%24.mid=1&a=b".to_owned(),
                },
            ),
            (
                "devices/a%2B%23/messages/devicebound/",
                HubTopic::Devicebound { device_id: "a+#".to_owned(), properties: String::new() },
            ),
        ] {
            assert_eq!(text.parse(), Ok(topic.clone()));
            assert_eq!(topic.to_string(), text);
        }
        let older = "$iothub/credentials/res/200/?$rid=4f3e&$version=1";
        let rid = "4f3e".to_owned();
        assert_eq!(older.parse(), Ok(HubTopic::Credentials { status: 200, rid }));
        for text in [
            "",
            "$iothub/credentials/res/",
            "$iothub/twin/res/",
            "$iothub/twin/res/x/",
            "$iothub/twin/PATCH/properties/desired/",
        ] {
            assert_eq!(text.parse::<HubTopic>(), Err(HubTopicError::NotAHubs), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_topic_makes_it_panic(topic in "[$/a-z?=&]{0,60}") {
            let _ = topic.parse::<DeviceTopic>();
            let _ = topic.parse::<HubTopic>();
        }
    }
}
