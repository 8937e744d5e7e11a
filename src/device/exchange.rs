//! What the state machine and its drivers say to each other: events in, steps out, and notices for
//! whoever watches.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::{Breach, Error, NetworkError, Rejection, SaslRefusal};
use super::issued::IssuedChain;
use super::phase::ConnectPhase;
use super::traffic::{Received, Secured, Sent, Signed};
use super::transport::Transport;
use super::wrapped_key::{HubKey, WrappedKey};
use crate::attestation::{Signer, SignerError, TpmError};
use crate::wire::{
    ConnectCode, ConnectionProfile, DeviceId, DeviceRegistrationResult, HubName, OperationId,
    Payload, Substatus,
};

/// What has happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The machine may begin.
    Start,
    /// The service took the connection: CONNACK 0, on https the end of the TLS handshake, over AMQP
    /// `open`.
    Accepted,
    /// The service took the subscription, or over AMQP the links.
    Subscribed,
    /// The request is on its way.
    Sent,
    /// The service has the request (PUBACK, `accepted`); an answer is still to come.
    Acknowledged,
    /// An answer came.
    Answer(Answer),
    /// The service refuses what the device asks at, before or instead of an answer: links of AMQP,
    /// which end with it.
    Refused(Refusal),
    /// Something came that breaks the protocol.
    Broken(Breach),
    /// The connection could not be opened.
    ConnectFailed(ConnectFailure),
    /// The open connection was lost.
    Lost(Loss),
    /// The TPM has taken the key, and signs with it.
    KeyTaken(Arc<dyn Signer>),
    /// The TPM has not taken the key.
    KeyRefused(TpmError),
    /// The time that the last step named has come.
    Elapsed,
}

/// An answer of the service, as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Status on the topic, or of the HTTP reply.
    pub status: u16,
    /// The request that it answers.
    pub rid: String,
    /// How long the service wants the device to wait.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the service says when it refuses the device and no single request.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The status of its error, or what stands for it.
    pub status: u16,
    /// How long the service wants the device to wait.
    pub retry_after: Option<Duration>,
    /// What it says.
    pub body: Vec<u8>,
}

/// Why a connection could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// It ended before it was accepted.
    Network(NetworkError),
    /// CONNACK with another code.
    Refused(ConnectCode),
    /// SASL ended with another outcome than 0, over AMQP.
    SaslRefused(SaslRefusal),
    /// What came is another protocol.
    Broken(Breach),
    /// The device's key, which is kept elsewhere, does not sign.
    Unsigned(SignerError),
    /// The device's TPM does not do its part in the sign-in.
    Tpm(TpmError),
    /// It was opened as often as this, and each time ended before anything was answered at all:
    /// over HTTPS that is what a connection is that was never accepted.
    Unanswered {
        /// How often it was tried.
        tries: u32,
    },
    /// Time was up in this phase: its own, or all.
    TimedOut(ConnectPhase),
}

impl From<SignerError> for ConnectFailure {
    fn from(error: SignerError) -> Self {
        Self::Unsigned(error)
    }
}

impl From<TpmError> for ConnectFailure {
    fn from(error: TpmError) -> Self {
        Self::Tpm(error)
    }
}

/// How an open connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The service closed it.
    Closed,
    /// It broke.
    Reset,
    /// The service stopped answering pings.
    NoPingResponse,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the service closed the connection",
            Self::Reset => "the connection broke",
            Self::NoPingResponse => "the service stopped answering pings",
        })
    }
}

/// What the driver must do next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Open a connection (dropping an old one). Ends in `Accepted` or `ConnectFailed`.
    Connect,
    /// Subscribe to the answers. Ends in `Subscribed`, `Refused`, `Broken` or `Lost`, or where nobody answers
    /// in `Elapsed`.
    Subscribe,
    /// Send a request. Ends in `Sent`, `Lost`, or `ConnectFailed` where the transport opens a
    /// connection for it.
    Send(Request),
    /// Let the device's TPM take a key. Ends in `KeyTaken` or `KeyRefused`.
    TakeKey(WrappedKey),
    /// Wait for whatever comes, at the latest until this time: then `Elapsed`.
    Listen {
        /// Since the start.
        until: Duration,
    },
    /// The registration has ended.
    Finish(Box<Result<Registered, Error>>),
}

/// A request to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The device's name for it; never used twice.
    pub rid: u32,
    /// Which one.
    pub kind: RequestKind,
}

/// The two requests of the device API, and what a device with a TPM says before them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// The register request without a proof, but with the public keys of a TPM, over HTTPS: nothing is
    /// started, and the answer is a key for this TPM (B.5).
    Introduce,
    /// Start a registration.
    Register,
    /// Ask how it stands.
    Poll(OperationId),
}

impl RequestKind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Introduce | Self::Register => "register",
            Self::Poll(_) => "poll",
        }
    }
}

/// What an observer may want to know on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A step in opening a connection has ended.
    Reached {
        /// Which one.
        phase: ConnectPhase,
        /// How long it took.
        took: Duration,
    },
    /// The TLS connection stands. Told after its phase.
    Secured(Secured),
    /// The device has signed a token.
    Signed(Signed),
    /// The device sends something.
    Sent(Sent),
    /// The service has sent something. Told before it is judged.
    Received(Received),
    /// The network, or what stands in it, does not let this transport through; the next is tried.
    Blocked {
        /// Which one.
        transport: Transport,
        /// Why not.
        why: String,
    },
    /// The network lets this transport through; it stays. Told before `Connected`, and only where
    /// the transport was left to the device.
    Through {
        /// Which one.
        transport: Transport,
    },
    /// The service took the first connection.
    Connected,
    /// The service says `assigning`.
    Assigning {
        /// The operation.
        operation_id: OperationId,
        /// When the device asks again.
        wait: Duration,
    },
    /// The service is busy (429 or 5xx).
    Busy {
        /// What it says.
        rejection: Rejection,
        /// When the device asks again.
        wait: Duration,
    },
    /// The service may be down, or not know the ID scope (CONNACK 3).
    Unavailable {
        /// When the device tries again.
        wait: Duration,
    },
    /// Nobody has answered so far, and this step of opening the connection is given up.
    Silent {
        /// Which one.
        phase: ConnectPhase,
        /// How long it was waited for.
        after: Duration,
        /// When the device tries again.
        wait: Duration,
    },
    /// The connection was lost, or could not be opened again.
    Lost {
        /// Why.
        why: String,
        /// When the device opens it again.
        wait: Duration,
    },
    /// The service forgot the operation; the device registers anew.
    Forgotten,
    /// The device's TPM took a key from the service.
    KeyTaken {
        /// Whether it is the one for the hub; else it is for DPS, to prove that the device has the TPM.
        for_hub: bool,
    },
    /// The service believes the key no more that it gave to the device's TPM; the device asks for another.
    KeyForgotten,
    /// An answer to a request that was never sent.
    ForeignAnswer {
        /// Its `$rid`.
        rid: String,
    },
}

/// How a device's registration stands (B.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// What the service says of it.
    pub state: DeviceRegistrationResult,
    /// Its hub and its ID there: exactly if the state is `assigned`.
    pub assignment: Option<(HubName, DeviceId)>,
    /// The service's whole answer.
    pub body: String,
}

/// A device that has a hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Host name of the IoT hub.
    pub assigned_hub: HubName,
    /// The device's ID on it.
    pub device_id: DeviceId,
    /// How the hub is spoken to.
    pub connection_profile: ConnectionProfile,
    /// The operation.
    pub operation_id: Option<OperationId>,
    /// How the assignment came about.
    pub substatus: Option<Substatus>,
    /// What the custom allocation webhook has to say.
    pub payload: Option<Payload>,
    /// The certificate that it asked for, and those above it. `None` if it did not ask, or the service
    /// has none for it.
    pub issued_chain: Option<IssuedChain>,
    /// The key for the hub, if the device has a TPM. Kept nowhere else.
    pub hub_key: Option<HubKey>,
    /// The service's whole answer.
    pub body: String,
}
