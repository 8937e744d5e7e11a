//! The words of a hub over AMQP (I.3): where links lead, and what links and messages call things.
//!
//! Sources: azure-iot-sdk-node `device/transport/amqp` and `common/transport/amqp`, azure-iot-sdk-c
//! `iothubtransport_amqp_*.c`, azure-iot-sdk-csharp `Transport/AmqpIot`, azure-iot-sdk-java
//! `transport/amqps`.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::link_address::split_host;
use super::{DeviceId, HubName};

/// The node that takes tokens (claims-based security).
pub const CBS: &str = "$cbs";

/// Application property of a request to [`CBS`]: what is asked, a string.
pub const CBS_OPERATION: &str = "operation";

/// [`CBS_OPERATION`]: here is a token. It is the body, as one value.
pub const PUT_TOKEN: &str = "put-token";

/// Application property of a request to [`CBS`]: what kind of token it is, a string.
pub const TOKEN_TYPE: &str = "type";

/// [`TOKEN_TYPE`]: a SAS token. Node, C and Java write the first, .NET the second.
pub const SAS_TOKEN: [&str; 2] = ["servicebus.windows.net:sastoken", "azure-devices.net:sastoken"];

/// Application property of a request to [`CBS`]: whom the token is for, `{hub}/devices/{deviceId}`.
pub const TOKEN_NAME: &str = "name";

/// Application property of an answer of [`CBS`]: as in HTTP, an int.
pub const STATUS_CODE: &str = "status-code";

/// Application property of an answer of [`CBS`]: the same in words, a string.
pub const STATUS_DESCRIPTION: &str = "status-description";

/// Link property that both links of a pair have with the same text: requests come on one, and their
/// answers go on the other.
pub const CHANNEL_CORRELATION_ID: &str = "com.microsoft:channel-correlation-id";

/// Message annotation of a twin request: what is asked, a string.
pub const OPERATION: &str = "operation";

/// [`OPERATION`]: the twin.
pub const GET: &str = "GET";

/// [`OPERATION`]: here is what the device reports.
pub const PATCH: &str = "PATCH";

/// [`OPERATION`]: to be told from now on.
pub const PUT: &str = "PUT";

/// [`OPERATION`]: not to be told any more.
pub const DELETE: &str = "DELETE";

/// Message annotation of a twin request: of what, a string; of the twin as a whole it is left out.
pub const RESOURCE: &str = "resource";

/// [`RESOURCE`]: what the device reports.
pub const REPORTED: &str = "/properties/reported";

/// [`RESOURCE`]: to be told of changes to what the back end wants.
pub const DESIRED_NOTICES: &str = "/notifications/twin/properties/desired";

/// [`RESOURCE`] of such a notice.
pub const DESIRED: &str = "/properties/desired";

/// Message annotation of a twin answer: as in HTTP, an int.
pub const STATUS: &str = "status";

/// Message annotation: the version of the properties that an answer or a notice is about, a long.
pub const VERSION: &str = "version";

/// Application property of a call: the method, a string.
pub const METHOD_NAME: &str = "IoThub-methodname";

/// Application property of the answer to a call: what the device says of it, an int.
pub const METHOD_STATUS: &str = "IoThub-status";

/// What a hub has for each device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HubNode {
    /// Takes the device's messages.
    Events,
    /// Brings messages to the device.
    Devicebound,
    /// Its twin: takes requests, brings answers and changes.
    Twin,
    /// Direct methods: brings calls, takes answers.
    Methods,
}

impl HubNode {
    const ALL: [(Self, &str); 4] = [
        (Self::Events, "messages/events"),
        (Self::Devicebound, "messages/devicebound"),
        (Self::Twin, "twin"),
        (Self::Methods, "methods/devicebound"),
    ];

    /// What stands behind the device in an address.
    pub fn path(self) -> &'static str {
        Self::ALL.iter().find(|(node, _)| *node == self).map_or("", |(_, path)| path)
    }
}

/// Where a link leads at a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubAddress {
    /// To [`CBS`].
    Cbs,
    /// To a node of a device.
    Device(DeviceAddress),
}

/// A node of a device: `/devices/{deviceId}/{node}`, before which C and .NET write `amqps://{hub}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAddress {
    /// The host that it names.
    pub host: Option<String>,
    /// The device as it stands there. .NET writes it percent-encoded, and Node to some nodes.
    pub device: String,
    /// The node.
    pub node: HubNode,
}

/// Why an address leads nowhere at a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubAddressError {
    /// It is not a hub's.
    #[error("expected $cbs or /devices/<deviceId>/<node>")]
    NotAHubs,
    /// It leads to a module.
    #[error("it leads to a module of a device; only devices have links here")]
    Module,
    /// The device has no such node.
    #[error(
        "a device has messages/events, messages/devicebound, twin and methods/devicebound, and nothing else"
    )]
    Node,
}

impl HubAddress {
    /// Whether an address is meant for a hub, and not for the service that provisions.
    pub fn is_meant_by(address: &str) -> bool {
        address.parse::<Self>() != Err(HubAddressError::NotAHubs)
    }
}

impl DeviceAddress {
    /// A node of a device, as a device writes it that has one hub alone.
    pub fn of(device_id: &DeviceId, node: HubNode) -> Self {
        Self { host: None, device: device_id.as_str().to_owned(), node }
    }

    /// The devices that it may name: the text as it is, and percent-decoded.
    pub fn device_ids(&self) -> impl Iterator<Item = DeviceId> {
        let plain = self.device.parse().ok();
        let decoded = percent_decode_str(&self.device).decode_utf8().ok();
        let decoded = decoded.filter(|decoded| *decoded != self.device);
        plain.into_iter().chain(decoded.and_then(|decoded| decoded.parse().ok()))
    }
}

impl FromStr for HubAddress {
    type Err = HubAddressError;

    /// Takes the forms of all SDKs. .NET writes `deviceBound`.
    fn from_str(text: &str) -> Result<Self, HubAddressError> {
        let (host, path) = split_host(text);
        let path = path.trim_start_matches('/');
        if path == CBS {
            return Ok(Self::Cbs);
        }
        let rest = path.strip_prefix("devices/").ok_or(HubAddressError::NotAHubs)?;
        let (device, node) = rest.split_once('/').ok_or(HubAddressError::Node)?;
        if node.starts_with("modules/") {
            return Err(HubAddressError::Module);
        }
        let known = HubNode::ALL.iter().find(|(_, path)| path.eq_ignore_ascii_case(node));
        let (node, _) = *known.ok_or(HubAddressError::Node)?;
        let host = host.map(str::to_owned);
        Ok(Self::Device(DeviceAddress { host, device: device.to_owned(), node }))
    }
}

impl fmt::Display for DeviceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "amqps://{host}")?;
        }
        write!(f, "/devices/{}/{}", self.device, self.node.path())
    }
}

/// Whom a token is for: `{hub}/devices/{deviceId}`, percent-encoded or not. Nothing if the text is
/// something else.
pub fn token_device(name: &str) -> Option<(HubName, DeviceId)> {
    let read = |name: &str| {
        let (hub, rest) = name.split_once('/')?;
        let (kind, device_id) = rest.split_once('/')?;
        let is_devices = kind.eq_ignore_ascii_case("devices");
        is_devices.then(|| Some((hub.parse().ok()?, device_id.parse().ok()?)))?
    };
    match split_host(name) {
        (Some(host), path) => read(&format!("{host}/{path}")),
        (None, name) => read(name).or_else(|| read(&percent_decode_str(name).decode_utf8().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn device(host: Option<&str>, device: &str, node: HubNode) -> HubAddress {
        let host = host.map(str::to_owned);
        HubAddress::Device(DeviceAddress { host, device: device.to_owned(), node })
    }

    #[test]
    fn i_addresses_of_the_sdks() {
        let hub = Some("hub.azure-devices.net");
        for (text, address) in [
            ("$cbs", HubAddress::Cbs),
            ("/devices/pump/messages/events", device(None, "pump", HubNode::Events)),
            ("/devices/pump/twin", device(None, "pump", HubNode::Twin)),
            ("/devices/pump/methods/devicebound", device(None, "pump", HubNode::Methods)),
            ("/devices/pump/messages/deviceBound", device(None, "pump", HubNode::Devicebound)),
            (
                "amqps://hub.azure-devices.net/devices/pump/messages/events",
                device(hub, "pump", HubNode::Events),
            ),
            (
                "amqps://hub.azure-devices.net:5671/devices/pump%3A1/twin",
                device(hub, "pump%3A1", HubNode::Twin),
            ),
        ] {
            assert_eq!(text.parse(), Ok(address.clone()), "{text}");
            assert!(HubAddress::is_meant_by(text));
        }
        for (text, why) in [
            ("", HubAddressError::NotAHubs),
            ("0ne1/registrations/pump", HubAddressError::NotAHubs),
            ("amqps://devices/pump/twin", HubAddressError::NotAHubs),
            ("/messages/events/", HubAddressError::NotAHubs),
            ("/devices/pump", HubAddressError::Node),
            ("/devices/pump/files", HubAddressError::Node),
            ("/devices/pump/modules/a/twin", HubAddressError::Module),
        ] {
            assert_eq!(text.parse::<HubAddress>(), Err(why), "{text}");
        }
    }

    #[test]
    fn i_a_device_may_stand_in_an_address_as_it_is_or_percent_encoded() {
        let named = |text: &str| {
            let Ok(HubAddress::Device(address)) = text.parse() else { panic!("{text}") };
            address.device_ids().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
        };

        assert_eq!(named("/devices/pump/twin"), ["pump"]);
        assert_eq!(named("/devices/a%23b/twin"), ["a%23b", "a#b"]);
        assert_eq!(named("/devices/a%2/twin"), ["a%2"]);
        assert!(named("/devices/a b/twin").is_empty());
    }

    #[test]
    fn i_a_token_names_its_device() {
        for name in [
            "hub.net/devices/pump",
            "hub.net%2Fdevices%2Fpump",
            "amqps://hub.net/devices/pump",
            "HUB.net/Devices/pump",
        ] {
            let (hub, device_id) = token_device(name).expect(name);
            assert!(hub.is("hub.net") && device_id.as_str() == "pump", "{name}");
        }
        for name in
            ["", "hub.net", "hub.net/devices", "hub.net/devices/a/modules/b", "a b/devices/c"]
        {
            assert_eq!(token_device(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_address_makes_it_panic_and_what_it_writes_it_reads(
            text in "\\PC{0,60}", path in "[a-z:%/@$]{0,40}", id in "[a-z0-9]{1,20}"
        ) {
            let _ = (text.parse::<HubAddress>(), token_device(&text));
            let _ = (path.parse::<HubAddress>(), token_device(&path));
            for (node, _) in HubNode::ALL {
                let address = DeviceAddress::of(&id.parse().unwrap(), node);
                prop_assert_eq!(address.to_string().parse(), Ok(HubAddress::Device(address)));
            }
        }
    }
}
