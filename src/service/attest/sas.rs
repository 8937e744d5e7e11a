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
    fn attested(groups: &Enrollments, before_expiry: Duration) -> Result<String, Fault> {
        let id_scope: IdScope = "0ne00000000".parse().unwrap();
        let registration_id: RegistrationId = "pump-0042".parse().unwrap();
        let key = KEY.parse::<GroupKey>().unwrap().derive(&registration_id);
        let resource = registration_resource(&id_scope, &registration_id);
        let token = SasToken::sign(&resource, &key, UNIX_EPOCH + EXPIRY);
        let now = UNIX_EPOCH + EXPIRY - before_expiry;
        attest(groups, (&id_scope, &registration_id), &token, now, Vec::new)
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
        assert_eq!(attested(&groups, Duration::ZERO).unwrap_err().as_word(), "expired");
    }
}
