//! Attestation by SAS token (D.2, D.3).

use std::sync::Arc;
use std::time::SystemTime;

use super::fault::Fault;
use super::proof::{Attested, Evidence};
use crate::attestation::{
    Claims, GroupKeys, KeyMatch, KeySlot, SasFault, SasToken, X509Fault, diagnose_signature,
};
use crate::service::enrollment::{Attestation, Enrollment, Enrollments, Kind};
use crate::wire::{IdScope, RegistrationId};

/// Checks a token against the device's own enrollment if there is one, else against every group,
/// because the token does not say which is meant (F.1).
pub(super) fn attest(
    enrollments: &Enrollments,
    (id_scope, registration_id): (&IdScope, &RegistrationId),
    token: &SasToken,
    now: SystemTime,
    suspects: impl FnOnce() -> Vec<RegistrationId>,
) -> Result<Attested, Fault> {
    let claims = token.claims().map_err(SasFault::from)?;
    SasFault::check_claims(&claims, id_scope, registration_id, now)?;
    let own = enrollments.find(Kind::Individual, registration_id.as_str());
    if own.is_some_and(|own| own.attestation.is_x509()) {
        return Err(X509Fault::Absent.into());
    }
    let found = match own {
        Some(own) => matching(own, &claims, registration_id),
        None => enrollments.groups().find_map(|group| matching(group, &claims, registration_id)),
    };
    found.ok_or_else(|| {
        let groups = enrollments.groups().filter_map(|group| group_keys(group));
        SasFault::from(diagnose_signature(&claims, groups, &suspects())).into()
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
    let enrollment = enrollment.clone();
    matched.map(|matched| Attested { enrollment, evidence: Evidence::Key(matched) })
}

fn group_keys(group: &Enrollment) -> Option<&GroupKeys> {
    match &group.attestation {
        Attestation::GroupKeys(keys) => Some(keys),
        _ => None,
    }
}
