//! Who signs for a device: its key, its TPM, or whatever else keeps a key and does not give it away.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

use super::key::DeviceKey;

/// What comes of asking hardware, now or later.
pub type Asked<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A symmetric key that signs, wherever it is kept: a TPM, or a hardware security module, has one and keeps it
/// to itself.
///
/// ```
/// use provision_sim::attestation::{Asked, DeviceKey, Signer, SignerError};
///
/// /// Stands for hardware.
/// #[derive(Debug)]
/// struct Module(DeviceKey);
///
/// impl Signer for Module {
///     fn signature<'a>(&'a self, message: &'a [u8]) -> Asked<'a, [u8; 32], SignerError> {
///         self.0.signature(message)
///     }
/// }
/// ```
pub trait Signer: fmt::Debug + Send + Sync {
    /// HMAC-SHA256 of `message` with the key (D.2).
    fn signature<'a>(&'a self, message: &'a [u8]) -> Asked<'a, [u8; 32], SignerError>;
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SignerError(
    /// In words, what the hardware says.
    pub String,
);

impl Signer for DeviceKey {
    fn signature<'a>(&'a self, message: &'a [u8]) -> Asked<'a, [u8; 32], SignerError> {
        Box::pin(std::future::ready(Ok(self.sign(message))))
    }
}
