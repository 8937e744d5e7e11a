//! Finds the check for a proof.

use std::time::SystemTime;

use super::judge::Judge;
use super::proof::{Answer, Proof};
use super::refusal::Refusal;
use super::tpm::Nonce;
use super::tpm_fault::TpmFault;
use super::{certificates, sas, tpm};
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
    (id_scope, registration_id): (&IdScope, &RegistrationId),
    (proof, nonce): (&Proof, Nonce<'_>),
    now: SystemTime,
    suspects: impl FnOnce() -> Vec<RegistrationId>,
) -> Result<Answer, Refusal> {
    let expected = (id_scope, registration_id);
    match proof {
        Proof::Sas(token) => {
            sas::attest(enrollments, expected, token, nonce, now, suspects).map(Answer::Attested)
        }
        Proof::Certificates(presented) => {
            certificates::attest(instance, enrollments, registration_id, presented, now)
                .map(Answer::Attested)
        }
        Proof::Tpm(shown) => match tpm::token_alone(enrollments, registration_id, shown, nonce) {
            Some(token) => sas::attest(enrollments, expected, token, nonce, now, suspects)
                .map(Answer::Attested),
            None => tpm::attest(enrollments, expected, shown, nonce, now),
        },
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
        Some(own) if tpm::is_tpm(own) => Refusal::new(TpmFault::Absent, judge),
        Some(_) => Refusal::new(SasFault::Absent, judge),
        None if x509_groups == 0 => Refusal::new(SasFault::Absent, judge),
        None if x509_groups == groups().count() => Refusal::new(X509Fault::Absent, judge),
        // Either would do (J-75).
        None => Refusal::new(SasFault::NothingSent { x509_groups }, judge),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::service::enrollment::read;

    /// A group of symmetric keys, and one of the instance's authorities.
    const KEYS: &str = r#"{"enrollmentGroupId":"keys","attestation":{"type":"symmetricKey"}}"#;
    const X509: &str = r#"{"enrollmentGroupId":"x509","attestation":{"type":"x509","x509":{"caReferences":{"primary":"ca"}}}}"#;

    #[test]
    fn j_75_a_device_that_sends_nothing_is_told_what_its_enrollments_want() {
        let id: RegistrationId = "pump-0042".parse().unwrap();
        let told = |groups: &[&str]| {
            let mut enrollments = Enrollments::default();
            for json in groups {
                let group = read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap();
                enrollments.put(Arc::new(group));
            }
            let refusal = absent(&enrollments, &id);
            (refusal.fault.as_word(), refusal.text(&id))
        };

        let (word, text) = told(&[KEYS, X509]);
        assert_eq!(word, "noToken");
        assert!(
            text.contains(
                "neither a SAS token as password nor a client certificate was sent; 1 of the \
                 enrollment groups are for X.509"
            ),
            "{text}"
        );
        assert!(text.contains("or a client certificate in the TLS handshake"), "{text}");
        let (word, text) = told(&[KEYS]);
        assert_eq!(word, "noToken");
        assert!(text.contains("no SAS token was sent") && !text.contains("certificate"), "{text}");
        assert_eq!(told(&[X509]).0, "noCertificate");
        assert_eq!(told(&[]).0, "noToken");
    }
}
