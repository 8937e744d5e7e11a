//! What a device brings, and what it proves.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::platform::Platform;
use crate::attestation::{Certificate, KeyMatch, SasToken};
use crate::service::enrollment::Enrollment;
use crate::service::record::ProvenBy;
use crate::wire::TpmKeys;

/// What a device brings to prove itself.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A SAS token, or whatever stood in its place.
    Sas(SasToken),
    /// The certificates of the TLS handshake, the device's own first. That it has the key of that
    /// one is proved by the handshake, nothing else is.
    Certificates(Vec<CertificateDer<'static>>),
    /// The public keys of a TPM.
    Tpm(TpmProof),
    /// Nothing.
    Absent,
}

/// The public keys of a TPM, which prove nothing, and the token that does.
#[derive(Debug, Clone)]
pub struct TpmProof {
    /// As the device sent them.
    pub keys: TpmKeys,
    /// Signed with the key that the TPM was given, if it was given one already.
    pub token: Option<SasToken>,
}

/// What comes of a proof that is not refused.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The device is who it says.
    Attested(Attested),
    /// It has still to show that it has the TPM whose keys it shows.
    Challenge(Challenge),
}

/// A device whose TPM is given a key to sign with (B.5).
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Its enrollment.
    pub enrollment: Arc<Enrollment>,
    /// Its TPM, for which the key is encrypted.
    pub platform: Arc<Platform>,
}

/// A device that is who it says.
#[derive(Debug, Clone)]
pub struct Attested {
    /// The enrollment that vouches for it, or one that is disabled and so forbids others to.
    pub enrollment: Arc<Enrollment>,
    /// What convinced us.
    pub evidence: Evidence,
}

/// What made a device believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A token signed with this key of the enrollment, or one derived from it.
    Key(KeyMatch),
    /// A certificate.
    Certificate {
        /// The device's own.
        leaf: Box<Certificate>,
        /// Subject of the enrolled certificate above it; none if it is itself enrolled.
        authority: Option<String>,
    },
    /// A token signed with the key that this TPM was given.
    Tpm(Arc<Platform>),
}

impl Evidence {
    /// The kind of evidence, for the record.
    pub fn proven_by(&self) -> ProvenBy {
        match self {
            Self::Key(_) => ProvenBy::SymmetricKey,
            Self::Certificate { .. } => ProvenBy::X509,
            Self::Tpm(_) => ProvenBy::Tpm,
        }
    }

    /// The device's certificate, if that is how it proved itself.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Key(_) | Self::Tpm(_) => None,
            Self::Certificate { leaf, .. } => Some(leaf),
        }
    }

    /// The keys of the device's TPM, if that is how it proved itself.
    pub fn tpm(&self) -> Option<TpmKeys> {
        match self {
            Self::Tpm(platform) => Some(platform.keys()),
            Self::Key(_) | Self::Certificate { .. } => None,
        }
    }
}
