//! Why something cannot be done on a stage.

use thiserror::Error;

use crate::api_client::{CallError, ConnectionStringError};
use crate::attestation::KeyError;
use crate::net::TrustError;
use crate::scenario::against::{AccountError, BodyError};
use crate::service::{AuthorityError, StartError};

/// Why a scenario cannot be played, or a step of it not be done.
#[derive(Debug, Error)]
pub enum StageError {
    /// The service does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No certification authority can be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The service's authority is not accepted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// An allocation function cannot be served.
    #[error("cannot serve the allocation functions: {0}")]
    Function(std::io::Error),
    /// A file or a thread that the service needs cannot be had.
    #[error("cannot {0}: {1}")]
    Io(&'static str, std::io::Error),
    /// The service has no address that a device could dial.
    #[error("the service's own address cannot be dialled: {0}")]
    Address(String),
    /// The service API said no, or nothing.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The service's connection string is none.
    #[error("the service's connection string: {0}")]
    ConnectionString(#[from] ConnectionStringError),
    /// A key of the service is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A service elsewhere cannot be used so.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// An enrollment cannot be made elsewhere.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Whatever else is in the way, in words for whoever wrote the scenario.
    #[error("{0}")]
    Other(String),
}

impl StageError {
    /// In words.
    pub fn other(reason: impl Into<String>) -> Self {
        Self::Other(reason.into())
    }
}
