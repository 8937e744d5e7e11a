//! Why a local service did not start, and what it was expected to see and did not.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::attestation::KeyError;
use crate::net::{EndpointError, TrustError};
use crate::service::{AuthorityError, StartError};
use crate::text::Fault;

/// The enrollment group that every local service has (J-156).
pub(super) const DEFAULT_GROUP: &str = "local-devices";

/// Why a local service did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalServiceError {
    /// The configuration file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The configuration is no TOML, or none of a service.
    #[error("the configuration is wrong: {0}")]
    Toml(#[from] Fault),
    /// An enrollment cannot be written down.
    #[error("{0}")]
    Enrollment(String),
    /// The default group was given a key that is none.
    #[error("the key of the group {}: {_0}", DEFAULT_GROUP)]
    Key(KeyError),
    /// The default group was given another attestation than a symmetric key.
    #[error(
        "the group {} must have a symmetric key; give a group of another name the certificate",
        DEFAULT_GROUP
    )]
    DefaultGroup,
    /// The service does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No certification authority can be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The authority is not accepted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The service's own address cannot be dialled.
    #[error(transparent)]
    Address(#[from] EndpointError),
    /// The operating system does not give what is needed: a thread, a port, a temporary folder.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The thread of the service ended before it was ready.
    #[error("the thread of the service ended before it was ready")]
    Gone,
}

/// An error of the operating system, with what was tried.
pub(super) fn cannot(what: &'static str) -> impl Fn(io::Error) -> LocalServiceError {
    move |source| LocalServiceError::Io { what, source }
}

/// What was expected and did not come, with all that the service saw instead. Its `Debug` is the
/// same text, for `unwrap` in tests.
#[derive(Clone, Error)]
#[error("{0}")]
pub struct Unmet(pub(super) String);

impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
