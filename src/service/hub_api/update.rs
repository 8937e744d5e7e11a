//! What a back end makes of an identity: its credentials, whether it is enabled and why not, and
//! whether it is an IoT Edge device (F.7, J-133).
//!
//! Pure. Clients send the whole identity; what is left out, null or empty stays as it is, or is made up
//! for a new one.

use std::time::SystemTime;

use serde::Deserialize;

use super::error::HubApiError;
use crate::attestation::DeviceKey;
use crate::service::record::{Authentication, HubDevice, NewIdentity};
use crate::service::twin::InitialTwin;
use crate::sources::Chance;
use crate::text::read_body;
use crate::wire::{DeviceId, Etag, HubName};

/// Longest reason that IoT Hub takes.
const MAX_REASON: usize = 128;
/// Bytes of a key.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;
/// Hexadecimal digits of a thumbprint: SHA-1, SHA-256.
const THUMBPRINT_LENGTHS: [usize; 2] = [40, 64];

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
    device_id: DeviceId,
    is_enabled: Option<bool>,
    body: Body,
}

impl Update {
    /// Reads the body of a request about the device `id`.
    ///
    /// # Errors
    ///
    /// 400 that names the member, if it is no identity, or one that this hub cannot have.
    pub(super) fn read(body: &[u8], id: &str) -> Result<Self, HubApiError> {
        let body: Body = read_body(body).map_err(HubApiError::unreadable)?;
        let device_id = id.parse().map_err(|error| {
            HubApiError::bad_request(format!("deviceId {id:?} cannot be one: {error}"))
        })?;
        if body.device_id.as_ref().is_some_and(|it| it != id) {
            return Err(HubApiError::bad_request("deviceId is another one than in the path"));
        }
        let is_enabled = body.status.as_deref().map(is_enabled).transpose()?;
        let reason = body.status_reason.as_deref().unwrap_or_default();
        if reason.chars().count() > MAX_REASON {
            let message = format!("statusReason has more than {MAX_REASON} characters");
            return Err(HubApiError::bad_request(message));
        }
        if body.device_scope.as_ref().is_some_and(|scope| !scope.is_empty()) {
            return Err(not_here("deviceScope"));
        }
        if body.parent_scopes.as_ref().is_some_and(|scopes| !scopes.is_empty()) {
            return Err(not_here("parentScopes"));
        }
        Ok(Self { device_id, is_enabled, body })
    }

    /// The identity afterwards. A reason that is not said goes.
    ///
    /// # Errors
    ///
    /// 400 that names the member.
    pub(super) fn applied(
        &self,
        device: &HubDevice,
        chance: &Chance,
        now: SystemTime,
        salt: u32,
    ) -> Result<HubDevice, HubApiError> {
        let is_enabled = self.is_enabled.unwrap_or(device.is_enabled);
        let is_same = is_enabled == device.is_enabled;
        Ok(HubDevice {
            authentication: self.authentication(Some(&device.authentication), chance)?,
            is_enabled,
            status_reason: self.body.status_reason.clone(),
            status_updated: if is_same { device.status_updated } else { Some(now) },
            is_edge: self.is_edge().unwrap_or(device.is_edge),
            etag: Etag::new(now, salt),
            ..device.clone()
        })
    }

    /// A new identity.
    ///
    /// # Errors
    ///
    /// 400 that names the member.
    pub(super) fn made(
        &self,
        hub: &HubName,
        chance: &Chance,
        now: SystemTime,
        salt: u32,
    ) -> Result<HubDevice, HubApiError> {
        let identity = NewIdentity {
            device_id: self.device_id.clone(),
            authentication: self.authentication(None, chance)?,
            is_edge: self.is_edge().unwrap_or_default(),
            salt,
        };
        let device = HubDevice::new(hub, identity, &InitialTwin::default(), now);
        let is_enabled = self.is_enabled.unwrap_or(true);
        Ok(HubDevice { is_enabled, status_reason: self.body.status_reason.clone(), ..device })
    }

    fn is_edge(&self) -> Option<bool> {
        self.body.capabilities.as_ref().and_then(|it| it.iot_edge)
    }

    fn authentication(
        &self,
        present: Option<&Authentication>,
        chance: &Chance,
    ) -> Result<Authentication, HubApiError> {
        let body = self.body.authentication.as_ref();
        let keys = body.and_then(|it| it.symmetric_key.as_ref());
        let [primary_key, secondary_key] = [
            key("primaryKey", keys.and_then(|it| it.primary_key.as_deref()))?,
            key("secondaryKey", keys.and_then(|it| it.secondary_key.as_deref()))?,
        ];
        let thumbprints = body.and_then(|it| it.thumbprint.as_ref());
        let [primary, secondary] = [
            thumbprint(
                "primaryThumbprint",
                thumbprints.and_then(|it| it.primary_thumbprint.as_deref()),
            )?,
            thumbprint(
                "secondaryThumbprint",
                thumbprints.and_then(|it| it.secondary_thumbprint.as_deref()),
            )?,
        ];
        let made = || DeviceKey::made_by(chance, self.device_id.as_str());
        let kind = body.and_then(|it| it.r#type.as_deref()).filter(|it| !it.is_empty());
        let has_thumbprint = primary.is_some() || secondary.is_some();
        let kind = match kind {
            Some(word) => Kind::read(word)?,
            None => present.map(Kind::of).unwrap_or(match has_thumbprint {
                false => Kind::Keys,
                true => Kind::Thumbprints,
            }),
        };
        if kind != Kind::Thumbprints && has_thumbprint {
            let message = "authentication.x509Thumbprint goes with the type \"selfSigned\"";
            return Err(HubApiError::bad_request(message));
        }
        if kind != Kind::Keys && (primary_key.is_some() || secondary_key.is_some()) {
            let message = "authentication.symmetricKey goes with the type \"sas\"";
            return Err(HubApiError::bad_request(message));
        }
        match (kind, present) {
            (Kind::Keys, Some(Authentication::Keys { primary, secondary })) => {
                Ok(Authentication::Keys {
                    primary: primary_key.unwrap_or_else(|| primary.clone()),
                    secondary: secondary_key.unwrap_or_else(|| secondary.clone()),
                })
            }
            (Kind::Keys, _) => Ok(Authentication::Keys {
                primary: primary_key.unwrap_or_else(&made),
                secondary: secondary_key.unwrap_or_else(&made),
            }),
            (Kind::Authority, Some(present @ Authentication::CertificateAuthority { .. })) => {
                Ok(present.clone())
            }
            // Who issues the device's certificates is said nowhere in an identity.
            (Kind::Authority, _) => Err(HubApiError::bad_request(
                "authentication.type is \"certificateAuthority\", which here only a registration with a \
                 certificate request makes it; set \"sas\" or \"selfSigned\" (J-460)",
            )),
            (Kind::Thumbprints, present) => match (primary, secondary, present) {
                (Some(primary), secondary, _) => {
                    Ok(Authentication::Thumbprints { primary, secondary })
                }
                (None, given, Some(Authentication::Thumbprints { primary, secondary })) => {
                    Ok(Authentication::Thumbprints {
                        primary: primary.clone(),
                        secondary: given.or_else(|| secondary.clone()),
                    })
                }
                (None, _, _) => Err(HubApiError::bad_request(
                    "authentication.x509Thumbprint.primaryThumbprint is missing",
                )),
            },
        }
    }
}

/// How the identity is to prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Keys,
    Thumbprints,
    Authority,
}

impl Kind {
    fn of(present: &Authentication) -> Self {
        match present {
            Authentication::Keys { .. } => Self::Keys,
            Authentication::Thumbprints { .. } => Self::Thumbprints,
            Authentication::CertificateAuthority { .. } => Self::Authority,
        }
    }

    fn read(word: &str) -> Result<Self, HubApiError> {
        match word {
            _ if word.eq_ignore_ascii_case("sas") => Ok(Self::Keys),
            _ if word.eq_ignore_ascii_case("selfSigned") => Ok(Self::Thumbprints),
            _ if word.eq_ignore_ascii_case("certificateAuthority") => Ok(Self::Authority),
            _ => Err(HubApiError::bad_request(
                "authentication.type is to be \"sas\", \"selfSigned\" or \"certificateAuthority\"",
            )),
        }
    }
}

fn not_here(member: &str) -> HubApiError {
    HubApiError::bad_request(format!("{member} cannot be set here: leave it out"))
}

/// Not in the words of the reader: those may quote what they read.
fn key(member: &str, sent: Option<&str>) -> Result<Option<DeviceKey>, HubApiError> {
    let Some(text) = sent.filter(|text| !text.is_empty()) else { return Ok(None) };
    let key = text.parse::<DeviceKey>().ok().filter(|key| KEY_LENGTHS.contains(&key.length()));
    key.map(Some).ok_or_else(|| {
        HubApiError::bad_request(format!(
            "authentication.symmetricKey.{member} is not 16 to 64 bytes in Base64"
        ))
    })
}

fn thumbprint(member: &str, sent: Option<&str>) -> Result<Option<String>, HubApiError> {
    let Some(text) = sent.filter(|text| !text.is_empty()) else { return Ok(None) };
    let is_one = THUMBPRINT_LENGTHS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one {
        return Ok(Some(text.to_ascii_uppercase()));
    }
    Err(HubApiError::bad_request(format!(
        "authentication.x509Thumbprint.{member} is not 40 or 64 hexadecimal digits"
    )))
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

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::show;
    use super::super::testing::{self, SECONDARY};
    use super::*;
    use crate::service::hub::Presence;
    use crate::service::record::IssuerName;

    const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

    fn device() -> HubDevice {
        testing::device("west.net", "pump")
    }

    fn changed(body: &str) -> Result<HubDevice, HubApiError> {
        Update::read(body.as_bytes(), "pump")?.applied(&device(), &Chance::system(), UNIX_EPOCH, 8)
    }

    fn made(body: &str) -> Result<HubDevice, HubApiError> {
        Update::read(body.as_bytes(), "pump")?.made(
            &"west.net".parse().unwrap(),
            &Chance::system(),
            UNIX_EPOCH,
            8,
        )
    }

    #[test]
    fn f_7_an_identity_sent_back_with_another_status_changes_that_alone() {
        let body = show::device(&device(), Presence::default()).to_string();
        let body =
            body.replace(r#""enabled","statusReason":null"#, r#""Disabled","statusReason":"lost""#);

        let changed = changed(&body).unwrap();

        assert!(!changed.is_enabled);
        assert_eq!(changed.status_reason.as_deref(), Some("lost"));
        assert_eq!(changed.status_updated, Some(UNIX_EPOCH));
        assert_ne!(changed.etag, device().etag);
        assert_eq!(changed.twin, device().twin);
        assert_eq!(changed.authentication, device().authentication);
    }

    #[test]
    fn j_133_keys_thumbprints_and_the_edge_can_be_changed() {
        let key = |text: &str| text.parse::<DeviceKey>().unwrap();
        let other =
            format!(r#"{{"authentication":{{"symmetricKey":{{"primaryKey":"{SECONDARY}"}}}}}}"#);
        let keys = Authentication::Keys { primary: key(SECONDARY), secondary: key(SECONDARY) };
        assert_eq!(changed(&other).unwrap().authentication, keys, "what is left out stays");

        let by_certificate = format!(
            r#"{{"authentication":{{"type":"selfSigned","x509Thumbprint":{{"primaryThumbprint":"{SHA1}"}}}},"capabilities":{{"iotEdge":true}}}}"#
        );
        let by_certificate = changed(&by_certificate).unwrap();
        let primary = SHA1.to_uppercase();
        let thumbprints = Authentication::Thumbprints { primary, secondary: None };
        assert_eq!((by_certificate.authentication, by_certificate.is_edge), (thumbprints, true));
    }

    #[test]
    fn j_460_who_issues_for_a_device_stays_until_it_gets_keys_or_thumbprints() {
        let issuer = IssuerName {
            namespace: "fleet".to_owned(),
            authority: "line-1".to_owned(),
            policy: "short".to_owned(),
        };
        let issued =
            Authentication::CertificateAuthority { issuer, common_name: "pump".to_owned() };
        let device = testing::device_with("west.net", "pump", issued.clone());
        let changed = |body: &str| {
            let update = Update::read(body.as_bytes(), "pump").unwrap();
            update.applied(&device, &Chance::system(), UNIX_EPOCH, 8).unwrap().authentication
        };

        let shown = show::device(&device, Presence::default());
        assert_eq!(shown["authentication"]["type"], "certificateAuthority");
        assert_eq!(changed(&shown.to_string()), issued);
        assert_eq!(changed("{}"), issued);
        let keys = changed(r#"{"authentication":{"type":"sas"}}"#);
        assert!(matches!(keys, Authentication::Keys { .. }));
    }

    #[test]
    fn j_133_a_new_device_has_keys_of_its_own_unless_it_brings_some() {
        let [one, another] =
            [r#"{"deviceId":"pump"}"#, r#"{"status":"disabled","authentication":{"type":"sas"}}"#]
                .map(|body| made(body).unwrap());
        let Authentication::Keys { primary, secondary } = &one.authentication else { panic!() };
        assert!(primary != secondary && one.authentication != another.authentication);
        assert_eq!((one.is_enabled, another.is_enabled), (true, false));

        let brought = format!(
            r#"{{"authentication":{{"symmetricKey":{{"primaryKey":"{SECONDARY}","secondaryKey":"{SECONDARY}"}}}}}}"#
        );
        let Authentication::Keys { primary, .. } = made(&brought).unwrap().authentication else {
            panic!()
        };
        assert_eq!(primary, SECONDARY.parse().unwrap());
    }

    #[test]
    fn j_133_what_cannot_be_is_refused_by_name_and_no_key_is_repeated() {
        for (body, member) in [
            (r#"{"deviceId":"other"}"#, "deviceId"),
            (
                r#"{"authentication":{"symmetricKey":{"primaryKey":"?"}}}"#,
                "authentication.symmetricKey.primaryKey",
            ),
            (
                r#"{"authentication":{"symmetricKey":{"secondaryKey":"c2hvcnQ="}}}"#,
                "authentication.symmetricKey.secondaryKey",
            ),
            (
                r#"{"authentication":{"type":"selfSigned"}}"#,
                "authentication.x509Thumbprint.primaryThumbprint",
            ),
            (r#"{"authentication":{"type":"certificateAuthority"}}"#, "authentication.type"),
            (
                r#"{"authentication":{"x509Thumbprint":{"primaryThumbprint":"AB"}}}"#,
                "authentication.x509Thumbprint.primaryThumbprint",
            ),
            (
                r#"{"authentication":{"type":"sas","x509Thumbprint":{"primaryThumbprint":"<1>"}}}"#,
                "authentication.x509Thumbprint",
            ),
            (
                r#"{"authentication":{"type":"selfSigned","symmetricKey":{"primaryKey":"<2>"}}}"#,
                "authentication.symmetricKey",
            ),
            (r#"{"deviceScope":"ms-azure-iot-edge://x"}"#, "deviceScope"),
            (r#"{"parentScopes":["x"]}"#, "parentScopes"),
            (r#"{"status":"lost"}"#, "status"),
            ("[]", "the body"),
        ] {
            let body = body.replace("<1>", SHA1).replace("<2>", SECONDARY);
            for refused in [changed(&body), made(&body)] {
                let text = refused.unwrap_err().to_string();
                assert!(text.contains(&format!(": {member} ")), "{body}: {text}");
                assert!(!text.contains(SECONDARY), "{text}");
            }
        }
        let long = format!(r#"{{"statusReason":"{}"}}"#, "x".repeat(129));
        assert!(changed(&long).unwrap_err().to_string().contains("128"));
        assert!(Update::read(b"{}", "no device").is_err());
    }

    #[test]
    fn j_133_what_is_left_out_or_null_is_no_change() {
        for body in [
            "{}",
            r#"{"deviceId":"pump","etag":"x","deviceScope":null,"parentScopes":[]}"#,
            r#"{"authentication":{"type":"sas","symmetricKey":{"primaryKey":null,"secondaryKey":""}}}"#,
        ] {
            let changed = changed(body).unwrap();
            assert_eq!(changed.authentication, device().authentication, "{body}");
            assert!(changed.is_enabled);
        }
    }
}
