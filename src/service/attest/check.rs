//! Finds the check for a proof.

use std::time::SystemTime;

use super::judge::Judge;
use super::proof::{Attested, Proof};
use super::refusal::Refusal;
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
) -> Result<Attested, Refusal> {
    match proof {
        Proof::Sas(token) => {
            let expected = (id_scope, registration_id);
            sas::attest(enrollments, expected, token, now, suspects)
        }
        Proof::Certificates(presented) => {
            certificates::attest(instance, enrollments, registration_id, presented, now)
        }
        Proof::Absent => Err(absent(enrollments, registration_id)),
    }
}

/// A device that brings nothing is told what its enrollments want.
fn absent(enrollments: &Enrollments, registration_id: &RegistrationId) -> Refusal {
    let own = enrollments.find(Kind::Individual, registration_id.as_str());
    let groups = || enrollments.groups();
    let x509_groups = groups().filter(|group| group.attestation.is_x509()).count();
    let judge = match own {
        Some(own) => Judge::individual(own, None),
        None => Judge::Nobody,
    };
    match own {
        Some(own) if own.attestation.is_x509() => Refusal::new(X509Fault::Absent, judge),
        Some(_) => Refusal::new(SasFault::Absent, judge),
        None if x509_groups == 0 => Refusal::new(SasFault::Absent, judge),
        None if x509_groups == groups().count() => Refusal::new(X509Fault::Absent, judge),
        // Either would do (J-75).
        None => Refusal::new(SasFault::NothingSent { x509_groups }, judge),
    }
}
