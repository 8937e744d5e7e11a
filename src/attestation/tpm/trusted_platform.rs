//! A TPM, wherever it is.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::super::signer::{Asked, Signer};
use super::blob_fault::BlobFault;
use super::public::TpmPublic;
use crate::wire::TpmKeys;

/// A TPM that a device has: in software, in a simulator, or a real one. It tells its public keys and takes
/// keys that were encrypted for it; those never leave it (B.5).
pub trait Tpm: fmt::Debug + Send + Sync {
    /// The public halves of its keys.
    fn keys(&self) -> Asked<'_, TpmPublicKeys, TpmError>;

    /// Takes the key that `blob` holds, encrypted for this TPM: the bytes of an `authenticationKey`.
    fn take_key<'a>(&'a self, blob: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError>;
}

/// The public halves of the two keys that a TPM has from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TpmPublicKeys {
    /// What tells this TPM from all others.
    pub endorsement: TpmPublic,
    /// What keys are encrypted for.
    pub storage_root: TpmPublic,
}

/// As they are sent.
impl From<&TpmPublicKeys> for TpmKeys {
    fn from(keys: &TpmPublicKeys) -> Self {
        Self {
            endorsement_key: Some(keys.endorsement.to_base64()),
            storage_root_key: Some(keys.storage_root.to_base64()),
        }
    }
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
    Refused(#[from] TpmRefusal),
}

/// Why a TPM does not take a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TpmRefusal {
    /// The blob does not give it.
    #[error(transparent)]
    Blob(#[from] BlobFault),
    /// The TPM says so itself, in its own way.
    #[error("{0}")]
    Other(
        /// In words.
        String,
    ),
}
