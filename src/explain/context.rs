//! What is known on this side of a failed registration.

use super::Skew;
use crate::attestation::{DeviceCertificate, DeviceKey, GroupKey};
use crate::device::Credential;
use crate::net::Endpoint;
use crate::wire::{IdScope, RegistrationId};

/// A key as it was given. Redacted in `Debug`, as the keys are.
#[derive(Debug, Clone)]
pub enum GivenKey {
    /// An enrollment group's; the device's own is derived from it.
    Group(GroupKey),
    /// The device's own.
    Device(DeviceKey),
}

/// How the device proves who it is, as it was given. Redacted in `Debug`, as keys are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Proof {
    /// By a symmetric key.
    Key(GivenKey),
    /// By a certificate.
    Certificate(DeviceCertificate),
}

impl Proof {
    /// What this device makes of it: the key of a group is none of its own.
    pub fn credential(&self, registration_id: &RegistrationId) -> Credential {
        match self {
            Self::Key(GivenKey::Group(key)) => {
                Credential::SymmetricKey(key.derive(registration_id))
            }
            Self::Key(GivenKey::Device(key)) => Credential::SymmetricKey(key.clone()),
            Self::Certificate(certificate) => Credential::X509(certificate.clone()),
        }
    }
}

/// What is known on this side.
#[derive(Debug)]
pub struct Context {
    /// The service as it was dialled.
    pub endpoint: Endpoint,
    /// The instance.
    pub id_scope: IdScope,
    /// The device.
    pub registration_id: RegistrationId,
    /// The proof as it was given, if it was given here.
    pub proof: Option<Proof>,
    /// How far this machine's clock is off, if that was measured beforehand.
    pub skew: Option<Skew>,
    /// Whether it is the service that `serve` runs on this machine.
    pub is_local: bool,
    /// The enrollment group whose key the proof is made with, where its name is known.
    pub group: Option<String>,
    /// The proxy, without its credentials.
    pub proxy: Option<String>,
}

impl Context {
    /// The key, if the device proves itself by one.
    pub fn key(&self) -> Option<&GivenKey> {
        match &self.proof {
            Some(Proof::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The certificate, if the device proves itself by one.
    pub fn certificate(&self) -> Option<&DeviceCertificate> {
        match &self.proof {
            Some(Proof::Certificate(certificate)) => Some(certificate),
            _ => None,
        }
    }

    /// Whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.endpoint.host();
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether the host is an IoT hub, which devices dial only afterwards.
    pub(super) fn is_hub(&self) -> bool {
        self.endpoint.host().to_ascii_lowercase().ends_with(".azure-devices.net")
    }
}
