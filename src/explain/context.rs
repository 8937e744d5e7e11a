//! What is known on this side of a failed registration.

use std::fmt;
use std::sync::Arc;

use super::Skew;
use crate::attestation::{DeviceCertificate, DeviceKey, GroupKey, Tpm};
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
    /// By a TPM.
    Tpm(Arc<dyn Tpm>),
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
            Self::Tpm(tpm) => Credential::Tpm(tpm.clone()),
        }
    }
}

/// What is known on this side.
#[derive(Debug)]
pub struct Context {
    /// The service as it was dialled.
    pub endpoint: Endpoint,
    /// The instance, if it is known: a hub is told of none.
    pub id_scope: Option<IdScope>,
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
    /// Whom the device trusts in place of the system's authorities, if that was said.
    pub ca_file: Option<CaFile>,
}

/// A file of CA certificates, as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFile {
    /// Where it was named, and its name.
    pub given: String,
    /// Whose certificates are in it.
    pub holds: Vec<String>,
}

/// The first names are enough to see whose file it is.
impl fmt::Display for CaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FEW: usize = 3;
        let names = self.holds.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join("; ");
        write!(f, "{} holds {names}", self.given)?;
        match self.holds.len().saturating_sub(FEW) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl Context {
    /// Of a device of this crate at a service that runs in this program: nothing else is known, and
    /// nothing was given by anybody.
    pub fn of_own_service(
        endpoint: Endpoint,
        id_scope: IdScope,
        registration_id: RegistrationId,
    ) -> Self {
        Self {
            endpoint,
            id_scope: Some(id_scope),
            registration_id,
            proof: None,
            skew: None,
            is_local: true,
            group: None,
            proxy: None,
            ca_file: None,
        }
    }

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

    /// Whether the device proves itself by a TPM.
    pub(super) fn has_tpm(&self) -> bool {
        matches!(self.proof, Some(Proof::Tpm(_)))
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
