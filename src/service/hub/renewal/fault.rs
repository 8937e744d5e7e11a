//! Why a device is not issued a certificate by its hub, and how it is told (I.4).

use thiserror::Error;

use super::answer::Accepted;
use crate::wire::{
    CREDENTIALS_RID, ErrorCode, IssueFailureInfo, MAX_CSR, ObjectFault, nano_timestamp,
};

/// What the device is told whose request cannot be granted in the end.
const UNABLE: &str = "Unable to complete the certificate request at this time.";

/// Why there is no certificate. What it says is what the device is told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RenewalFault {
    /// There is nothing in the request.
    #[error("The request for a certificate has no body; send JSON with 'id' and 'csr'.")]
    Empty,
    /// It cannot be read.
    #[error("cannot decode json format: {0}")]
    NotJson(ObjectFault),
    /// It has another shape.
    #[error("The request for a certificate cannot be used: {0}.")]
    Shape(ObjectFault),
    /// A member that it must not have.
    #[error(
        "The request for a certificate has the unknown member '{0}'; there are 'id', 'csr' and 'replace'."
    )]
    UnknownMember(String),
    /// It does not say whose it is.
    #[error("The 'id' of the request for a certificate is missing or empty; send the device ID.")]
    NoId,
    /// It is another device's.
    #[error(
        "The 'id' of the request for a certificate is '{found}'; send that of the device that signed in, \
         '{expected}'."
    )]
    OtherId {
        /// The one that it has.
        found: String,
        /// Who signed in.
        expected: String,
    },
    /// It has nothing to be signed.
    #[error(
        "The 'csr' of the request for a certificate is missing or empty; send a PKCS #10 request, Base64 of \
         DER in one line."
    )]
    NoCsr,
    /// That is too long.
    #[error(
        "The 'csr' of the request for a certificate has {0} characters, at most {MAX_CSR} are taken."
    )]
    CsrTooLong(usize),
    /// That is no Base64.
    #[error("The 'csr' of the request for a certificate is not Base64 of DER in one line.")]
    CsrNotBase64,
    /// It names no request that could be replaced.
    #[error(
        "The 'replace' of the request for a certificate is neither '*' nor a request ID: {CREDENTIALS_RID}."
    )]
    Replace,
    /// Nobody issues certificates to the device.
    #[error(
        "Nobody issues certificates to this device; register it with a certificate request first."
    )]
    NoAuthority,
    /// What shall be replaced is not there.
    #[error("The request '{0}' is not under way and cannot be replaced; leave out 'replace'.")]
    NothingToReplace(String),
    /// Another request is under way.
    #[error(
        "Another request for a certificate is under way, see 'info'; wait for its answer, or ask again with \
         'replace'."
    )]
    Active {
        /// Its name.
        rid: String,
        /// The operation.
        operation: Accepted,
    },
    /// It was taken up, and cannot be granted.
    #[error("{UNABLE}")]
    Unable {
        /// The operation.
        correlation_id: String,
        /// Why, for the device.
        why: String,
        /// Whether the request is to blame.
        is_requests: bool,
    },
}

impl RenewalFault {
    /// The number of this kind of failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotJson(_) => ErrorCode::JSON,
            Self::NoAuthority => ErrorCode::NO_CERTIFICATE_AUTHORITY,
            Self::NothingToReplace(_) => ErrorCode::NOTHING_TO_REPLACE,
            Self::Active { .. } => ErrorCode::CERTIFICATE_UNDER_WAY,
            Self::Unable { .. } => ErrorCode::CERTIFICATE_REQUEST,
            _ => ErrorCode::BAD_REQUEST,
        }
    }

    /// What else there is to know of it.
    pub fn info(&self) -> Option<IssueFailureInfo> {
        match self {
            Self::NothingToReplace(rid) => {
                Some(IssueFailureInfo { request_id: Some(rid.clone()), ..Default::default() })
            }
            Self::Active { rid, operation } => Some(IssueFailureInfo {
                request_id: Some(rid.clone()),
                operation_expires: Some(nano_timestamp(operation.expires)),
                correlation_id: Some(operation.correlation_id.clone()),
                ..Default::default()
            }),
            Self::Unable { correlation_id, why, is_requests } => Some(IssueFailureInfo {
                correlation_id: Some(correlation_id.clone()),
                credential_error: Some(if *is_requests { "400000" } else { "500000" }.to_owned()),
                credential_message: Some(why.clone()),
                ..Default::default()
            }),
            _ => None,
        }
    }
}
