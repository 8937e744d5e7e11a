//! Does this proof match an enrollment? (D.2, D.3, F.1 step 3)

use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::enrollment::{Attestation, Enrollment, Kind};
use super::instance::Enrollments;
use super::record::ProvenBy;
use crate::attestation::{
    Claims, GroupKeys, KeyMatch, KeySlot, SasFault, SasToken, SignatureFault, diagnose_signature,
};
use crate::wire::{IdScope, RegistrationId};

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
    /// The enrollment that vouches for it.
    pub enrollment: Arc<Enrollment>,
    /// How it proved itself.
    pub proven_by: ProvenBy,
    /// With which key of the enrollment.
    pub matched: KeyMatch,
}

/// Checks a proof: against the device's own enrollment if there is one, else against every group,
/// because the token does not say which is meant (F.1).
///
/// # Errors
///
/// Which check failed, for our own log. `suspects` gives the devices whose keys are tried then.
pub fn attest(
    enrollments: &Enrollments,
    id_scope: &IdScope,
    registration_id: &RegistrationId,
    proof: &Proof,
    now: SystemTime,
    suspects: impl FnOnce() -> Vec<RegistrationId>,
) -> Result<Attested, SasFault> {
    let Proof::Sas(token) = proof else { return Err(SasFault::Absent) };
    let claims = token.claims()?;
    SasFault::check_claims(&claims, id_scope, registration_id, now)?;
    let own = enrollments.find(Kind::Individual, registration_id.as_str());
    let found = match own {
        Some(own) => matching(own, &claims, registration_id),
        None => enrollments.groups().find_map(|group| matching(group, &claims, registration_id)),
    };
    found.ok_or_else(|| {
        let groups = enrollments.groups().filter_map(|group| group_keys(group));
        diagnose_signature(&claims, groups, &suspects()).into()
    })
}

fn matching(
    enrollment: &Arc<Enrollment>,
    claims: &Claims<'_>,
    registration_id: &RegistrationId,
) -> Option<Attested> {
    let matched = match &enrollment.attestation {
        Attestation::GroupKeys(keys) => keys.matching(claims, registration_id),
        Attestation::DeviceKeys(keys) => {
            let slots = [KeySlot::Primary, KeySlot::Secondary].into_iter().zip(keys.iter());
            let mut matching = slots.filter(|(_, key)| claims.is_signed_with(key));
            matching.next().map(|(slot, _)| KeyMatch { slot, folded: false })
        }
        _ => None,
    };
    let proven_by = ProvenBy::SymmetricKey;
    matched.map(|matched| Attested { enrollment: enrollment.clone(), proven_by, matched })
}

fn group_keys(group: &Enrollment) -> Option<&GroupKeys> {
    match &group.attestation {
        Attestation::GroupKeys(keys) => Some(keys),
        _ => None,
    }
}

/// What would have been right, for the log.
pub fn remedy(fault: &SasFault, registration_id: &RegistrationId) -> String {
    match fault {
        SasFault::Absent => "send the SAS token as MQTT password".to_owned(),
        SasFault::Malformed(_) => {
            "expected SharedAccessSignature sr=<idScope>%2Fregistrations%2F<registrationId>&sig=…&se=…&skn=registration".to_owned()
        }
        SasFault::Names(_) => "sign for the same ID scope and registration ID as in the user name".to_owned(),
        SasFault::Expired(_) => "is the device's clock right, and is its token renewed?".to_owned(),
        SasFault::Signature(SignatureFault::GroupKeyItself { slot }) => format!(
            "derive the device's key from the {} group key: provision-sim derive-key --reg-id {registration_id}",
            slot_name(*slot)
        ),
        SasFault::Signature(SignatureFault::KeyOf(_)) => {
            format!("derive the key of this device: provision-sim derive-key --reg-id {registration_id}")
        }
        SasFault::Signature(_) => format!(
            "the key was derived from another group key, for an ID never seen here, or mistyped; provision-sim derive-key --reg-id {registration_id} gives the right one"
        ),
    }
}

/// The word for a key slot.
pub fn slot_name(slot: KeySlot) -> &'static str {
    match slot {
        KeySlot::Primary => "primary",
        KeySlot::Secondary => "secondary",
    }
}
