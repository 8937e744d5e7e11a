//! How the devices of an enrollment prove themselves (E.3).

use crate::attestation::{Certificate, DeviceKey, GroupKeys};
use crate::wire::TpmKeys;

/// How the devices of an enrollment prove themselves (E.3).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Attestation {
    /// An individual's own keys.
    DeviceKeys(DeviceKeys),
    /// A group's keys, from which its devices derive theirs.
    GroupKeys(GroupKeys),
    /// An individual's own certificates.
    ClientCertificates(Slots<Certificate>),
    /// Certificates that sign those of a group's devices.
    SigningCertificates(Slots<Certificate>),
    /// Names of certificates uploaded to the instance that do so.
    CaReferences(Slots<String>),
    /// An individual's TPM (D.6).
    Tpm {
        /// Public part of the endorsement key, a `TPM2B_PUBLIC` in Base64 as it was written.
        endorsement_key: String,
        /// Public part of the storage root key, if the device may have no other.
        storage_root_key: Option<String>,
    },
}

impl Attestation {
    /// Whether it takes a certificate.
    pub fn is_x509(&self) -> bool {
        matches!(
            self,
            Self::ClientCertificates(_) | Self::SigningCertificates(_) | Self::CaReferences(_)
        )
    }

    /// The keys of the device's TPM, as far as they are enrolled.
    pub fn tpm_keys(&self) -> Option<TpmKeys> {
        let Self::Tpm { endorsement_key, storage_root_key } = self else { return None };
        Some(TpmKeys {
            endorsement_key: Some(endorsement_key.clone()),
            storage_root_key: storage_root_key.clone(),
        })
    }
}

/// The keys of one device; either is as good as the other.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    /// `primaryKey`.
    pub primary: DeviceKey,
    /// `secondaryKey`.
    pub secondary: Option<DeviceKey>,
}

impl DeviceKeys {
    /// Both, as far as they are there.
    pub fn iter(&self) -> impl Iterator<Item = &DeviceKey> {
        std::iter::once(&self.primary).chain(&self.secondary)
    }
}

/// A first and a second of something, or one of the two; either is as good as the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots<T> {
    primary: Option<T>,
    secondary: Option<T>,
}

impl<T> Slots<T> {
    /// Both, as far as they are there; none if neither is.
    pub fn new(primary: Option<T>, secondary: Option<T>) -> Option<Self> {
        (primary.is_some() || secondary.is_some()).then_some(Self { primary, secondary })
    }

    /// `primary`.
    pub fn primary(&self) -> Option<&T> {
        self.primary.as_ref()
    }

    /// `secondary`.
    pub fn secondary(&self) -> Option<&T> {
        self.secondary.as_ref()
    }

    /// Both, as far as they are there.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.primary.iter().chain(&self.secondary)
    }
}
