//! Everything that can end a registration without a hub.
//!
//! Variants carry facts; `Display` makes one sentence of them. What to do about it is told by
//! whoever talks to the user.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::deadline::Deadline;
use super::{ConnectPhase, Transport};
use crate::net::{DialError, UpgradeError};
use crate::wire::{ConnectCode, ErrorCode, OperationId, ServiceError};

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
    /// The answer breaks the protocol. At fault: the service, or what stands in its place.
    #[error("the service's answer breaks the protocol: {0}")]
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
    /// The total deadline passed.
    #[error(transparent)]
    Deadline(Box<Deadline>),
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
            Self::Unauthorized(_) => Class::Identity,
            // All were silent: then time ran out. Else the network has spoken.
            Self::NoTransport(failures) if failures.iter().all(|(_, error)| error.is_silence()) => {
                Class::Deadline
            }
            Self::NoTransport(_) | Self::Breach(Breach::NotHttp { .. }) => Class::Network,
            Self::Breach(_) | Self::Rejected(_) | Self::Failed { .. } | Self::Disabled { .. } => {
                Class::NotAssigned
            }
            Self::Deadline(_) => Class::Deadline,
        }
    }

    /// Whether nobody said anything.
    fn is_silence(&self) -> bool {
        matches!(self, Self::Deadline(_) | Self::Network(NetworkError::NoAnswer { .. }))
    }

    /// A word for programs, finer than [`class`](Self::class).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Network(NetworkError::Dial(DialError::Resolve { .. })) => "dns",
            Self::Network(
                NetworkError::Dial(DialError::Tls { .. }) | NetworkError::Alert { .. },
            ) => "tls",
            Self::Network(NetworkError::Dial(DialError::Proxy { .. })) => "proxy",
            Self::Network(NetworkError::Dial(_) | NetworkError::NoAnswer { .. }) => "connect",
            Self::Network(NetworkError::ClosedBeforeConnack | NetworkError::Unanswered { .. }) => {
                "closed"
            }
            Self::Network(NetworkError::Upgrade(_)) => "upgrade",
            Self::NoTransport(_) => "transport",
            Self::ConnectRefused { .. } => "connack",
            Self::Breach(_) => "protocol",
            Self::Unauthorized(_) => "unauthorized",
            Self::Rejected(_) => "rejected",
            Self::Failed { .. } => "failed",
            Self::Disabled { .. } => "disabled",
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
            Self::Breach(Breach::Missing { .. } | Breach::Body { .. }) => {
                "PROV_DEVICE_RESULT_PARSING"
            }
            Self::Breach(
                Breach::NotMqtt { .. } | Breach::Packet { .. } | Breach::NotHttp { .. },
            ) => "PROV_DEVICE_RESULT_TRANSPORT",
            Self::NoTransport(_) if self.class() == Class::Deadline => "PROV_DEVICE_RESULT_TIMEOUT",
            Self::NoTransport(_) => "PROV_DEVICE_RESULT_TRANSPORT",
            Self::Breach(_)
            | Self::ConnectRefused { .. }
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

/// Why no session could be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No TLS connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// TLS stood, and then the service hung up without a word.
    #[error("the server closed the connection instead of answering CONNECT")]
    ClosedBeforeConnack,
    /// TLS stood on this side, and then the service said what it does not like about it. In TLS 1.3
    /// a client certificate is judged so late.
    #[error("the server ended the TLS session with the alert `{alert}`")]
    Alert {
        /// Its name.
        alert: String,
    },
    /// TLS stood, and then no WebSocket was opened.
    #[error("the server opened no WebSocket: {0}")]
    Upgrade(#[from] UpgradeError),
    /// TLS stood, and the service hung up on the first request, again and again.
    #[error(
        "the server closed the connection {tries} times instead of answering the first request"
    )]
    Unanswered {
        /// How often it was tried.
        tries: u32,
    },
    /// It took too long, where others are still to be tried.
    #[error("{phase} within {}", humantime::format_duration(*.after))]
    NoAnswer {
        /// What it was waiting for.
        phase: ConnectPhase,
        /// How long.
        after: Duration,
    },
}

/// An answer with a status that means refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The status on the topic or of the HTTP reply.
    pub status: u16,
    /// What the service says of it; `None` if its body is no error object.
    pub error: Option<ServiceError>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) if error.message.is_empty() => write!(f, "{}", error.error_code),
            Some(error) => write!(f, "{} ({})", error.message, error.error_code),
            None => write!(f, "status {}", self.status),
        }
    }
}

/// How an answer breaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Breach {
    /// The peer speaks something else.
    #[error("it does not speak MQTT; it sent {excerpt:?}")]
    NotMqtt {
        /// The first bytes.
        excerpt: String,
    },
    /// The peer answers an HTTP request with something else.
    #[error("what it answers is not HTTP ({reason})")]
    NotHttp {
        /// What is wrong with it.
        reason: String,
    },
    /// A body longer than any answer of DPS.
    #[error("the body of its {status} answer is longer than {limit} bytes")]
    BodyTooLong {
        /// The answer's status.
        status: u16,
        /// How much is read.
        limit: usize,
    },
    /// A packet that MQTT does not allow, or not there.
    #[error("{reason}")]
    Packet {
        /// What is wrong with it.
        reason: String,
    },
    /// SUBACK 0x80.
    #[error("it refused the subscription to $dps/registrations/res/#")]
    SubscriptionRefused,
    /// A message on a topic that is no answer.
    #[error("it published on {topic:?}, which is no topic of the device API")]
    Topic {
        /// The topic.
        topic: String,
    },
    /// The body is no JSON.
    #[error("the body of its {status} answer is not JSON: {excerpt:?}")]
    BodyNotJson {
        /// The answer's status.
        status: u16,
        /// How the body begins.
        excerpt: String,
    },
    /// The body is JSON, but not the object that was expected.
    #[error("the body of its {status} answer cannot be used: {reason}; it begins {excerpt:?}")]
    Body {
        /// The answer's status.
        status: u16,
        /// What does not fit.
        reason: String,
        /// How the body begins.
        excerpt: String,
    },
    /// The body lacks what the device needs.
    #[error("its `{status}` answer has no `{member}`")]
    Missing {
        /// Where the registration stands, in the service's word.
        status: String,
        /// The member.
        member: &'static str,
    },
    /// A status that a device cannot act on.
    #[error("the registration's status is {word:?}")]
    UnknownStatus {
        /// The status.
        word: String,
    },
    /// A topic status outside of 200–299 and 400–599.
    #[error("the answer's status is {status}")]
    StatusCode {
        /// The status.
        status: u16,
    },
    /// It forgot an operation twice.
    #[error("it forgot the operation twice (404203)")]
    ForgotTwice,
}
