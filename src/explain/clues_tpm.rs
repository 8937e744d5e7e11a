//! What is known where a device proves itself by a TPM (B.5).

use super::Context;
use super::entry::About;
use super::facts::Clue;
use crate::attestation::{BlobFault, TpmError, TpmRefusal};
use crate::device::Rejection;
use crate::wire::RegistrationId;

/// 404201, which says of three things that one of them is so (J-382).
pub(super) fn not_enrolled(id: &RegistrationId) -> Vec<Clue> {
    vec![
        Clue::new(
            About::Enrollment,
            format!(
                "{id} has no individual enrollment, or one for another TPM, or one that wants something else than a TPM"
            ),
        )
        .remedy(
            "`provision-sim tpm show` prints the enrollment of this TPM; compare it with the one that is there, \
             ID and endorsement key",
        ),
        Clue::new(
            About::Id,
            "the ID that was enrolled is the hash of the endorsement key, and another was given here",
        )
        .remedy("leave --reg-id out: then the device has the ID that goes with its TPM"),
    ]
}

/// 401 without another challenge: its storage root key, or its token.
pub(super) fn unauthorized(rejection: &Rejection) -> Vec<Clue> {
    // The word of a challenge, which is no error object.
    if rejection.error.is_none() {
        return vec![
            Clue::new(About::Any, "the service asks for a proof by the TPM at every turn")
                .remedy("see that one instance of the service answers, not several in turn"),
        ];
    }
    vec![
        Clue::new(
            About::Enrollment,
            "the enrollment has a storage root key, and the TPM has another one: it was cleared, or makes it by another template",
        )
        .remedy("enroll the storage root key that `provision-sim tpm show` prints, or none"),
        Clue::new(
            About::Any,
            "another device registered under this ID meanwhile: the service remembers the last key alone that a TPM was given",
        )
        .remedy("register one device at a time under one ID"),
    ]
}

/// 400004: what the TPM calls its keys is none that the service can read.
pub(super) fn bad_keys() -> Clue {
    Clue::new(About::Any, "the service cannot read one of the TPM's public keys")
        .remedy("let the TPM make RSA keys of 2048 bits by the TCG's templates")
}

/// A TPM in software knows which check failed (J-377).
pub(super) fn of_tpm(error: &TpmError, context: &Context) -> Option<Clue> {
    let TpmError::Refused(TpmRefusal::Blob(fault)) = error else { return None };
    match fault {
        BlobFault::OtherTpm => {
            let id = &context.registration_id;
            let cause = format!("the service encrypted for another TPM than the one {id} has here");
            let enrolled = "compare `provision-sim tpm show` with the enrollment's endorsement key";
            Some(Clue::new(About::Enrollment, cause).remedy(enrolled))
        }
        BlobFault::OtherStorageRootKey => Some(
            Clue::certain(
                About::Any,
                "the TPM was cleared, or its state replaced, between telling its keys and taking this one",
            )
            .remedy("register again: the device shows the keys that the TPM has now"),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::attestation::SoftwareTpm;
    use crate::device::Error;
    use crate::explain::{Explanation, Proof, explain};
    use crate::wire::ErrorCode;

    fn explained(error: &Error) -> Explanation {
        let (endpoint, scope) = ("localhost".parse().unwrap(), "0ne1".parse().unwrap());
        let mut context = Context::of_own_service(endpoint, scope, "pump".parse().unwrap());
        context.proof = Some(Proof::Tpm(Arc::new(SoftwareTpm::with_one_pair())));
        explain(error, &context, UNIX_EPOCH)
    }

    fn rejection(status: u16, code: u32) -> Rejection {
        let body = format!(r#"{{"errorCode":{code},"trackingId":"","message":"no"}}"#);
        Rejection { status, error: serde_json::from_str(&body).ok(), says: None }
    }

    #[test]
    fn b_5_a_tpm_that_is_not_enrolled_is_told_by_what_it_may_be() {
        let code = ErrorCode::ENROLLMENT_NOT_FOUND.0;

        let told = explained(&Error::Rejected(rejection(404, code)));

        assert_eq!(told.entry.key, "404201");
        assert!(told.causes[0].starts_with("pump has no individual enrollment, or"), "{told:?}");
        assert!(told.remedies[0].starts_with("`provision-sim tpm show` prints"), "{told:?}");
        let keys = explained(&Error::Rejected(rejection(400, 400_004)));
        assert!(keys.causes[0].contains("public keys"), "{keys:?}");
    }

    #[test]
    fn j_383_a_tpm_that_is_not_believed_hears_nothing_of_keys_and_certificates() {
        let told = explained(&Error::Unauthorized(rejection(401, 401_002)));

        assert!(told.causes[0].contains("a storage root key"), "{told:?}");
        let texts = told.causes.iter().chain(&told.remedies);
        assert!(texts.clone().all(|text| !text.contains("certificate")), "{told:?}");
        assert!(texts.clone().all(|text| !text.contains("the token is signed")), "{told:?}");
    }

    #[test]
    fn j_377_a_key_for_another_tpm_and_one_for_a_tpm_that_was_cleared_are_told_apart() {
        let of = |fault: BlobFault| {
            let told = explained(&Error::Tpm(TpmError::Refused(fault.into())));
            assert_eq!(told.entry.key, "tpm-key");
            (told.causes[0].clone(), told.is_certain)
        };

        let (other, is_certain) = of(BlobFault::OtherTpm);
        assert!(other.starts_with("the service encrypted for another TPM"), "{other}");
        assert!(!is_certain);
        let (cleared, is_certain) = of(BlobFault::OtherStorageRootKey);
        assert!(cleared.starts_with("the TPM was cleared"), "{cleared}");
        assert!(is_certain);
    }
}
