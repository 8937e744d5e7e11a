//! What a back end may change of an identity: whether it is enabled, and why not (F.7, J-133).
//!
//! Pure. Clients send the whole identity; what would change anything else is refused.

use std::time::SystemTime;

use serde::Deserialize;

use super::error::HubApiError;
use super::show::authentication_type;
use crate::attestation::DeviceKey;
use crate::service::record::{Authentication, HubDevice};
use crate::wire::{Etag, from_json_object};

/// Longest reason that IoT Hub takes.
const MAX_REASON: usize = 128;

/// The identity as the client sends it. What only the hub may write, such as times, is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    device_id: Option<String>,
    status: Option<String>,
    status_reason: Option<String>,
    authentication: Option<AuthenticationBody>,
    capabilities: Option<CapabilitiesBody>,
    device_scope: Option<String>,
    parent_scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationBody {
    symmetric_key: Option<KeysBody>,
    #[serde(rename = "x509Thumbprint")]
    thumbprint: Option<ThumbprintsBody>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeysBody {
    primary_key: Option<String>,
    secondary_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThumbprintsBody {
    primary_thumbprint: Option<String>,
    secondary_thumbprint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CapabilitiesBody {
    iot_edge: Option<bool>,
}

/// What `PUT /devices/{deviceId}` asks for.
pub(super) struct Update {
    is_enabled: Option<bool>,
    body: Body,
}

impl Update {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// 400 if it is no identity.
    pub(super) fn read(body: &[u8]) -> Result<Self, HubApiError> {
        let body: Body = from_json_object(body).map_err(|_| HubApiError::unreadable())?;
        let is_enabled = body.status.as_deref().map(is_enabled).transpose()?;
        let reason = body.status_reason.as_deref().unwrap_or_default();
        if reason.chars().count() > MAX_REASON {
            let message = format!("statusReason has more than {MAX_REASON} characters");
            return Err(HubApiError::bad_request(message));
        }
        Ok(Self { is_enabled, body })
    }

    /// Checks that nothing else would change of `device`.
    ///
    /// # Errors
    ///
    /// 400 that names the member.
    pub(super) fn check(&self, device: &HubDevice) -> Result<(), HubApiError> {
        let Some(member) = self.body.forbidden(device) else { return Ok(()) };
        Err(HubApiError::bad_request(format!(
            "{member} cannot be changed here: leave it out, or send it as it is; provisioning \
             decides it, and status and statusReason are what a back end may change"
        )))
    }

    /// The identity afterwards. A status that is not said stays, a reason that is not said goes.
    pub(super) fn applied(&self, device: &HubDevice, now: SystemTime, salt: u32) -> HubDevice {
        let is_enabled = self.is_enabled.unwrap_or(device.is_enabled);
        let is_same = is_enabled == device.is_enabled;
        HubDevice {
            is_enabled,
            status_updated: if is_same { device.status_updated } else { Some(now) },
            status_reason: self.body.status_reason.clone(),
            etag: Etag::new(now, salt),
            ..device.clone()
        }
    }
}

fn is_enabled(word: &str) -> Result<bool, HubApiError> {
    match word {
        _ if word.eq_ignore_ascii_case("enabled") => Ok(true),
        _ if word.eq_ignore_ascii_case("disabled") => Ok(false),
        _ => Err(HubApiError::bad_request(format!(
            "status is {word:?}, expected \"enabled\" or \"disabled\""
        ))),
    }
}

impl Body {
    /// The member that asks for another identity.
    fn forbidden(&self, device: &HubDevice) -> Option<&'static str> {
        if self.device_id.as_ref().is_some_and(|id| device.device_id != id.as_str()) {
            return Some("deviceId");
        }
        if self.authentication.as_ref().is_some_and(|it| !it.is_that_of(device)) {
            return Some("authentication");
        }
        let edge = self.capabilities.as_ref().and_then(|it| it.iot_edge);
        if edge.is_some_and(|it| it != device.is_edge) {
            return Some("capabilities.iotEdge");
        }
        if self.device_scope.as_ref().is_some_and(|scope| !scope.is_empty()) {
            return Some("deviceScope");
        }
        self.parent_scopes.as_ref().filter(|it| !it.is_empty()).map(|_| "parentScopes")
    }
}

impl AuthenticationBody {
    fn is_that_of(&self, device: &HubDevice) -> bool {
        let kind = authentication_type(device);
        let is_kind = self.r#type.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(kind));
        let (mut keys, mut thumbprints) = ((None, None), (None, None));
        match &device.authentication {
            Authentication::Keys { primary, secondary } => keys = (Some(primary), Some(secondary)),
            Authentication::Thumbprints { primary, secondary } => {
                thumbprints = (Some(primary), secondary.as_ref());
            }
        }
        let is_keys = self.symmetric_key.as_ref().is_none_or(|it| {
            is_key(it.primary_key.as_deref(), keys.0) && is_key(it.secondary_key.as_deref(), keys.1)
        });
        let is_thumbprints = self.thumbprint.as_ref().is_none_or(|it| {
            is_thumbprint(it.primary_thumbprint.as_deref(), thumbprints.0)
                && is_thumbprint(it.secondary_thumbprint.as_deref(), thumbprints.1)
        });
        is_kind && is_keys && is_thumbprints
    }
}

/// What is empty or left out changes nothing.
fn is_key(sent: Option<&str>, own: Option<&DeviceKey>) -> bool {
    match sent.filter(|text| !text.is_empty()) {
        None => true,
        Some(text) => text.parse::<DeviceKey>().is_ok_and(|key| Some(&key) == own),
    }
}

fn is_thumbprint(sent: Option<&str>, own: Option<&String>) -> bool {
    match sent.filter(|text| !text.is_empty()) {
        None => true,
        Some(text) => own.is_some_and(|own| own.eq_ignore_ascii_case(text)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::show;
    use super::super::testing::{self, SECONDARY};
    use super::*;
    use crate::service::hub::Presence;

    fn device() -> HubDevice {
        testing::device("west.net", "pump")
    }

    fn refused(body: &str) -> String {
        let update = Update::read(body.as_bytes());
        update.and_then(|update| update.check(&device())).unwrap_err().to_string()
    }

    #[test]
    fn f_7_an_identity_sent_back_with_another_status_changes_that_alone() {
        let body = show::device(&device(), Presence::default()).to_string();
        let body =
            body.replace(r#""enabled","statusReason":null"#, r#""Disabled","statusReason":"lost""#);

        let update = Update::read(body.as_bytes()).unwrap();
        update.check(&device()).unwrap();
        let changed = update.applied(&device(), UNIX_EPOCH, 8);

        assert!(!changed.is_enabled);
        assert_eq!(changed.status_reason.as_deref(), Some("lost"));
        assert_ne!(changed.etag, device().etag);
        assert_eq!(changed.twin, device().twin);
    }

    #[test]
    fn j_133_anything_else_is_refused_by_name_and_no_key_is_repeated() {
        let other_key =
            format!(r#"{{"authentication":{{"symmetricKey":{{"primaryKey":"{SECONDARY}"}}}}}}"#);
        for (body, member) in [
            (r#"{"deviceId":"other"}"#, "deviceId"),
            (other_key.as_str(), "authentication"),
            (r#"{"authentication":{"symmetricKey":{"primaryKey":"?"}}}"#, "authentication"),
            (r#"{"authentication":{"type":"selfSigned"}}"#, "authentication"),
            (
                r#"{"authentication":{"x509Thumbprint":{"primaryThumbprint":"AB"}}}"#,
                "authentication",
            ),
            (r#"{"capabilities":{"iotEdge":true}}"#, "capabilities.iotEdge"),
            (r#"{"deviceScope":"ms-azure-iot-edge://x"}"#, "deviceScope"),
            (r#"{"parentScopes":["x"]}"#, "parentScopes"),
            (r#"{"status":"lost"}"#, "status"),
            ("[]", "the body"),
        ] {
            let text = refused(body);
            assert!(text.contains(&format!(": {member} ")), "{body}: {text}");
            assert!(!text.contains(SECONDARY), "{text}");
        }
        let long = format!(r#"{{"statusReason":"{}"}}"#, "x".repeat(129));
        assert!(refused(&long).contains("128"));
    }

    #[test]
    fn j_133_what_is_left_out_or_null_is_no_change() {
        for body in [
            "{}",
            r#"{"deviceId":"pump","etag":"x","deviceScope":null,"parentScopes":[]}"#,
            r#"{"authentication":{"type":"sas","symmetricKey":{"primaryKey":null,"secondaryKey":""}}}"#,
        ] {
            let update = Update::read(body.as_bytes()).unwrap();
            assert_eq!(update.check(&device()), Ok(()), "{body}");
            assert!(update.applied(&device(), UNIX_EPOCH, 8).is_enabled);
        }
    }
}
