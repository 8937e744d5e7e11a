//! How a device proves itself to its hub.

use std::fmt;

use crate::attestation::{Certificate, DeviceKey};
use crate::service::enrollment::{Attestation, Enrollment};
use crate::wire::RegistrationId;

/// How a device proves itself to its hub: as it did to the service that provisioned it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
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
