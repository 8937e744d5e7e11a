//! Attestation by SAS token (D.2, D.3).

use std::sync::Arc;
use std::time::SystemTime;

use super::fault::Fault;
use super::judge::Judge;
use super::proof::{Attested, Evidence};
use super::refusal::Refusal;
use super::tpm::{self, Nonce};
use super::tpm_fault::A_TPM;
use crate::attestation::{
    Claims, DeviceKey, GroupKeys, KeyMatch, KeySlot, KnownKeys, SasFault, SasToken, SignatureFault,
    X509Fault, groups_to_ask,
};
use crate::service::enrollment::{Attestation, Enrollment, Enrollments, Kind, Subject};
use crate::wire::{IdScope, RegistrationId};

/// Checks a token against the device's own enrollment if there is one, else against every group,
/// because the token does not say which is meant (F.1).
pub(super) fn attest(
    enrollments: &Enrollments,
    (id_scope, registration_id): (&IdScope, &RegistrationId),
    token: &SasToken,
    nonce: Nonce<'_>,
    now: SystemTime,
    suspects: impl FnOnce() -> Vec<RegistrationId>,
) -> Result<Attested, Refusal> {
    let unasked = |fault: SasFault| Refusal::new(fault, Judge::Nobody);
    let claims = token.claims().map_err(|fault| unasked(fault.into()))?;
    SasFault::check_claims(&claims, id_scope, registration_id, now).map_err(unasked)?;
    let own = enrollments.find(Kind::Individual, registration_id.as_str());
    if let Some(own) = own
        && tpm::is_tpm(own)
        && !matches!(nonce, Nonce::NotServed)
    {
        return tpm::attest_token(own, (id_scope, registration_id), token, nonce, now);
    }
    if let Some(own) = own
        && let Some(fault) = other_attestation(own)
    {
        let instead_of = taking_group(enrollments, &claims, registration_id);
        let judge = Judge::individual(own, instead_of);
        return Err(Refusal { fault, ..Refusal::new(SasFault::Absent, judge) });
    }
    let found = match own {
        Some(own) => matching(own, &claims, registration_id),
        None => enrollments.groups().find_map(|group| matching(group, &claims, registration_id)),
    };
    found.ok_or_else(|| {
        let keys = known_keys(enrollments, own, suspects());
        let fault = keys.diagnose(&claims, registration_id);
        let judge = match (own, &fault) {
            (Some(own), SignatureFault::OfGroup { group }) => {
                Judge::individual(own, Some(group.clone()))
            }
            (Some(own), _) => Judge::individual(own, None),
            (None, _) => Judge::Groups { count: keys.groups.len() },
        };
        Refusal::new(SasFault::from(fault), judge)
    })
}

/// What its own enrollment wants, if no token will do.
fn other_attestation(own: &Enrollment) -> Option<Fault> {
    match &own.attestation {
        it if it.is_x509() => Some(X509Fault::Absent.into()),
        Attestation::Tpm { .. } => Some(SasFault::OtherAttestation { wanted: A_TPM }.into()),
        _ => None,
    }
}

/// The group that would have the device if it had no enrollment of its own. Looked for among as many
/// as a diagnosis asks.
fn taking_group(
    enrollments: &Enrollments,
    claims: &Claims<'_>,
    registration_id: &RegistrationId,
) -> Option<String> {
    let mut groups = enrollments.groups().take(groups_to_ask(registration_id));
    let found = groups.find(|group| matching(group, claims, registration_id).is_some())?;
    Some(found.name().to_owned())
}

/// How many enrollments are looked at to help somebody whose key is wrong (J-211).
const MOST_ENROLLMENTS: usize = 500;

fn known_keys<'a>(
    enrollments: &'a Enrollments,
    own: Option<&'a Arc<Enrollment>>,
    candidates: Vec<RegistrationId>,
) -> KnownKeys<'a> {
    let groups = enrollments.groups();
    let others = enrollments.iter().take(MOST_ENROLLMENTS).flat_map(|it| match &it.subject {
        Subject::Individual { registration_id, .. } => {
            device_keys(it).into_iter().map(|key| (registration_id, key)).collect()
        }
        Subject::Group { .. } => Vec::new(),
    });
    KnownKeys {
        own: own.map(|own| device_keys(own)).unwrap_or_default(),
        groups: groups.filter_map(|group| Some((group.name(), group_keys(group)?))).collect(),
        others: others.collect(),
        candidates,
    }
}

fn device_keys(enrollment: &Enrollment) -> Vec<&DeviceKey> {
    match &enrollment.attestation {
        Attestation::DeviceKeys(keys) => keys.iter().collect(),
        _ => Vec::new(),
    }
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::attestation::{GroupKey, registration_resource};
    use crate::service::enrollment::read;

    const KEY: &str =
        "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";
    const EXPIRY: Duration = Duration::from_secs(1_893_456_000);

    /// Groups of these names, all with the same key.
    fn groups(names: &[&str]) -> Enrollments {
        let mut groups = Enrollments::default();
        for name in names {
            let json = format!(
                r#"{{"enrollmentGroupId":"{name}","attestation":
                    {{"type":"symmetricKey","symmetricKey":{{"primaryKey":"{KEY}"}}}}}}"#
            );
            groups.put(Arc::new(read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap()));
        }
        groups
    }

    /// The group that a token of a device of these groups leads to, at a time before its expiry.
    fn attested(groups: &Enrollments, before_expiry: Duration) -> Result<String, Refusal> {
        let id_scope: IdScope = "0ne00000000".parse().unwrap();
        let registration_id: RegistrationId = "pump-0042".parse().unwrap();
        let key = KEY.parse::<GroupKey>().unwrap().derive(&registration_id);
        let resource = registration_resource(&id_scope, &registration_id);
        let token = SasToken::sign(&resource, &key, UNIX_EPOCH + EXPIRY);
        let now = UNIX_EPOCH + EXPIRY - before_expiry;
        let expected = (&id_scope, &registration_id);
        attest(groups, expected, &token, Nonce::Forgotten, now, Vec::new)
            .map(|attested| attested.enrollment.name().to_owned())
    }

    #[test]
    fn j_50_of_several_groups_that_a_token_fits_the_first_by_name_has_the_device() {
        let name = attested(&groups(&["valves", "Motors", "pumps"]), Duration::from_secs(1));

        assert_eq!(name.unwrap(), "Motors");
    }

    #[test]
    fn j_37_a_token_counts_by_the_clock_of_each_check() {
        let groups = groups(&["pumps"]);

        assert!(attested(&groups, Duration::from_secs(1)).is_ok());
        assert_eq!(attested(&groups, Duration::ZERO).unwrap_err().fault.as_word(), "expired");
    }

    #[test]
    fn k_13_a_group_derived_key_against_an_individual_enrollment_is_told_which_decides() {
        let mut enrollments = groups(&["pumps"]);
        let refused = |enrollments: &Enrollments| {
            let id: RegistrationId = "pump-0042".parse().unwrap();
            let id_scope: IdScope = "0ne00000000".parse().unwrap();
            let key = KEY.parse::<GroupKey>().unwrap().derive(&id);
            let token =
                SasToken::sign(&registration_resource(&id_scope, &id), &key, UNIX_EPOCH + EXPIRY);
            let nonce = Nonce::NotServed;
            let refusal =
                attest(enrollments, (&id_scope, &id), &token, nonce, UNIX_EPOCH, Vec::new);
            let refusal = refusal.unwrap_err();
            (refusal.fault.as_word(), refusal.text(&id))
        };

        for (word, attestation) in [
            ("keyOfGroup", r#""type":"symmetricKey""#),
            ("otherAttestation", r#""type":"tpm","tpm":{"endorsementKey":"AAAA"}"#),
        ] {
            let own = format!(
                r#"{{"registrationId":"Pump-0042","provisioningStatus":"disabled","attestation":{{{attestation}}}}}"#
            );
            let own = read(Kind::Individual, own.as_bytes(), UNIX_EPOCH, 0, None).unwrap();
            enrollments.put(Arc::new(own));

            let (found, text) = refused(&enrollments);

            assert_eq!(found, word, "{text}");
            let decides = "individual enrollment \"Pump-0042\" decides, whatever its state; \
                           enrollment group \"pumps\" would take the device, but is not asked";
            assert!(text.contains(decides), "{text}");
            assert!(!text.contains("derive-key"), "that is what it did: {text}");
        }
    }
}
