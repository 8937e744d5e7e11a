//! Attestation by certificate (D.5).

use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::proof::{Attested, Evidence};
use crate::attestation::{Anchor, Certificate, DeviceChain, X509Fault};
use crate::service::enrollment::{Attestation, Enrollment, Enrollments, Kind, Slots};
use crate::service::instance::Instance;
use crate::wire::RegistrationId;

/// Checks the certificates of a TLS handshake. The device's own enrollment decides, whatever kind
/// it is of; without one, the first certificate of the chain that has a group does.
pub(super) fn attest(
    instance: &Instance,
    enrollments: &Enrollments,
    registration_id: &RegistrationId,
    presented: &[CertificateDer<'static>],
    now: SystemTime,
) -> Result<Attested, X509Fault> {
    let chain = DeviceChain::read(presented, registration_id, now)?;
    let through_group = || {
        let anchors = anchors(instance, enrollments);
        chain.first_enrolled(&anchors, now)
    };
    let attested = |enrollment: &Arc<Enrollment>, authority: Option<&Certificate>| Attested {
        enrollment: enrollment.clone(),
        evidence: Evidence::Certificate {
            leaf: Box::new(chain.leaf().clone()),
            authority: authority.map(|it| it.info().subject_name.clone()),
        },
    };
    let Some(own) = enrollments.find(Kind::Individual, registration_id.as_str()) else {
        let anchor = through_group()?;
        return Ok(attested(anchor.stands_for, Some(anchor.certificate)));
    };
    match check_own(own, chain.leaf()) {
        Ok(()) => Ok(attested(own, None)),
        // Its enrollment forbids the device to come through a group, and a device that could have
        // is told that it is disabled, not that its certificate is bad.
        Err(fault) if !own.is_enabled() => match through_group() {
            Ok(anchor) => Ok(attested(own, Some(anchor.certificate))),
            Err(_) => Err(fault),
        },
        Err(fault) => Err(fault),
    }
}

fn check_own(own: &Enrollment, leaf: &Certificate) -> Result<(), X509Fault> {
    let wanted = match &own.attestation {
        Attestation::ClientCertificates(slots) => return check_thumbprint(slots, leaf),
        Attestation::DeviceKeys(_) | Attestation::GroupKeys(_) => "a SAS token",
        Attestation::Tpm { .. } => "a TPM",
        Attestation::SigningCertificates(_) | Attestation::CaReferences(_) => "an authority",
    };
    Err(X509Fault::OtherAttestation { wanted })
}

/// Either slot will do. Compared by SHA-256, told by SHA-1, which is what the portal shows.
fn check_thumbprint(slots: &Slots<Certificate>, leaf: &Certificate) -> Result<(), X509Fault> {
    let presented = leaf.info();
    if slots.iter().any(|slot| slot.info().sha256_thumbprint == presented.sha256_thumbprint) {
        return Ok(());
    }
    let enrolled: Vec<_> = slots.iter().map(|slot| slot.info().sha1_thumbprint.as_str()).collect();
    Err(X509Fault::Thumbprint {
        presented: presented.sha1_thumbprint.clone(),
        enrolled: enrolled.join(" or "),
    })
}

type GroupAnchor<'a> = Anchor<'a, &'a Arc<Enrollment>>;

/// All certificates that vouch for the devices of groups, in order of the groups' names. Uploaded
/// ones count as verified (J-72).
fn anchors<'a>(instance: &'a Instance, enrollments: &'a Enrollments) -> Vec<GroupAnchor<'a>> {
    let mut anchors = Vec::new();
    for group in enrollments.groups() {
        let anchor = |certificate| Anchor { certificate, stands_for: group };
        match &group.attestation {
            Attestation::SigningCertificates(slots) => anchors.extend(slots.iter().map(anchor)),
            Attestation::CaReferences(names) => {
                let found = names.iter().filter_map(|name| instance.certificate(name));
                anchors.extend(found.map(anchor));
            }
            _ => {}
        }
    }
    anchors
}

#[cfg(test)]
mod tests;
