//! What can happen on the wire.

use std::fmt;
use std::time::{Duration, Instant};

use crate::attestation::SasToken;
use crate::service::connection::TlsSession;
use crate::service::fault_rule::{FaultPlace, FaultTransport, RetryAfter};
use crate::service::faults::Verdict;

/// Something that happened on a connection.
#[derive(Debug, Clone)]
pub struct WireEvent {
    /// When.
    pub at: Instant,
    /// The number of the connection among all of this process.
    pub connection: u64,
    /// What.
    pub moment: WireMoment,
}

/// What can happen on a connection. Tokens stand in it; its `Debug` output masks them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WireMoment {
    /// The client has connected.
    Opened {
        /// To which listener; HTTPS is also that of MQTT and AMQP over WebSocket.
        listener: FaultTransport,
    },
    /// There is no TLS between the two, for this reason.
    Unsecured(String),
    /// There is.
    Secured {
        /// What was agreed on.
        tls: TlsSession,
        /// How many certificates the client has shown.
        certificates: usize,
    },
    /// CONNECT.
    Connect(WireConnect),
    /// SUBSCRIBE to these filters, each with the quality that is asked for.
    Subscribe(Vec<(String, u8)>),
    /// UNSUBSCRIBE.
    Unsubscribe,
    /// PUBLISH.
    Publish {
        /// Its topic.
        topic: String,
        /// Its quality of service.
        qos: u8,
        /// Whether it is to be kept.
        retain: bool,
    },
    /// PINGREQ.
    Ping,
    /// DISCONNECT.
    Disconnect,
    /// AMQP begins, after SASL or without it.
    SignIn(WireSignIn),
    /// `open` of AMQP: the name that the client has given its container.
    Open(String),
    /// `attach` of AMQP: a link that the client asks for.
    Attach(WireAttach),
    /// `close` of AMQP, in order or with an error.
    Close(Option<String>),
    /// A request of the device API over HTTPS.
    Request(WireRequest),
    /// A device asks something, over whichever transport.
    Asked {
        /// To register, or how something stands.
        place: FaultPlace,
        /// The operation that it asks for.
        operation: Option<String>,
        /// The body that came with it.
        body: Vec<u8>,
    },
    /// What comes of that.
    Answered {
        /// What was asked.
        place: FaultPlace,
        /// How much later than this it comes.
        delay: Duration,
        /// The answer, if there is one.
        answer: Option<WireAnswer>,
    },
    /// The connection has ended.
    Ended(WireEnd),
}

/// A CONNECT.
#[derive(Debug, Clone)]
pub struct WireConnect {
    /// The client ID.
    pub client_id: String,
    /// The user name.
    pub user_name: Option<String>,
    /// The password, which should be a SAS token.
    pub password: Option<SasToken>,
    /// Whether no earlier session is wanted.
    pub clean_session: bool,
    /// The longest silence in seconds that the client announces, 0 for any.
    pub keep_alive: u16,
    /// Whether a message is left for the case that the connection breaks.
    pub has_will: bool,
    /// Whether it is for a hub.
    pub is_for_hub: bool,
}

/// What a client brings before AMQP begins.
#[derive(Debug, Clone)]
pub struct WireSignIn {
    /// The user name of SASL PLAIN; none without SASL, or with a mechanism that has none.
    pub user_name: Option<String>,
    /// Its password, which should be a SAS token.
    pub password: Option<SasToken>,
}

/// A link that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireAttach {
    /// The address of this side's end.
    pub address: Option<String>,
    /// Whether the client receives on it.
    pub receives: bool,
    /// The version of the API that it names.
    pub api_version: Option<String>,
    /// Which program it says it is.
    pub client_version: Option<String>,
    /// Whether it is for a hub.
    pub is_for_hub: bool,
}

/// A request of the device API over HTTPS.
#[derive(Debug, Clone)]
pub struct WireRequest {
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub target: String,
    /// Its `Authorization`, which should be a SAS token.
    pub authorization: Option<SasToken>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
}

/// An answer, as the client is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireAnswer {
    /// Its status, as in HTTP.
    pub status: u16,
    /// How long it tells the device to wait, as it stands there.
    pub retry_after: Option<String>,
    /// Its body.
    pub body: String,
    /// Whether it is what the service would have said by itself.
    pub is_true: bool,
}

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireEnd {
    /// The client has closed it as TLS wants it, with `close_notify`.
    Closed,
    /// The client has closed it without that.
    Cut,
    /// The client, or the network, has broken it.
    Broken,
    /// The service has closed it.
    ByService,
}

impl WireMoment {
    /// What comes of a question.
    pub(in crate::service) fn answered(place: FaultPlace, verdict: &Verdict) -> Self {
        let (delay, verdict) = match verdict {
            Verdict::Delay(delay, then) => (*delay, &**then),
            now => (Duration::ZERO, now),
        };
        let seconds = |wait: Duration| wait.as_secs_f64().to_string();
        let answer = match verdict {
            Verdict::Reply(reply) => Some(WireAnswer {
                status: reply.status,
                retry_after: reply.retry_after.map(seconds),
                body: reply.body.clone(),
                is_true: true,
            }),
            Verdict::Say(said) => Some(WireAnswer {
                status: said.reply.status,
                retry_after: match &said.retry_after {
                    None => said.reply.retry_after.map(seconds),
                    Some(RetryAfter::Absent) => None,
                    Some(RetryAfter::Text(text)) => Some(text.clone()),
                },
                body: said.reply.body.clone(),
                is_true: false,
            }),
            // Delays do not come one in the other.
            Verdict::Delay(..) | Verdict::Silence | Verdict::Lose | Verdict::HangUp(_) => None,
        };
        Self::Answered { place, delay, answer }
    }
}

impl fmt::Display for WireEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed by the client",
            Self::Cut => "closed by the client without close_notify",
            Self::Broken => "broken",
            Self::ByService => "closed by the service",
        })
    }
}
