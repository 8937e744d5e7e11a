//! Finds the check for a proof.

use std::time::SystemTime;

use super::fault::Fault;
use super::proof::{Attested, Proof};
use super::{certificates, sas};
use crate::attestation::{SasFault, X509Fault};
use crate::service::enrollment::{Enrollments, Kind};
use crate::service::instance::Instance;
use crate::wire::{IdScope, RegistrationId};

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
        return own.attestation.is_x509();
    }
    let mut groups = enrollments.groups().peekable();
    groups.peek().is_some() && groups.all(|group| group.attestation.is_x509())
}
