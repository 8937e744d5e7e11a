//! Why a request is none, before any proof is looked at (A.5).

use thiserror::Error;

use crate::wire::{ApiVersion, ErrorCode, ObjectFault, RegistrationId};

/// Why a request is none. In words for the log; the device is told what DPS says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum RequestFault {
    /// The version is too old, or none.
    #[error("Unsupported api-version: {0} is older than any that is served (J-11)")]
    ApiVersion(ApiVersion),
    /// The body cannot be read.
    #[error("the body cannot be read: {0}")]
    Body(#[from] ObjectFault),
    /// The body names another device.
    #[error(
        "Invalid RegistrationId: the body names {found:?}, the connection {expected}; `registrationId` \
         may be left out"
    )]
    RegistrationId {
        /// What the body says.
        found: String,
        /// Who asks.
        expected: RegistrationId,
    },
}

impl RequestFault {
    /// The code for the device.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Body(_) => ErrorCode::DESERIALIZATION,
            Self::ApiVersion(_) | Self::RegistrationId { .. } => ErrorCode::BAD_REQUEST,
        }
    }
}
