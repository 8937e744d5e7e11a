//! Does this proof match an enrollment? (D.3, F.1 step 3)

use std::time::SystemTime;

use super::enrollment::{EnrollmentGroup, Instance};
use crate::attestation::{
    Claims, KeyMatch, KeySlot, SasFault, SasToken, SignatureFault, diagnose_signature,
};
use crate::wire::{IdScope, RegistrationId};

/// What a device brings to prove itself.
#[derive(Debug)]
pub enum Proof {
    /// A SAS token, or whatever stood in its place.
    Sas(SasToken),
    /// Nothing.
    Absent,
}

/// A device that is who it says.
#[derive(Debug, Clone, Copy)]
pub struct Attested<'a> {
    /// The enrollment group that vouches for it.
    pub group: &'a EnrollmentGroup,
    /// With which key.
    pub matched: KeyMatch,
}

/// Checks a proof against every enrollment group: the token does not say which is meant.
///
/// # Errors
///
/// Which check failed, for our own log. `suspects` gives the devices whose keys are tried then.
pub fn attest<'a>(
    instance: &'a Instance,
    id_scope: &IdScope,
    registration_id: &RegistrationId,
    proof: &Proof,
    now: SystemTime,
    suspects: impl FnOnce() -> Vec<RegistrationId>,
) -> Result<Attested<'a>, SasFault> {
    let Proof::Sas(token) = proof else { return Err(SasFault::Absent) };
    let claims = token.claims()?;
    SasFault::check_claims(&claims, id_scope, registration_id, now)?;
    match find(instance, &claims, registration_id) {
        Some(attested) => Ok(attested),
        None => {
            let groups = instance.enrollment_groups.iter().map(|group| &group.keys);
            Err(diagnose_signature(&claims, groups, &suspects()).into())
        }
    }
}

fn find<'a>(
    instance: &'a Instance,
    claims: &Claims<'_>,
    registration_id: &RegistrationId,
) -> Option<Attested<'a>> {
    instance.enrollment_groups.iter().find_map(|group| {
        let matched = group.keys.matching(claims, registration_id)?;
        Some(Attested { group, matched })
    })
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
