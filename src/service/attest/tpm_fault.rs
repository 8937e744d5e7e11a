//! Why a device with a TPM was not believed.

use thiserror::Error;

use crate::attestation::TpmPublicFault;
use crate::wire::ErrorCode;

/// What an enrollment for a TPM wants, in words.
pub(super) const A_TPM: &str = "a TPM";

/// Why a device with a TPM was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TpmFault {
    /// It shows no keys.
    #[error("it shows no keys of its TPM, which its individual enrollment wants")]
    Absent,
    /// There is no enrollment that could have it.
    #[error("it shows the keys of a TPM, and has no individual enrollment; groups take no TPM")]
    NotEnrolled,
    /// Its enrollment wants something else.
    #[error("it has an individual enrollment, which wants {wanted} and not a TPM")]
    OtherAttestation {
        /// What it wants.
        wanted: &'static str,
    },
    /// What it shows is no key.
    #[error("the keys of its TPM cannot be read: {0}")]
    Keys(#[from] KeyFault),
    /// It has another TPM.
    #[error("its endorsement key is not that of its enrollment")]
    EndorsementKey,
    /// It has the same TPM with another owner.
    #[error("its storage root key is not that of its enrollment; its endorsement key is")]
    StorageRootKey,
    /// Nothing can be encrypted for it.
    #[error("its {member} is no RSA key, and how a key is encrypted for others is not defined")]
    KindOfKey {
        /// Which of the two.
        member: &'static str,
    },
    /// Nothing is remembered that it could have signed with.
    #[error(
        "it brings a SAS token, and no key is remembered that its TPM was given to sign with: none was in \
         the last 10 minutes, or the service was started anew"
    )]
    NotChallenged,
    /// It signed with another key.
    #[error("the SAS token is not signed with the key that its TPM was given last")]
    Signature,
}

/// Why a key of a TPM is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// It is not there.
    #[error("`tpm.{member}` is missing")]
    Missing {
        /// Which one.
        member: &'static str,
    },
    /// It is none.
    #[error("`tpm.{member}`: {reason}")]
    Unreadable {
        /// Which one.
        member: &'static str,
        /// Why.
        reason: TpmPublicFault,
    },
}

impl TpmFault {
    /// A word for logs that programs read.
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Absent => "noTpm",
            Self::NotEnrolled => "notEnrolled",
            Self::OtherAttestation { .. } => "otherAttestation",
            Self::Keys(_) => "tpmKeys",
            Self::EndorsementKey => "endorsementKey",
            Self::StorageRootKey => "storageRootKey",
            Self::KindOfKey { .. } => "kindOfKey",
            Self::NotChallenged => "notChallenged",
            Self::Signature => "signature",
        }
    }

    /// What the device is told, where it can be (B.5, J-382).
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotEnrolled | Self::OtherAttestation { .. } | Self::EndorsementKey => {
                ErrorCode::ENROLLMENT_NOT_FOUND
            }
            Self::Keys(_) => ErrorCode::BAD_REQUEST,
            _ => ErrorCode::UNAUTHORIZED,
        }
    }

    /// The same in words.
    pub(super) fn message(&self) -> &'static str {
        match self.code() {
            ErrorCode::ENROLLMENT_NOT_FOUND => "Enrollment not found.",
            ErrorCode::BAD_REQUEST => "Invalid TPM attestation.",
            _ => "Unauthorized",
        }
    }

    /// What would have been right, for the log.
    pub(super) fn remedy(&self, registration_id: &str) -> String {
        let enroll = "provision-sim enrollment create --local --attestation-type tpm";
        match self {
            Self::Absent => {
                "send `tpm` with the endorsement key and the storage root key, over HTTPS or \
                             AMQP; MQTT has no way to prove a TPM"
                    .to_owned()
            }
            Self::NotEnrolled => format!(
                "enroll it: {enroll} --enrollment-id {registration_id} --endorsement-key KEY"
            ),
            Self::OtherAttestation { .. } => format!(
                "let the device prove itself as that enrollment wants, or enroll its TPM instead: {enroll} \
                 --enrollment-id {registration_id} --endorsement-key KEY"
            ),
            Self::Keys(_) => "send each as TPM2B_PUBLIC in Base64, as a TPM gives it".to_owned(),
            Self::EndorsementKey => format!(
                "is this the TPM that was enrolled? provision-sim enrollment update --local \
                 --enrollment-id {registration_id} --endorsement-key KEY enrolls another"
            ),
            Self::StorageRootKey => {
                "the TPM was cleared, or makes the key by another template: enroll the \
                                     new one, or none"
                    .to_owned()
            }
            Self::KindOfKey { .. } => "let the TPM make RSA keys of 2048 bits".to_owned(),
            Self::NotChallenged => {
                "register without a token first, and sign with the key that comes with \
                                    the 401"
                    .to_owned()
            }
            Self::Signature => {
                "decrypt the `authenticationKey` of the last 401 in the TPM, and sign with \
                                that key; each register without a token makes a new one"
                    .to_owned()
            }
        }
    }
}
