//! Does this proof match an enrollment? (D.2, D.3, D.5, F.1 step 3)
//!
//! One file per kind of proof. Pure: what is enrolled and the time are handed in.

mod certificates;
mod fault;
mod sas;

use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::enrollment::Enrollments;
use super::enrollment::{Attestation, Enrollment, Kind};
use super::instance::Instance;
use super::record::ProvenBy;
use crate::attestation::{Certificate, KeyMatch, SasFault, SasToken, X509Fault};
use crate::wire::{IdScope, RegistrationId};

pub use fault::{Fault, remedy, slot_name};

/// What a device brings to prove itself.
#[derive(Debug)]
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

/// Checks a proof: against the device's own enrollment if there is one, else against the groups
/// (F.1, D.5). A disabled enrollment attests like any other; what follows is decided elsewhere.
///
/// # Errors
///
/// Which check failed, for our own log. `suspects` gives the devices whose keys are tried then.
pub fn attest(
    instance: &Instance,
    enrollments: &Enrollments,
    id_scope: &IdScope,
    registration_id: &RegistrationId,
    proof: &Proof,
    now: SystemTime,
    suspects: impl FnOnce() -> Vec<RegistrationId>,
) -> Result<Attested, Fault> {
    match proof {
        Proof::Sas(token) => {
            let expected = (id_scope, registration_id);
            sas::attest(enrollments, expected, token, now, suspects)
        }
        Proof::Certificates(presented) => {
            certificates::attest(instance, enrollments, registration_id, presented, now)
                .map_err(Fault::from)
        }
        Proof::Absent if wants_certificate(enrollments, registration_id) => {
            Err(X509Fault::Absent.into())
        }
        Proof::Absent => Err(SasFault::Absent.into()),
    }
}

/// Whether the enrollments leave a device no other way than a certificate.
fn wants_certificate(enrollments: &Enrollments, registration_id: &RegistrationId) -> bool {
    if let Some(own) = enrollments.find(Kind::Individual, registration_id.as_str()) {
        return is_x509(own);
    }
    let mut groups = enrollments.groups().peekable();
    groups.peek().is_some() && groups.all(|group| is_x509(group))
}

fn is_x509(enrollment: &Enrollment) -> bool {
    use Attestation::{CaReferences, ClientCertificates, SigningCertificates};
    matches!(
        enrollment.attestation,
        ClientCertificates(_) | SigningCertificates(_) | CaReferences(_)
    )
}
