//! Attestation by TPM (B.5, D.6): a device shows the public keys of its TPM, is given a key that only this
//! TPM can decrypt, and signs a token with it.
//!
//! Pure: the key is made, and remembered, by whoever asks.

use std::sync::Arc;
use std::time::SystemTime;

use super::judge::Judge;
use super::platform::Platform;
use super::proof::{Answer, Attested, Challenge, Evidence, TpmProof};
use super::refusal::Refusal;
use super::tpm_fault::TpmFault;
use crate::attestation::{DeviceKey, KnownKeys, SasFault, SasToken, SignatureFault};
use crate::service::enrollment::{Attestation, Enrollment, Enrollments, Kind};
use crate::wire::{IdScope, RegistrationId, TpmKeys};

/// What a device's TPM was given last, to sign with.
#[derive(Debug, Clone, Copy)]
pub enum Nonce<'a> {
    /// Nothing, for no TPM can prove itself by this transport.
    NotServed,
    /// Nothing that is remembered.
    Forgotten,
    /// This key.
    Given(&'a DeviceKey, &'a Arc<Platform>),
}

/// The token of a device that shows the keys of a TPM where they mean nothing: it is not enrolled with one,
/// and was given nothing to sign with.
pub(super) fn token_alone<'a>(
    enrollments: &Enrollments,
    registration_id: &RegistrationId,
    shown: &'a TpmProof,
    nonce: Nonce<'_>,
) -> Option<&'a SasToken> {
    let enrolled = enrollments.find(Kind::Individual, registration_id.as_str());
    let counts = enrolled.is_some_and(|own| is_tpm(own)) || matches!(nonce, Nonce::Given(..));
    shown.token.as_ref().filter(|_| !counts)
}

/// Checks the keys of a TPM, with or without a token (B.5).
pub(super) fn attest(
    enrollments: &Enrollments,
    (id_scope, registration_id): (&IdScope, &RegistrationId),
    TpmProof { keys, token }: &TpmProof,
    nonce: Nonce<'_>,
    now: SystemTime,
) -> Result<Answer, Refusal> {
    let challenge = challenge(enrollments, registration_id, keys)?;
    match (token, nonce) {
        (Some(token), Nonce::Given(key, given)) if **given == *challenge.platform => {
            let Challenge { enrollment, .. } = challenge;
            check_token(&enrollment, (id_scope, registration_id), token, key, now)?;
            let evidence = Evidence::Tpm(given.clone());
            Ok(Answer::Attested(Attested { enrollment, evidence }))
        }
        // A token for a key that is not remembered: the device is given another (J-381).
        _ => Ok(Answer::Challenge(challenge)),
    }
}

/// Checks the keys of a TPM, whose device has still to prove that it has it.
///
/// # Errors
///
/// If it is not enrolled with that TPM, or nothing can be encrypted for it.
pub fn challenge(
    enrollments: &Enrollments,
    registration_id: &RegistrationId,
    keys: &TpmKeys,
) -> Result<Challenge, Refusal> {
    let own = own(enrollments, registration_id)?;
    let refusal = |fault: TpmFault| Refusal::of_tpm_checks(fault, Judge::individual(own, None));
    check_kind(own)?;
    let platform = Platform::read(keys).map_err(|fault| refusal(fault.into()))?;
    check_keys(own, &platform)?;
    platform.check_kind_of_keys().map_err(refusal)?;
    Ok(Challenge { enrollment: own.clone(), platform: Arc::new(platform) })
}

fn own<'a>(
    enrollments: &'a Enrollments,
    registration_id: &RegistrationId,
) -> Result<&'a Arc<Enrollment>, Refusal> {
    let own = enrollments.find(Kind::Individual, registration_id.as_str());
    own.ok_or_else(|| Refusal::of_tpm_checks(TpmFault::NotEnrolled, Judge::Nobody))
}

/// Checks a token that came without the keys of the TPM, as polls do, against the device's own enrollment.
pub(super) fn attest_token(
    own: &Arc<Enrollment>,
    expected: (&IdScope, &RegistrationId),
    token: &SasToken,
    nonce: Nonce<'_>,
    now: SystemTime,
) -> Result<Attested, Refusal> {
    let Nonce::Given(key, platform) = nonce else {
        return Err(Refusal::of_tpm_checks(TpmFault::NotChallenged, Judge::individual(own, None)));
    };
    // The enrollment may be another by now.
    check_keys(own, platform)?;
    check_token(own, expected, token, key, now)?;
    Ok(Attested { enrollment: own.clone(), evidence: Evidence::Tpm(platform.clone()) })
}

/// Whether its device has a TPM.
pub(super) fn is_tpm(enrollment: &Enrollment) -> bool {
    matches!(enrollment.attestation, Attestation::Tpm { .. })
}

fn check_kind(own: &Enrollment) -> Result<(), Refusal> {
    let wanted = match &own.attestation {
        Attestation::Tpm { .. } => return Ok(()),
        it if it.is_x509() => "a certificate",
        _ => "the SAS token of a key",
    };
    Err(Refusal::of_tpm_checks(TpmFault::OtherAttestation { wanted }, Judge::individual(own, None)))
}

/// Whether the TPM is the one that is enrolled. A storage root key that is not enrolled may be any, for
/// clearing a TPM changes it (J-383).
fn check_keys(own: &Enrollment, platform: &Platform) -> Result<(), Refusal> {
    let Attestation::Tpm { endorsement_key, storage_root_key } = &own.attestation else {
        return check_kind(own);
    };
    let refusal = |fault: TpmFault| Refusal::of_tpm_checks(fault, Judge::individual(own, None));
    if !platform.endorsement_key.is(endorsement_key) {
        return Err(refusal(TpmFault::EndorsementKey));
    }
    match storage_root_key {
        Some(enrolled) if !platform.storage_root_key.is(enrolled) => {
            Err(refusal(TpmFault::StorageRootKey))
        }
        _ => Ok(()),
    }
}

fn check_token(
    own: &Enrollment,
    (id_scope, registration_id): (&IdScope, &RegistrationId),
    token: &SasToken,
    key: &DeviceKey,
    now: SystemTime,
) -> Result<(), Refusal> {
    let judge = || Judge::individual(own, None);
    let claims =
        token.claims().map_err(|fault| Refusal::of_tpm_checks(SasFault::from(fault), judge()))?;
    SasFault::check_claims(&claims, id_scope, registration_id, now)
        .map_err(|fault| Refusal::of_tpm_checks(fault, judge()))?;
    if claims.is_signed_with(key) {
        return Ok(());
    }
    let keys = KnownKeys { own: vec![key], ..KnownKeys::default() };
    Err(match keys.diagnose(&claims, registration_id) {
        SignatureFault::Unknown => Refusal::of_tpm_checks(TpmFault::Signature, judge()),
        fault => Refusal::of_tpm_checks(SasFault::from(fault), judge()),
    })
}

#[cfg(test)]
mod tests;
