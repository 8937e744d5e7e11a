//! What can go wrong between a device and its hub.

use std::fmt;

use thiserror::Error;

use crate::attestation::SignerError;
use crate::device::error::{Breach, Class, NetworkError};
use crate::device::exchange::{ConnectFailure, Loss};
use crate::device::issued::IssuedFault;
use crate::device::phase::ConnectPhase;
use crate::device::transport::Transport;
use crate::net::DialError;
use crate::text::Foreign;
use crate::wire::{ConnectCode, ConnectionProfile, IssueFailure};

/// Why the device and its hub did not come together, or did not stay so.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HubError {
    /// No session could be opened. At fault: the network, the name, or trust.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The hub answered CONNECT with a refusal (I).
    #[error("the hub refused the connection: CONNACK {} ({code})", *.code as u8)]
    Refused {
        /// Its code.
        code: ConnectCode,
    },
    /// What came is not what a hub sends.
    #[error("the hub's answer breaks the protocol: {0}")]
    Breach(#[from] HubBreach),
    /// The hub refused a request of the open session, or could not answer it (I): 400, 429, 5xx.
    #[error("the hub answered {request} with status {status}")]
    Status {
        /// Which request.
        request: &'static str,
        /// As in HTTP.
        status: u16,
    },
    /// The hub did not take the token that was put on `$cbs` (I): AMQP.
    #[error("the hub refused the token: status {status}{}", says(.description.as_deref()))]
    Token {
        /// As in HTTP; 0 if it named none.
        status: u16,
        /// What the hub says.
        description: Option<String>,
    },
    /// The hub refused something in the words of AMQP (I).
    #[error("the hub refused {what}: {condition}{}", says(.description.as_deref()))]
    Denied {
        /// What it refused.
        what: &'static str,
        /// What kind of failure it is: `amqp:not-found` and its like.
        condition: String,
        /// What the hub says.
        description: Option<String>,
    },
    /// The device's key, which is kept elsewhere, does not sign.
    #[error("the device's key does not sign: {0}")]
    Signer(#[from] SignerError),
    /// The open session ended. The device may sign in again.
    #[error("{}", lost(.0))]
    Lost(
        /// How.
        Loss,
    ),
    /// Nothing came in time.
    #[error("{0} in time")]
    Silent(
        /// What the device was waiting for.
        HubWaiting,
    ),
    /// Changes came faster than they were taken, and this many are gone: the twin has them all.
    #[error("{0} changes of desired properties were missed; read the twin anew")]
    Missed(
        /// How many.
        u64,
    ),
    /// The hub issued no certificate (I.4), and says why.
    #[error("the hub issued no certificate: {}", why(.0))]
    NotIssued(
        /// What it says.
        Box<IssueFailure>,
    ),
    /// The hub issued a certificate that is of no use to the device (I.4).
    #[error("the hub issued certificates that cannot be used: {0}")]
    Issued(
        /// What is wrong with it.
        IssuedFault,
    ),
    /// The hub is spoken to otherwise than this device speaks (J-496). Nothing was dialled.
    #[error("{}", unspoken(.0))]
    Profile(
        /// How, in the service's word.
        ConnectionProfile,
    ),
    /// Hubs issue certificates over MQTT alone (J-475).
    #[error("a hub issues certificates over MQTT, and not over {transport}")]
    NotByAmqp {
        /// What was asked for in its place.
        transport: Transport,
    },
}

fn unspoken(profile: &ConnectionProfile) -> String {
    let what = match profile {
        ConnectionProfile::Other(_) => "which this device does not know",
        ConnectionProfile::MqttV5 => {
            "MQTT 5 with topics of its own, which this device does not speak"
        }
        ConnectionProfile::Classic => "which this device speaks",
    };
    let profile = Foreign::short(profile.as_str());
    format!("the service says that it is spoken to by the connection profile \"{profile}\", {what}")
}

/// Number, words, and what else the hub tells.
fn why(failure: &IssueFailure) -> String {
    let mut told = failure.error_code.to_string();
    let info = failure.info.clone().unwrap_or_default();
    let texts = [Some(failure.message.clone()), info.credential_message];
    for text in texts.into_iter().flatten().filter(|text| !text.is_empty()) {
        told.push_str(": ");
        told.push_str(&Foreign::short(&text).to_string());
    }
    told
}

fn says(description: Option<&str>) -> String {
    let said = description.filter(|said| !said.is_empty());
    said.map(|said| format!(" ({})", Foreign::short(said))).unwrap_or_default()
}

fn lost(loss: &Loss) -> &'static str {
    match loss {
        Loss::Closed => "the hub closed the connection",
        Loss::Reset => "the connection to the hub broke",
        Loss::NoPingResponse => "the hub stopped answering pings",
    }
}

/// What a device was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HubWaiting {
    /// A session.
    Connect(ConnectPhase),
    /// The answer to a request, or the acknowledgement of a message.
    Answer(&'static str),
    /// The certificate that it is about to issue.
    Certificate,
}

impl fmt::Display for HubWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(ConnectPhase::Suback) => f.write_str("the hub did not answer SUBSCRIBE"),
            Self::Connect(ConnectPhase::Attach) => {
                f.write_str("the hub did not answer the token or `attach`")
            }
            Self::Connect(phase) => write!(f, "{phase}"),
            Self::Answer(request) => write!(f, "the hub did not answer {request}"),
            Self::Certificate => {
                f.write_str("the hub accepted the request and did not issue the certificate")
            }
        }
    }
}

/// How an answer breaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubBreach {
    /// It is wrong already before anything of a hub is said.
    #[error(transparent)]
    Protocol(Breach),
    /// SUBACK 0x80.
    #[error("it refused the subscription to its topics")]
    SubscriptionRefused,
    /// The body is not what goes with the topic.
    #[error("the body of its answer to {request} cannot be used: {reason}")]
    Body {
        /// Which request.
        request: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<Breach> for HubError {
    fn from(breach: Breach) -> Self {
        Self::Breach(match breach {
            Breach::SubscriptionRefused => HubBreach::SubscriptionRefused,
            breach => HubBreach::Protocol(breach),
        })
    }
}

impl From<ConnectFailure> for HubError {
    fn from(failure: ConnectFailure) -> Self {
        match failure {
            ConnectFailure::Network(error) => error.into(),
            ConnectFailure::Refused(code) => Self::Refused { code },
            // A hub is not spoken to by SASL here.
            ConnectFailure::SaslRefused(code) => Self::Denied {
                what: "the sign-in by SASL",
                condition: code.to_string(),
                description: None,
            },
            ConnectFailure::Broken(breach) => breach.into(),
            ConnectFailure::Unsigned(error) => error.into(),
            // At a hub a TPM has its key already: all that it can fail at is a signature.
            ConnectFailure::Tpm(error) => SignerError(error.to_string()).into(),
            ConnectFailure::Unanswered { tries } => NetworkError::Unanswered { tries }.into(),
            ConnectFailure::TimedOut(phase) => Self::Silent(HubWaiting::Connect(phase)),
        }
    }
}

impl HubError {
    /// Who has to do something about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Network(_) | Self::Lost(_) => Class::Network,
            Self::Breach(HubBreach::Protocol(Breach::NotHttp { .. })) => Class::Network,
            Self::Refused {
                code: ConnectCode::BadUserNameOrPassword | ConnectCode::NotAuthorized,
            }
            | Self::Token { status: 401 | 403 | 404, .. }
            | Self::Signer(_) => Class::Identity,
            Self::Denied { condition, .. } if is_about_identity(condition) => Class::Identity,
            Self::Refused { .. }
            | Self::Token { .. }
            | Self::Denied { .. }
            | Self::Breach(_)
            | Self::Status { .. }
            | Self::Missed(_)
            | Self::NotIssued(_)
            | Self::Issued(_)
            | Self::Profile(_)
            | Self::NotByAmqp { .. } => Class::NotAssigned,
            Self::Silent(_) => Class::Deadline,
        }
    }

    /// A word for programs. It begins with `hub`, for the device has been provisioned.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Network(NetworkError::Dial(DialError::Resolve { .. })) => "hub-dns",
            Self::Network(
                NetworkError::Dial(DialError::Tls { .. }) | NetworkError::Alert { .. },
            ) => "hub-tls",
            Self::Network(NetworkError::Dial(DialError::Proxy { .. })) => "hub-proxy",
            Self::Network(NetworkError::Upgrade(_)) => "hub-upgrade",
            Self::Network(_) => "hub-connect",
            Self::Refused { .. } => "hub-connack",
            Self::Token { .. } => "hub-token",
            Self::Denied { .. } => "hub-denied",
            Self::Breach(_) => "hub-protocol",
            Self::Status { .. } => "hub-status",
            Self::Signer(_) => "hub-signer",
            Self::Lost(_) => "hub-lost",
            Self::Silent(_) => "hub-deadline",
            Self::Missed(_) => "hub-missed",
            Self::NotIssued(_) => "hub-not-issued",
            Self::Issued(_) => "hub-issued",
            Self::Profile(_) => "hub-profile",
            Self::NotByAmqp { .. } => "hub-not-by-amqp",
        }
    }

    /// Whether an assignment that was kept is no longer good (J-143): the hub does not know the device
    /// any more, is not there any more, or was said to be spoken to in a way that the device does not know.
    /// Anything else may pass.
    pub fn calls_for_provisioning(&self) -> bool {
        (self.class() == Class::Identity && !matches!(self, Self::Signer(_)))
            || matches!(
                self,
                Self::Profile(_) | Self::Network(NetworkError::Dial(DialError::Resolve { .. }))
            )
    }
}

/// Whether a refusal says that the hub does not know the device, or not like this.
fn is_about_identity(condition: &str) -> bool {
    matches!(condition, "amqp:unauthorized-access" | "amqp:not-found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_143_only_a_hub_that_refuses_or_is_gone_calls_for_provisioning() {
        let refused = |code| HubError::Refused { code };
        let dial = |error| HubError::Network(NetworkError::Dial(error));
        let gone = DialError::Resolve { host: "hub.net".to_owned(), reason: String::new() };
        let host: crate::net::Endpoint = "hub.net:8883".parse().unwrap();
        let fault = crate::net::TlsFault::Closed;
        for (error, expected) in [
            (refused(ConnectCode::BadUserNameOrPassword), true),
            (refused(ConnectCode::NotAuthorized), true),
            (dial(gone), true),
            (HubError::Profile(ConnectionProfile::MqttV5), true),
            (refused(ConnectCode::ServerUnavailable), false),
            (refused(ConnectCode::IdentifierRejected), false),
            (dial(DialError::Tls { host, fault }), false),
            (HubError::Lost(Loss::Closed), false),
            (HubError::Signer(SignerError("it was pulled out".to_owned())), false),
            (HubError::Silent(HubWaiting::Connect(ConnectPhase::Tcp)), false),
            (HubError::Status { request: "the twin request", status: 500 }, false),
        ] {
            assert_eq!(error.calls_for_provisioning(), expected, "{error}");
        }
    }
}
