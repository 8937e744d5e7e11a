//! Why a request is none, before any proof is looked at (A.5).

use thiserror::Error;

use crate::pki::CertificateRequestFault;
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
    /// The certificate that it asks for is not granted to anybody, or not to this device.
    #[error(transparent)]
    Certificate(CertificateRequestFault),
    /// A lookup asks for a certificate.
    #[error(
        "a lookup of a registration asks for a certificate (`csr`), which only a register request can; \
         leave it out"
    )]
    CertificateInLookup,
}

impl RequestFault {
    /// The code for the device.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Body(_) => ErrorCode::DESERIALIZATION,
            Self::ApiVersion(_)
            | Self::RegistrationId { .. }
            | Self::Certificate(_)
            | Self::CertificateInLookup => ErrorCode::BAD_REQUEST,
        }
    }
}
