//! Attestation by certificate (D.5).

use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::judge::Judge;
use super::proof::{Attested, Evidence};
use super::refusal::{INVALID, Refusal};
use crate::attestation::{Anchor, Certificate, DeviceChain, X509Fault};
use crate::service::enrollment::{Attestation, Enrollment, Enrollments, Kind, Slots};
use crate::service::instance::{Instance, InstanceCertificate};
use crate::wire::RegistrationId;

/// What a device of no group is told whose chain reaches no certificate of the instance.
const CA_NOT_FOUND: &str = "CA certificate not found.";
/// What it is told if the chain does reach one.
const NO_SIGNING_CERTIFICATE: &str = "Signing certificate info did not match chain elements.";

/// Checks the certificates of a TLS handshake. The device's own enrollment decides, whatever kind
/// it is of; without one, the first certificate of the chain that has a group does.
pub(super) fn attest(
    instance: &Instance,
    enrollments: &Enrollments,
    registration_id: &RegistrationId,
    presented: &[CertificateDer<'static>],
    now: SystemTime,
) -> Result<Attested, Refusal> {
    let unasked = |fault: X509Fault| Refusal::new(fault, Judge::Nobody).saying(INVALID);
    let chain = DeviceChain::read(presented, registration_id, now).map_err(unasked)?;
    let through_group = || find_group(instance, enrollments, &chain, now);
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
    let Err(fault) = check_own(own, chain.leaf()) else { return Ok(attested(own, None)) };
    match through_group() {
        // Its enrollment forbids the device to come through a group, and a device that could have
        // is told that it is disabled, not that its certificate is bad.
        Ok(anchor) if !own.is_enabled() => Ok(attested(own, Some(anchor.certificate))),
        elsewhere => {
            let instead_of = elsewhere.ok().map(|anchor| anchor.stands_for.name().to_owned());
            Err(Refusal::new(fault, Judge::individual(own, instead_of)).saying(INVALID))
        }
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

/// The group that has the device, which takes two ways up the chain: to a certificate of a group, and
/// to one of the instance that is verified.
fn find_group<'a>(
    instance: &'a Instance,
    enrollments: &'a Enrollments,
    chain: &DeviceChain,
    now: SystemTime,
) -> Result<GroupAnchor<'a>, Refusal> {
    let reach = |is_meant: &dyn Fn(&InstanceCertificate) -> bool| {
        let anchors: Vec<_> = instance
            .certificates
            .iter()
            .filter(|it| is_meant(it))
            .map(|it| Anchor { certificate: &it.certificate, stands_for: it.name.as_str() })
            .collect();
        chain.first_enrolled(&anchors, now).ok().map(|anchor| anchor.stands_for.to_owned())
    };
    let counts = |it: &InstanceCertificate| it.is_verified || !instance.requires_verified_ca;
    let group = chain.first_enrolled(&anchors(instance, enrollments), now);
    match (group, reach(&counts)) {
        (Ok(anchor), None) if instance.requires_verified_ca => {
            let group = anchor.stands_for.name().to_owned();
            let unverified = reach(&|it| !it.is_verified);
            let fault = X509Fault::NoVerifiedCa { group: group.clone(), unverified };
            Err(Refusal::new(fault, Judge::Group(group)).saying(CA_NOT_FOUND))
        }
        (Ok(anchor), _) => Ok(anchor),
        (Err(X509Fault::UnknownChain { .. } | X509Fault::SelfSigned), Some(ca)) => {
            let fault = X509Fault::NoGroup { ca };
            Err(Refusal::new(fault, Judge::Nobody).saying(NO_SIGNING_CERTIFICATE))
        }
        (Err(fault), Some(_)) => {
            Err(Refusal::new(fault, Judge::Nobody).saying(NO_SIGNING_CERTIFICATE))
        }
        (Err(fault), None) => Err(Refusal::new(fault, Judge::Nobody).saying(CA_NOT_FOUND)),
    }
}

/// All certificates that vouch for the devices of groups, in order of the groups' names.
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
