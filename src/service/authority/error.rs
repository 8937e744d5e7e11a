//! Why there is no authority.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the authority cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// Its folder cannot be used.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is in its folder is no authority, or not a whole one.
    #[error(
        "{path} is not usable as a certification authority: {reason}; delete the folder to have a new one made"
    )]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate of the user's own, or its key, cannot be used.
    #[error("{path}: {reason}")]
    Own {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Minting(String),
}
