//! Where an operation stands.

use super::issued::IssuedChain;
use crate::attestation::Certificate;
use crate::pki::CertificateRequest;
use crate::wire::{ApiVersion, ErrorCode, Payload, Status, Substatus, TpmKeys};

/// What a registration in progress still needs to find its hub. It is kept with the record, so that
/// a service that is started again can finish it (J-32).
#[derive(Debug, Clone, PartialEq)]
pub struct PendingAllocation {
    /// What the device has to say to a webhook.
    pub payload: Option<Payload>,
    /// Which shape of replies it understands.
    pub api_version: ApiVersion,
    /// Its certificate, if that is how it proved itself.
    pub certificate: Option<Certificate>,
    /// The keys of its TPM, if that is how it proved itself.
    pub tpm: Option<TpmKeys>,
    /// The certificate that it wants.
    pub request: Option<CertificateRequest>,
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// In progress.
    Assigning(Box<PendingAllocation>),
    /// Done: the record's assignment tells the hub.
    Assigned {
        /// How it came about, in the newest API version's words (F.6).
        substatus: Substatus,
        /// What the webhook has to say to the device.
        payload: Option<Payload>,
        /// The key for its hub, in Base64, encrypted for its TPM; of a device that has one (B.5).
        authentication_key: Option<String>,
        /// The certificate that it asked for.
        issued: Option<IssuedChain>,
    },
    /// Ended without a hub.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The same in words.
        message: String,
    },
    /// The enrollment is disabled.
    Disabled,
}

impl Outcome {
    /// Whether a webhook has written some of it.
    pub fn has_foreign_text(&self) -> bool {
        matches!(self, Self::Assigned { payload: Some(_), .. } | Self::Failed { .. })
    }

    /// The word for it on the wire.
    pub fn status(&self) -> Status {
        match self {
            Self::Assigning(_) => Status::Assigning,
            Self::Assigned { .. } => Status::Assigned,
            Self::Failed { .. } => Status::Failed,
            Self::Disabled => Status::Disabled,
        }
    }
}
