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
    /// With a certificate of either thumbprint, SHA-256 or SHA-1 in hexadecimal digits.
    Thumbprints {
        /// The first.
        primary: String,
        /// The second.
        secondary: Option<String>,
    },
    /// With a certificate that an authority of the configuration issued to it, whichever of them (I).
    CertificateAuthority {
        /// Who issues them.
        issuer: IssuerName,
        /// The common name that was issued: the registration ID, of which the device ID may differ.
        common_name: String,
    },
}

/// Names the authority that issues a device's certificates, and the policy by which it does. All three
/// are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerName {
    /// `namespaceName` of the authority.
    pub namespace: String,
    /// `certificateAuthorityName`.
    pub authority: String,
    /// `certificatePolicyName`: how long its certificates last.
    pub policy: String,
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.authority)
    }
}

impl Authentication {
    /// IoT Hub's word for this way of a device to prove itself.
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "sas",
            Self::Thumbprints { .. } => "selfSigned",
            Self::CertificateAuthority { .. } => "certificateAuthority",
        }
    }

    /// What DPS writes into the identity: an individual enrollment's keys, those derived from a group's,
    /// or the SHA-256 of the certificate that the device presented, in both slots (D.5).
    pub fn of(
        enrollment: &Enrollment,
        registration_id: &RegistrationId,
        presented: Option<&Certificate>,
    ) -> Option<Self> {
        match (&enrollment.attestation, presented) {
            (Attestation::DeviceKeys(keys), _) => Some(Self::Keys {
                primary: keys.primary.clone(),
                secondary: keys.secondary.clone().unwrap_or_else(|| keys.primary.clone()),
            }),
            (Attestation::GroupKeys(keys), _) => Some(Self::Keys {
                primary: keys.primary.derive(registration_id),
                secondary: keys.secondary.derive(registration_id),
            }),
            (_, Some(certificate)) => {
                let thumbprint = &certificate.info().sha256_thumbprint;
                Some(Self::Thumbprints {
                    primary: thumbprint.clone(),
                    secondary: Some(thumbprint.clone()),
                })
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
            Self::CertificateAuthority { issuer, common_name } => {
                f.debug_tuple("CertificateAuthority").field(issuer).field(common_name).finish()
            }
        }
    }
}
