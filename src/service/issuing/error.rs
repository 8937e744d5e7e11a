//! Why there is no certificate.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::net::plain;
use crate::pki::PkiError;
use crate::service::instance::NoIssuer;

/// Why an authority that issues certificates to devices cannot be had, or issues none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssuingError {
    /// Nobody of that name is configured.
    #[error(transparent)]
    NoIssuer(#[from] NoIssuer),
    /// Its file cannot be used.
    #[error("cannot {action} {}: {}", path.display(), plain(.source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is in its file is no authority.
    #[error(
        "{} is not usable as an authority that issues certificates: {reason}; delete it to have a new one \
         made, after which devices need new certificates", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be made, or cannot issue.
    #[error(transparent)]
    Pki(#[from] PkiError),
}
