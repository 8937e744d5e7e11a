//! The identity of a device on a hub, and whether somebody who signs in is that device (I).

use std::fmt;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::attestation::{Certificate, DeviceKey, Malformed, SasToken};
use crate::service::enrollment::{Attestation, Enrollment};
use crate::service::twin::{InitialTwin, Twin};
use crate::wire::{Etag, RegistrationId};

/// Names a device on a hub. Hub names are compared without regard to case, device IDs with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubKey {
    hub: String,
    device_id: String,
}

impl HubKey {
    /// The device of that ID on that hub.
    pub fn new(hub: &str, device_id: &str) -> Self {
        Self { hub: hub.to_ascii_lowercase(), device_id: device_id.to_owned() }
    }

    /// The hub, in lower case.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// The device.
    pub fn device_id(&self) -> &str {
        &self.device_id
    }
}

/// A device's identity on a hub, and its twin.
#[derive(Debug, Clone, PartialEq)]
pub struct HubDevice {
    /// Host name of the hub, as linked.
    pub hub: String,
    /// The device there.
    pub device_id: String,
    /// How it proves itself.
    pub authentication: Authentication,
    /// Whether it may sign in.
    pub is_enabled: bool,
    /// Why not, in the words of whoever decided it.
    pub status_reason: Option<String>,
    /// Whether it is an IoT Edge device.
    pub is_edge: bool,
    /// Tells this identity from an earlier one of the same name.
    pub generation: String,
    /// When it was made.
    pub created: SystemTime,
    /// Version of the identity.
    pub etag: Etag,
    /// Its twin.
    pub twin: Twin,
    /// Version of the twin.
    pub twin_etag: Etag,
    /// When the twin was last changed.
    pub twin_updated: SystemTime,
}

impl HubDevice {
    /// Its name.
    pub fn key(&self) -> HubKey {
        HubKey::new(&self.hub, &self.device_id)
    }

    /// A new identity with its first twin, made at `now`.
    pub fn new(hub: &str, who: Newcomer<'_>, initial: &InitialTwin, now: SystemTime) -> Self {
        let Newcomer { device_id, authentication, is_edge, salt } = who;
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            hub: hub.to_owned(),
            device_id: device_id.to_owned(),
            authentication,
            is_enabled: true,
            status_reason: None,
            is_edge,
            generation: (since_1970.as_nanos() / 100).to_string(),
            created: now,
            etag: Etag::new(now, salt),
            twin: Twin::new(initial),
            twin_etag: Etag::new(now, salt),
            twin_updated: now,
        }
    }

    /// The same device with these credentials; another version only if they are others.
    #[must_use]
    pub fn with_authentication(
        &self,
        authentication: Authentication,
        now: SystemTime,
        salt: u32,
    ) -> Self {
        let is_same = authentication == self.authentication;
        let etag = if is_same { self.etag.clone() } else { Etag::new(now, salt) };
        Self { authentication, etag, ..self.clone() }
    }

    /// The same device with another twin.
    #[must_use]
    pub fn with_twin(&self, twin: Twin, now: SystemTime, salt: u32) -> Self {
        Self { twin, twin_updated: now, twin_etag: Etag::new(now, salt), ..self.clone() }
    }

    /// Whether whoever brings `proof` is this device.
    ///
    /// # Errors
    ///
    /// Which check failed, for our own log: the device is told nothing but CONNACK 5.
    pub fn admit(&self, proof: &HubProof, now: SystemTime) -> Result<Admission, HubFault> {
        if !self.is_enabled {
            return Err(HubFault::Disabled);
        }
        match (&self.authentication, proof) {
            (Authentication::Keys { primary, secondary }, HubProof::Sas(token)) => {
                let claims = token.claims()?;
                check_resource(&claims.resource(), &self.hub, &self.device_id)?;
                if ![primary, secondary].into_iter().any(|key| claims.is_signed_with(key)) {
                    return Err(HubFault::Signature);
                }
                match claims.expired_since(now) {
                    Some(since) => Err(HubFault::Expired(since)),
                    None => Ok(Admission { until: Some(claims.expires()) }),
                }
            }
            (Authentication::Thumbprints { primary, secondary }, HubProof::Certificate(leaf)) => {
                let presented = &leaf.info().sha1_thumbprint;
                if presented == primary || Some(presented) == secondary.as_ref() {
                    return Ok(Admission { until: None });
                }
                Err(HubFault::Thumbprint {
                    presented: presented.clone(),
                    enrolled: primary.clone(),
                })
            }
            (Authentication::Keys { .. }, _) => Err(HubFault::NoToken),
            (Authentication::Thumbprints { .. }, _) => Err(HubFault::NoCertificate),
        }
    }
}

/// What makes a new identity that device's.
#[derive(Debug, Clone)]
pub struct Newcomer<'a> {
    /// Its ID.
    pub device_id: &'a str,
    /// How it proves itself.
    pub authentication: Authentication,
    /// Whether it is an IoT Edge device.
    pub is_edge: bool,
    /// Random, for the etag.
    pub salt: u32,
}

/// How a device proves itself to its hub: as it did to the service that provisioned it.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// With a token signed with either key.
    Keys {
        /// The first.
        primary: DeviceKey,
        /// The second.
        secondary: DeviceKey,
    },
    /// With a certificate of either SHA-1 thumbprint.
    Thumbprints {
        /// The first.
        primary: String,
        /// The second.
        secondary: Option<String>,
    },
}

impl Authentication {
    /// What DPS writes into the identity: an individual enrollment's keys or certificates, the keys
    /// derived from a group's, or the certificate with which a group's device came.
    pub fn of(
        enrollment: &Enrollment,
        registration_id: &RegistrationId,
        certificate: Option<&Certificate>,
    ) -> Option<Self> {
        let thumbprint = |certificate: &Certificate| certificate.info().sha1_thumbprint.clone();
        match (&enrollment.attestation, certificate) {
            (Attestation::DeviceKeys(keys), _) => Some(Self::Keys {
                primary: keys.primary.clone(),
                secondary: keys.secondary.clone().unwrap_or_else(|| keys.primary.clone()),
            }),
            (Attestation::GroupKeys(keys), _) => Some(Self::Keys {
                primary: keys.primary.derive(registration_id),
                secondary: keys.secondary.derive(registration_id),
            }),
            (Attestation::ClientCertificates(slots), _) => Some(Self::Thumbprints {
                primary: thumbprint(&slots.primary),
                secondary: slots.secondary.as_ref().map(thumbprint),
            }),
            (_, Some(certificate)) => {
                Some(Self::Thumbprints { primary: thumbprint(certificate), secondary: None })
            }
            (_, None) => None,
        }
    }
}

/// It holds keys.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { .. } => f.write_str("Keys(redacted)"),
            Self::Thumbprints { primary, secondary } => {
                f.debug_tuple("Thumbprints").field(primary).field(secondary).finish()
            }
        }
    }
}

/// What somebody brings who signs in.
#[derive(Debug)]
pub enum HubProof {
    /// A SAS token, or whatever stood in its place.
    Sas(SasToken),
    /// The certificate of the TLS handshake.
    Certificate(Box<Certificate>),
    /// Nothing.
    Absent,
}

/// A device that may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// When its token ends.
    pub until: Option<SystemTime>,
}

/// Why somebody may not sign in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubFault {
    /// No such hub is linked.
    #[error("the hub {0:?} is not linked to this service")]
    UnknownHub(String),
    /// The hub has no such device.
    #[error("the hub has no device {0:?}; it must be provisioned first, or was moved or deleted")]
    UnknownDevice(String),
    /// It is disabled.
    #[error("the device is disabled on the hub")]
    Disabled,
    /// A token is wanted.
    #[error("it brings no SAS token; send one as the password")]
    NoToken,
    /// A certificate is wanted.
    #[error("it brings no certificate in the TLS handshake")]
    NoCertificate,
    /// The token cannot be read.
    #[error("its SAS token is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The token is for something else.
    #[error("its SAS token is for {found:?}, expected {expected:?}")]
    Resource {
        /// What it is for.
        found: String,
        /// What it should be for.
        expected: String,
    },
    /// Another key made the signature.
    #[error("its SAS token is not signed with a key of this device")]
    Signature,
    /// The token is over.
    #[error("its SAS token expired {} ago", humantime::format_duration(Duration::from_secs(.0.as_secs())))]
    Expired(Duration),
    /// Another certificate.
    #[error("its certificate has the thumbprint {presented}, the identity has {enrolled}")]
    Thumbprint {
        /// That of the certificate.
        presented: String,
        /// That of the identity.
        enrolled: String,
    },
}

/// `sr` is `{hub}/devices/{deviceId}`, or what contains it.
fn check_resource(found: &str, hub: &str, device_id: &str) -> Result<(), HubFault> {
    let mut parts = found.splitn(3, '/');
    let is_hub = parts.next().is_some_and(|part| part.eq_ignore_ascii_case(hub));
    let is_devices = parts.next().is_some_and(|part| part.eq_ignore_ascii_case("devices"));
    if is_hub && is_devices && parts.next() == Some(device_id) {
        return Ok(());
    }
    let expected = format!("{hub}/devices/{device_id}");
    Err(HubFault::Resource { found: found.to_owned(), expected })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::pki::TestCertificate;

    const HUB: &str = "hub-west.azure-devices.net";
    const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

    fn key() -> DeviceKey {
        KEY.parse().unwrap()
    }

    fn device(authentication: Authentication) -> HubDevice {
        let who = Newcomer { device_id: "pump-0042", authentication, is_edge: false, salt: 7 };
        HubDevice::new(HUB, who, &InitialTwin::default(), UNIX_EPOCH)
    }

    fn with_keys() -> HubDevice {
        device(Authentication::Keys { primary: DeviceKey::generate(), secondary: key() })
    }

    fn token(resource: &str, key: &DeviceKey) -> HubProof {
        HubProof::Sas(SasToken::sign(resource, key, UNIX_EPOCH + Duration::from_secs(100)))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn i_either_key_of_the_identity_signs_in() {
        let proof = token("HUB-west.azure-devices.net/devices/pump-0042", &key());

        assert_eq!(with_keys().admit(&proof, at(99)), Ok(Admission { until: Some(at(100)) }));
        assert_eq!(
            with_keys().admit(&proof, at(107)),
            Err(HubFault::Expired(Duration::from_secs(7)))
        );
    }

    #[test]
    fn i_other_keys_devices_and_hubs_do_not_and_neither_does_a_disabled_device() {
        let refused = |resource: &str, key: &DeviceKey| {
            with_keys().admit(&token(resource, key), at(1)).unwrap_err()
        };
        let own = "hub-west.azure-devices.net/devices/pump-0042";

        assert_eq!(refused(own, &DeviceKey::generate()), HubFault::Signature);
        for other in [
            "hub-east.azure-devices.net/devices/pump-0042",
            "hub-west.azure-devices.net/devices/PUMP-0042",
            "hub-west.azure-devices.net/devices/pump-0042/modules/m",
            "0ne1/registrations/pump-0042",
            "",
        ] {
            assert!(matches!(refused(other, &key()), HubFault::Resource { .. }), "{other}");
        }
        let disabled = HubDevice { is_enabled: false, ..with_keys() };
        assert_eq!(disabled.admit(&token(own, &key()), at(1)), Err(HubFault::Disabled));
        assert_eq!(with_keys().admit(&HubProof::Absent, at(1)), Err(HubFault::NoToken));
    }

    #[test]
    fn i_a_certificate_signs_in_by_its_thumbprint() {
        let mint = || {
            let der = TestCertificate::self_signed("pump-0042").unwrap().chain()[0].clone();
            Certificate::from_der(der).unwrap()
        };
        let (own, other) = (mint(), mint());
        let primary = own.info().sha1_thumbprint.clone();
        let device = device(Authentication::Thumbprints { primary, secondary: None });
        let admit = |proof| device.admit(&proof, at(1));

        assert_eq!(admit(HubProof::Certificate(Box::new(own))), Ok(Admission { until: None }));
        assert!(matches!(
            admit(HubProof::Certificate(Box::new(other))),
            Err(HubFault::Thumbprint { .. })
        ));
        assert_eq!(admit(HubProof::Absent), Err(HubFault::NoCertificate));
    }

    #[test]
    fn keys_never_show() {
        assert!(!format!("{:?}", with_keys()).contains(KEY));
    }
}
