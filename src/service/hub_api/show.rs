//! Identities and twins as IoT Hub's REST API shows them (I).
//!
//! A time that is not kept has the value that IoT Hub gives to what never happened; members about
//! which nothing is known are left out (J-134).

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::service::hub::Presence;
use crate::service::metadata::Metadata;
use crate::service::record::{Authentication, HubDevice};
use crate::service::section::Section;
use crate::service::twin::Properties;
use crate::wire::{Members, timestamp};

/// When what never happened did.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// An identity. Holds its keys.
pub(super) fn device(device: &HubDevice, presence: Presence) -> Value {
    let (primary, secondary) = match &device.authentication {
        Authentication::Keys { primary, secondary } => {
            (Some(primary.to_base64()), Some(secondary.to_base64()))
        }
        Authentication::Thumbprints { .. } | Authentication::CertificateAuthority { .. } => {
            (None, None)
        }
    };
    json!({
        "deviceId": device.device_id,
        "generationId": device.generation,
        "etag": device.etag.encoded(),
        "connectionState": connection_state(presence),
        "status": status(device),
        "statusReason": device.status_reason,
        "connectionStateUpdatedTime": time(presence.changed),
        "statusUpdatedTime": time(device.status_updated),
        "lastActivityTime": time(presence.last_activity),
        "cloudToDeviceMessageCount": presence.waiting,
        "authentication": {
            "symmetricKey": {
                "primaryKey": primary.as_deref(),
                "secondaryKey": secondary.as_deref(),
            },
            "x509Thumbprint": thumbprints(device),
            "type": device.authentication.as_word(),
        },
        "capabilities": { "iotEdge": device.is_edge },
    })
}

/// A twin, with tags, and with what the identity says of it.
pub(super) fn twin(device: &HubDevice, presence: Presence) -> Members {
    let twin = &device.twin;
    let mut shown = Members::default();
    shown.add("deviceId", &device.device_id);
    shown.add("etag", &device.twin_etag.encoded());
    shown.add("deviceEtag", &device.etag.encoded());
    shown.add("status", &status(device));
    shown.add("statusUpdateTime", &time(device.status_updated));
    shown.add("connectionState", &connection_state(presence));
    shown.add("lastActivityTime", &time(presence.last_activity));
    shown.add("cloudToDeviceMessageCount", &presence.waiting);
    shown.add("authenticationType", &device.authentication.as_word());
    shown.add("x509Thumbprint", &thumbprints(device));
    shown.add("version", &twin.version);
    // A twin without tags has no such member.
    shown.add_some("tags", (!twin.tags.is_empty()).then_some(&twin.tags));
    let mut sections = Members::default();
    sections.add("desired", &properties(&twin.desired, device.created, true));
    sections.add("reported", &properties(&twin.reported, device.created, false));
    shown.add("properties", &sections);
    shown.add("capabilities", &json!({ "iotEdge": device.is_edge }));
    shown
}

fn properties(section: &Properties, created: SystemTime, has_versions: bool) -> Section {
    let original = Metadata::new(created, 1);
    let metadata = section.metadata.as_deref().unwrap_or(&original);
    let metadata = metadata.shown(&section.values.values(), &original, has_versions);
    section.values.with("$metadata", &metadata).with("$version", &section.version)
}

fn thumbprints(device: &HubDevice) -> Value {
    let (primary, secondary) = match &device.authentication {
        Authentication::Keys { .. } | Authentication::CertificateAuthority { .. } => (None, None),
        Authentication::Thumbprints { primary, secondary } => (Some(primary), secondary.as_ref()),
    };
    json!({ "primaryThumbprint": primary, "secondaryThumbprint": secondary })
}

fn status(device: &HubDevice) -> &'static str {
    if device.is_enabled { "enabled" } else { "disabled" }
}

fn time(time: Option<SystemTime>) -> String {
    time.map_or_else(|| NEVER.to_owned(), timestamp)
}

fn connection_state(presence: Presence) -> &'static str {
    if presence.is_online { "Connected" } else { "Disconnected" }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::testing::{self, PRIMARY, SECONDARY};
    use super::*;

    /// J-134.
    #[test]
    fn i_an_identity_with_keys_letter_by_letter() {
        let shown = device(&testing::device("west.net", "pump"), Presence::default());

        let expected = concat!(
            r#"{"deviceId":"pump","generationId":"7","#,
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
        let online = Presence { is_online: true, ..Presence::default() };
        let shown = device(&testing::device_with("west.net", "pump", authentication), online);

        assert_eq!(shown["authentication"]["type"], "selfSigned");
        assert_eq!(shown["authentication"]["x509Thumbprint"]["primaryThumbprint"], "AB");
        assert!(shown["authentication"]["symmetricKey"]["primaryKey"].is_null());
        assert_eq!(shown["connectionState"], "Connected");
    }

    #[test]
    fn i_what_happened_has_its_time_and_a_twin_without_tags_no_such_member() {
        let mut pump = testing::device("west.net", "pump");
        pump.twin.tags = Section::default();
        pump.status_updated = Some(UNIX_EPOCH);
        let presence = Presence {
            is_online: true,
            changed: Some(UNIX_EPOCH),
            last_activity: Some(UNIX_EPOCH),
            waiting: 2,
        };

        let (identity, twin) = (device(&pump, presence), twin(&pump, presence));

        let text = serde_json::to_string(&twin).unwrap();
        assert!(!identity.to_string().contains(NEVER) && !text.contains(NEVER));
        assert_eq!(twin.get("cloudToDeviceMessageCount").unwrap().as_json(), "2");
        assert!(twin.get("tags").is_none(), "{twin:?}");
    }

    /// J-134.
    #[test]
    fn i_a_twin_letter_by_letter() {
        let shown = twin(&testing::device("west.net", "pump"), Presence::default());

        let expected = concat!(
            r#"{"deviceId":"pump","etag":"<etag>","deviceEtag":"<etag>","status":"enabled","#,
            r#""statusUpdateTime":"0001-01-01T00:00:00Z","connectionState":"Disconnected","#,
            r#""lastActivityTime":"0001-01-01T00:00:00Z","cloudToDeviceMessageCount":0,"#,
            r#""authenticationType":"sas","#,
            r#""x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"#,
            r#""version":1,"tags":{"site":"b1"},"properties":{"#,
            r#""desired":{"interval":30,"led":{"hue":7},"#,
            r#""$metadata":{"<at>","$lastUpdatedVersion":1,"#,
            r#""interval":{"<at>","$lastUpdatedVersion":1},"#,
            r#""led":{"<at>","$lastUpdatedVersion":1,"hue":{"<at>","$lastUpdatedVersion":1}}},"#,
            r#""$version":1},"#,
            r#""reported":{"$metadata":{"$lastUpdated":"1970-01-01T00:00:00Z"},"$version":1}},"#,
            r#""capabilities":{"iotEdge":false}}"#
        );
        let etag = "IjAwMDAwMDA3LTAwMDAtMDMwMC0wMDAwLTAwMDAwMDAwMDAwMCI=";
        let at = r#""$lastUpdated":"1970-01-01T00:00:00Z""#;
        let expected = expected.replace("<etag>", etag).replace(r#""<at>""#, at);
        assert_eq!(serde_json::to_string(&shown).unwrap(), expected);
    }
}
