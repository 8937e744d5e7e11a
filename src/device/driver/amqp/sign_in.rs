//! How the device signs in to the service: with a token, with its TPM, or not at all, where it has shown a
//! certificate.

use super::line::Prove;
use super::opening::SignIn;
use crate::attestation::{SasToken, SignerError, TpmError};
use crate::device::driver::clock::Clock;
use crate::device::driver::proof::Proof;
use crate::device::exchange::{ConnectFailure, Event};
use crate::device::settings::KEY_NAME;
use crate::device::wrapped_key::{KeyPurpose, WrappedKey};
use crate::wire::RegistrationAddress;
use crate::wire::sasl_tpm::Introduction;

/// What is signed before the connection is opened. A TPM signs while it is.
pub(super) async fn token(
    proof: &Proof<'_>,
    clock: &Clock,
) -> Result<Option<SasToken>, SignerError> {
    match proof.platform() {
        Some(_) => Ok(None),
        None => proof.token(clock).await,
    }
}

/// What the device signs in with.
pub(super) fn sign_in(
    proof: &Proof<'_>,
    token: Option<&SasToken>,
    address: &RegistrationAddress,
    hostname: String,
) -> Option<SignIn> {
    let user_name = address.to_string();
    let Some(keys) = proof.keys() else {
        return token.map(|token| SignIn::plain(user_name, token.as_str(), hostname));
    };
    let introduction = Introduction {
        id_scope: address.id_scope.as_str().into(),
        registration_id: address.registration_id.as_str().into(),
        endorsement_key: keys.endorsement.as_bytes(),
    };
    let storage_root_key = keys.storage_root.as_bytes().to_vec();
    Some(SignIn::tpm(user_name, &introduction, storage_root_key, hostname))
}

/// How the TPM takes the key that it is given, and signs with it.
pub(super) fn prove<'a>(proof: &'a mut Proof<'_>, clock: &'a Clock) -> Prove<'a> {
    Box::new(move |blob| {
        Box::pin(async move {
            // Over SASL nobody says what the token calls it.
            let purpose = KeyPurpose::Proof { name: KEY_NAME.to_owned() };
            let taken = proof.take_key(WrappedKey { blob, purpose }, clock).await;
            if let Event::KeyRefused(error) = taken {
                return Err(ConnectFailure::Tpm(error));
            }
            let token = proof.token(clock).await?;
            token.ok_or_else(|| {
                ConnectFailure::Tpm(TpmError::Unusable("it has no key to sign with".to_owned()))
            })
        })
    })
}
