//! A TPM, wherever it is.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::signer::{Asked, Signer};
use crate::wire::TpmKeys;

/// A TPM that a device has: in software, in a simulator, or a real one. It tells its public keys and takes
/// keys that were encrypted for it; those never leave it (B.5).
pub trait Tpm: fmt::Debug + Send + Sync {
    /// Its endorsement key and its storage root key, both there, as they are sent.
    fn keys(&self) -> Asked<'_, TpmKeys, TpmError>;

    /// Takes the key that `blob` holds, encrypted for this TPM: the bytes of an `authenticationKey`.
    fn take_key<'a>(&'a self, blob: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError>;
}

/// Why a TPM does not do what is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TpmError {
    /// It cannot be reached, or is not used as it must be.
    #[error("the TPM cannot be used: {0}")]
    Unusable(
        /// In words.
        String,
    ),
    /// It does not take the key.
    #[error("the TPM does not take the key: {0}")]
    Refused(
        /// Which check failed.
        String,
    ),
}
