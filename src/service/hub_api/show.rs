//! Identities and twins as IoT Hub's REST API shows them (I).
//!
//! A time that is not kept has the value that IoT Hub gives to what never happened; members about
//! which nothing is known are left out (J-134).

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::service::record::{Authentication, HubDevice};
use crate::service::twin::Properties;
use crate::wire::timestamp;

/// When what never happened did.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// An identity. Holds its keys.
pub(super) fn device(device: &HubDevice, is_online: bool) -> Value {
    let (primary, secondary) = match &device.authentication {
        Authentication::Keys { primary, secondary } => {
            (Some(primary.to_base64()), Some(secondary.to_base64()))
        }
        Authentication::Thumbprints { .. } => (None, None),
    };
    json!({
        "deviceId": device.device_id,
        "generationId": device.generation,
        "etag": device.etag.encoded(),
        "connectionState": connection_state(is_online),
        "status": status(device),
        "statusReason": device.status_reason,
        "connectionStateUpdatedTime": NEVER,
        "statusUpdatedTime": NEVER,
        "lastActivityTime": NEVER,
        "cloudToDeviceMessageCount": 0,
        "authentication": {
            "symmetricKey": {
                "primaryKey": primary.as_deref(),
                "secondaryKey": secondary.as_deref(),
            },
            "x509Thumbprint": thumbprints(device),
            "type": authentication_type(device),
        },
        "capabilities": { "iotEdge": device.is_edge },
    })
}

/// A twin, with tags, and with what the identity says of it.
pub(super) fn twin(device: &HubDevice, is_online: bool) -> Value {
    let twin = &device.twin;
    json!({
        "deviceId": device.device_id,
        "etag": device.twin_etag.encoded(),
        "deviceEtag": device.etag.encoded(),
        "status": status(device),
        "statusUpdateTime": NEVER,
        "connectionState": connection_state(is_online),
        "lastActivityTime": NEVER,
        "cloudToDeviceMessageCount": 0,
        "authenticationType": authentication_type(device),
        "x509Thumbprint": thumbprints(device),
        "version": twin.version,
        "tags": twin.tags,
        "properties": {
            "desired": properties(&twin.desired, device.twin_updated),
            "reported": properties(&twin.reported, device.twin_updated),
        },
        "capabilities": { "iotEdge": device.is_edge },
    })
}

fn properties(section: &Properties, updated: SystemTime) -> Value {
    let mut shown = section.values.clone();
    shown.insert("$metadata".to_owned(), json!({ "$lastUpdated": timestamp(updated) }));
    shown.insert("$version".to_owned(), section.version.into());
    Value::Object(shown)
}

fn thumbprints(device: &HubDevice) -> Value {
    let (primary, secondary) = match &device.authentication {
        Authentication::Keys { .. } => (None, None),
        Authentication::Thumbprints { primary, secondary } => (Some(primary), secondary.as_ref()),
    };
    json!({ "primaryThumbprint": primary, "secondaryThumbprint": secondary })
}

/// IoT Hub's word for the way of an identity to prove itself.
pub(super) fn authentication_type(device: &HubDevice) -> &'static str {
    match device.authentication {
        Authentication::Keys { .. } => "sas",
        Authentication::Thumbprints { .. } => "selfSigned",
    }
}

fn status(device: &HubDevice) -> &'static str {
    if device.is_enabled { "enabled" } else { "disabled" }
}

fn connection_state(is_online: bool) -> &'static str {
    if is_online { "Connected" } else { "Disconnected" }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, PRIMARY, SECONDARY};
    use super::*;

    /// J-134.
    #[test]
    fn i_an_identity_with_keys_letter_by_letter() {
        let shown = device(&testing::device("west.net", "pump"), false);

        let expected = concat!(
            r#"{"deviceId":"pump","generationId":"0","#,
            r#""etag":"IjAwMDAwMDA3LTAwMDAtMDMwMC0wMDAwLTAwMDAwMDAwMDAwMCI=","#,
            r#""connectionState":"Disconnected","status":"enabled","statusReason":null,"#,
            r#""connectionStateUpdatedTime":"0001-01-01T00:00:00Z","#,
            r#""statusUpdatedTime":"0001-01-01T00:00:00Z","#,
            r#""lastActivityTime":"0001-01-01T00:00:00Z","cloudToDeviceMessageCount":0,"#,
            r#""authentication":{"symmetricKey":{"primaryKey":"<1>","secondaryKey":"<2>"},"#,
            r#""x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"type":"sas"},"#,
            r#""capabilities":{"iotEdge":false}}"#
        );
        let expected = expected.replace("<1>", PRIMARY).replace("<2>", SECONDARY);
        assert_eq!(shown.to_string(), expected);
    }

    #[test]
    fn i_an_identity_with_a_certificate_has_no_keys() {
        let authentication = Authentication::Thumbprints { primary: "AB".into(), secondary: None };
        let shown = device(&testing::device_with("west.net", "pump", authentication), true);

        assert_eq!(shown["authentication"]["type"], "selfSigned");
        assert_eq!(shown["authentication"]["x509Thumbprint"]["primaryThumbprint"], "AB");
        assert!(shown["authentication"]["symmetricKey"]["primaryKey"].is_null());
        assert_eq!(shown["connectionState"], "Connected");
    }

    /// J-134.
    #[test]
    fn i_a_twin_letter_by_letter() {
        let shown = twin(&testing::device("west.net", "pump"), false);

        let expected = concat!(
            r#"{"deviceId":"pump","etag":"<etag>","deviceEtag":"<etag>","status":"enabled","#,
            r#""statusUpdateTime":"0001-01-01T00:00:00Z","connectionState":"Disconnected","#,
            r#""lastActivityTime":"0001-01-01T00:00:00Z","cloudToDeviceMessageCount":0,"#,
            r#""authenticationType":"sas","#,
            r#""x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"#,
            r#""version":1,"tags":{"site":"b1"},"properties":{"#,
            r#""desired":{"interval":30,"led":{"hue":7},"#,
            r#""$metadata":{"$lastUpdated":"1970-01-01T00:00:00Z"},"$version":1},"#,
            r#""reported":{"$metadata":{"$lastUpdated":"1970-01-01T00:00:00Z"},"$version":1}},"#,
            r#""capabilities":{"iotEdge":false}}"#
        );
        let etag = "IjAwMDAwMDA3LTAwMDAtMDMwMC0wMDAwLTAwMDAwMDAwMDAwMCI=";
        assert_eq!(shown.to_string(), expected.replace("<etag>", etag));
    }
}
