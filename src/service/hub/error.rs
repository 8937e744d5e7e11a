//! What can be wrong with a request about a device of a hub.

use thiserror::Error;

use crate::service::store::StoreError;
use crate::service::twin::TwinError;

/// Why a request about a device was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubError {
    /// The hub has no such device.
    #[error("the hub has no such device")]
    NotFound,
    /// The hub has such a device already.
    #[error("the hub has a device of this name already")]
    AlreadyExists,
    /// Too many messages wait for the device.
    #[error("too many messages wait for the device")]
    MailboxFull,
    /// Another version was meant.
    #[error("the device has another version than If-Match names")]
    PreconditionFailed,
    /// The twin would break a rule.
    #[error(transparent)]
    Twin(#[from] TwinError),
    /// The change could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl HubError {
    /// What cannot be read of a text that was sent, for the log.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Twin(error) => error.detail(),
            _ => None,
        }
    }
}
