//! Why a registration ended without a hub.

use thiserror::Error;

use super::breach::Breach;
use super::deadline::Deadline;
use super::network::NetworkError;
use super::rejection::Rejection;
use super::sasl::SaslRefusal;
use crate::attestation::{SignerError, TpmError};
use crate::device::transport::Transport;
use crate::net::DialError;
use crate::wire::{ConnectCode, ErrorCode, OperationId};

/// Why a registration ended without a hub.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No session could be opened. At fault: the network, the address, or trust.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// None of the transports got through; why not, in the order of the tries.
    #[error("no transport gets through: {}", list(.0))]
    NoTransport(
        /// Each transport and its failure.
        Vec<(Transport, Error)>,
    ),
    /// The service answered CONNECT with a refusal (A.6).
    #[error("the service refused the connection: CONNACK {} ({code})", *.code as u8)]
    ConnectRefused {
        /// Its code.
        code: ConnectCode,
        /// How often it was tried.
        tries: u32,
    },
    /// The service did not let the device past SASL, over AMQP.
    #[error("the service refused the connection: SASL outcome {code}")]
    SaslRefused {
        /// Its code.
        code: SaslRefusal,
    },
    /// The answer breaks the protocol. At fault: the service, or what stands in its place.
    #[error("{}", broken(.0))]
    Breach(#[from] Breach),
    /// The service does not believe the device's identity (A.6).
    #[error("the service refused the device's identity: {0}")]
    Unauthorized(Rejection),
    /// The service refused the request itself (A.6).
    #[error("the service refused the request: {0}")]
    Rejected(Rejection),
    /// The registration ended as `failed` (F.4).
    #[error("{}", failure_line(.operation_id.as_ref(), .date.as_deref(), .message.as_deref()))]
    Failed {
        /// The operation.
        operation_id: Option<OperationId>,
        /// The service's code.
        code: Option<ErrorCode>,
        /// The service's words.
        message: Option<String>,
        /// When, as the service writes it.
        date: Option<String>,
    },
    /// The enrollment is disabled (F.4).
    #[error("the device's enrollment is disabled")]
    Disabled {
        /// The operation, where the service names it.
        operation_id: Option<OperationId>,
    },
    /// The device's key, which is kept elsewhere, does not sign. At fault: what keeps it.
    #[error("the device's key does not sign: {0}")]
    Signer(#[from] SignerError),
    /// The device's TPM does not do its part (B.5). At fault: the TPM, or the key that it was given.
    #[error("{0}")]
    Tpm(#[from] TpmError),
    /// A TPM cannot prove itself over this transport. Nothing was sent.
    #[error("a device with a TPM cannot register over {0}: use https, amqp or amqp-ws")]
    NotForTpm(
        /// Which one.
        Transport,
    ),
    /// The total deadline passed.
    #[error(transparent)]
    Deadline(Box<Deadline>),
}

/// What somebody else says is no answer of the service.
fn broken(breach: &Breach) -> String {
    match breach {
        Breach::Stranger { .. } | Breach::Redirected { .. } => {
            format!("something else answers in the service's place: status {breach}")
        }
        breach => format!("the service's answer breaks the protocol: {breach}"),
    }
}

fn list(failures: &[(Transport, Error)]) -> String {
    let failures = failures.iter().map(|(transport, error)| format!("{transport}: {error}"));
    failures.collect::<Vec<_>>().join("; ")
}

/// The line that the C SDK's sample prints (A.8), its log prefix left out.
fn failure_line(
    operation_id: Option<&OperationId>,
    date: Option<&str>,
    message: Option<&str>,
) -> String {
    let operation_id = operation_id.map_or("unknown", OperationId::as_str);
    let (date, message) = (date.unwrap_or("unknown"), message.unwrap_or("none"));
    format!("Provisioning Failure: OperationId: {operation_id} - Date: {date} - Msg: {message}")
}

/// Who has to do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The network, the address or TLS trust.
    Network,
    /// The credential.
    Identity,
    /// The enrollment, the webhook, the request, or the service.
    NotAssigned,
    /// Nobody in particular: time ran out.
    Deadline,
}

impl Error {
    /// Who has to do something about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Network(_) => Class::Network,
            Self::ConnectRefused { code, .. } => match code {
                ConnectCode::BadUserNameOrPassword | ConnectCode::NotAuthorized => Class::Identity,
                _ => Class::NotAssigned,
            },
            Self::Unauthorized(_)
            | Self::Signer(_)
            | Self::Tpm(_)
            | Self::NotForTpm(_)
            | Self::SaslRefused { code: SaslRefusal::Credentials } => Class::Identity,
            // All were silent: then time ran out. Else the network has spoken.
            Self::NoTransport(failures) if failures.iter().all(|(_, error)| error.is_silence()) => {
                Class::Deadline
            }
            Self::NoTransport(_)
            | Self::Breach(
                Breach::NotHttp { .. } | Breach::Stranger { .. } | Breach::Redirected { .. },
            ) => Class::Network,
            Self::Breach(_)
            | Self::SaslRefused { .. }
            | Self::Rejected(_)
            | Self::Failed { .. }
            | Self::Disabled { .. } => Class::NotAssigned,
            Self::Deadline(_) => Class::Deadline,
        }
    }

    /// Whether nobody said anything.
    fn is_silence(&self) -> bool {
        matches!(self, Self::Deadline(_) | Self::Network(NetworkError::NoAnswer { .. }))
    }

    /// Everything that [`kind`](Self::kind) says.
    pub const KINDS: [&'static str; 17] = [
        "dns",
        "tls",
        "proxy",
        "connect",
        "closed",
        "upgrade",
        "transport",
        "connack",
        "sasl",
        "protocol",
        "unauthorized",
        "rejected",
        "failed",
        "disabled",
        "signer",
        "tpm",
        "deadline",
    ];

    /// A word for programs, finer than [`class`](Self::class).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Network(NetworkError::Dial(DialError::Resolve { .. })) => "dns",
            Self::Network(
                NetworkError::Dial(DialError::Tls { .. }) | NetworkError::Alert { .. },
            ) => "tls",
            Self::Network(NetworkError::Dial(DialError::Proxy { .. })) => "proxy",
            Self::Network(NetworkError::Dial(_) | NetworkError::NoAnswer { .. }) => "connect",
            Self::Network(
                NetworkError::ClosedBeforeConnack
                | NetworkError::ClosedBeforeOpen(_)
                | NetworkError::Unanswered { .. },
            ) => "closed",
            Self::Network(NetworkError::Upgrade(_)) => "upgrade",
            Self::NoTransport(_) => "transport",
            Self::ConnectRefused { .. } => "connack",
            Self::SaslRefused { .. } => "sasl",
            Self::Breach(_) => "protocol",
            Self::Unauthorized(_) => "unauthorized",
            Self::Rejected(_) => "rejected",
            Self::Failed { .. } => "failed",
            Self::Disabled { .. } => "disabled",
            Self::Signer(_) => "signer",
            Self::Tpm(_) | Self::NotForTpm(_) => "tpm",
            Self::Deadline(_) => "deadline",
        }
    }

    /// The result that the C SDK hands to its caller in the same case.
    pub fn c_sdk_result(&self) -> &'static str {
        match self {
            Self::Network(_)
            | Self::Breach(Breach::BodyNotJson { .. } | Breach::SubscriptionRefused) => {
                "PROV_DEVICE_RESULT_TRANSPORT"
            }
            Self::Breach(
                Breach::Missing { .. }
                | Breach::Name { .. }
                | Breach::Body { .. }
                | Breach::Key { .. }
                | Breach::Issued(_),
            ) => "PROV_DEVICE_RESULT_PARSING",
            Self::Breach(
                Breach::NotMqtt { .. }
                | Breach::NotAmqp { .. }
                | Breach::Mechanism { .. }
                | Breach::Ended { .. }
                | Breach::Packet { .. }
                | Breach::NotHttp { .. }
                | Breach::Stranger { .. }
                | Breach::Redirected { .. },
            ) => "PROV_DEVICE_RESULT_TRANSPORT",
            Self::NoTransport(_) if self.class() == Class::Deadline => "PROV_DEVICE_RESULT_TIMEOUT",
            Self::NoTransport(_) => "PROV_DEVICE_RESULT_TRANSPORT",
            Self::Breach(_)
            | Self::ConnectRefused { .. }
            | Self::SaslRefused { .. }
            | Self::Unauthorized(_)
            | Self::Rejected(_) => "PROV_DEVICE_RESULT_DEV_AUTH_ERROR",
            Self::Failed {
                code: Some(ErrorCode::CUSTOM_ALLOCATION_IOT_HUB_NOT_SPECIFIED), ..
            } => "PROV_DEVICE_RESULT_HUB_NOT_SPECIFIED",
            Self::Failed {
                code: Some(ErrorCode::CUSTOM_ALLOCATION_UNAUTHORIZED_ACCESS), ..
            } => "PROV_DEVICE_RESULT_UNAUTHORIZED",
            Self::Failed { .. } => "PROV_DEVICE_RESULT_DEV_AUTH_ERROR",
            Self::Disabled { .. } => "PROV_DEVICE_RESULT_DISABLED",
            Self::Signer(_) | Self::Tpm(_) => "PROV_DEVICE_RESULT_KEY_ERROR",
            Self::NotForTpm(_) => "PROV_DEVICE_RESULT_INVALID_ARG",
            Self::Deadline(_) => "PROV_DEVICE_RESULT_TIMEOUT",
        }
    }

    /// The service's code, where it gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Failed { code, .. } => *code,
            Self::Unauthorized(rejection) | Self::Rejected(rejection) => {
                rejection.error.as_ref().map(|error| error.error_code)
            }
            Self::Deadline(deadline) => deadline
                .last_busy
                .as_ref()
                .and_then(|busy| busy.error.as_ref())
                .map(|error| error.error_code),
            _ => None,
        }
    }

    /// The operation, where one was begun.
    pub fn operation_id(&self) -> Option<&OperationId> {
        match self {
            Self::Failed { operation_id, .. } | Self::Disabled { operation_id } => {
                operation_id.as_ref()
            }
            Self::Deadline(deadline) => deadline.operation_id.as_ref(),
            _ => None,
        }
    }
}
