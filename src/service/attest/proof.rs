//! What a device brings, and what it proves.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::attestation::{Certificate, KeyMatch, SasToken};
use crate::service::enrollment::Enrollment;
use crate::service::record::ProvenBy;

/// What a device brings to prove itself.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A SAS token, or whatever stood in its place.
    Sas(SasToken),
    /// The certificates of the TLS handshake, the device's own first. That it has the key of that
    /// one is proved by the handshake, nothing else is.
    Certificates(Vec<CertificateDer<'static>>),
    /// Nothing.
    Absent,
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
}

impl Evidence {
    /// The kind of evidence, for the record.
    pub fn proven_by(&self) -> ProvenBy {
        match self {
            Self::Key(_) => ProvenBy::SymmetricKey,
            Self::Certificate { .. } => ProvenBy::X509,
        }
    }

    /// The device's certificate, if that is how it proved itself.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Key(_) => None,
            Self::Certificate { leaf, .. } => Some(leaf),
        }
    }
}
