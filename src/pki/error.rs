//! Why a certificate cannot be made.

use thiserror::Error;

/// The longest common name of X.509 (RFC 5280, `ub-common-name`).
pub const MAX_COMMON_NAME: usize = 64;

/// Why a certificate cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PkiError {
    /// The name does not fit into a certificate.
    #[error("{name:?} has {} characters, a certificate's common name has at most {MAX_COMMON_NAME}", .name.len())]
    NameTooLong {
        /// The name.
        name: String,
    },
    /// The cryptography failed.
    #[error("cannot make a certificate: {0}")]
    Minting(String),
    /// What was given as an authority is none, or its key is another's.
    #[error("{0}")]
    NoAuthority(String),
}
