//! What goes over the wire, as an observer is told of it: facts, without any secret in them.
//!
//! Tokens are here with their signature masked, passwords not at all. What the facts mean is for
//! those to say who talk to people.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;

use crate::attestation::{Certificate, SasToken};
use crate::wire::ConnectCode;

/// A token that the device has signed for this connection or request (D.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed: the resource as it stands in the token, a line feed, and the expiry.
    pub text: String,
    /// When the token ends.
    pub expires: SystemTime,
    /// The token, its signature masked.
    pub token: String,
}

impl Signed {
    /// `None` if it is no token at all.
    pub(super) fn of(token: &SasToken) -> Option<Self> {
        let claims = token.claims().ok()?;
        let (text, expires) = (claims.signed_text(), claims.expires());
        Some(Self { text, expires, token: token.masked() })
    }
}

/// A TLS connection that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    /// Who answered: the service, or the proxy in front of it.
    pub peer: SocketAddr,
    /// The version of TLS, as rustls names it (`TLSv1_3`).
    pub version: &'static str,
    /// The server's certificate.
    pub certificate: Option<CertificateDer<'static>>,
}

impl Secured {
    /// Whom the server's certificate names, if that can be read. Read only when asked for: most
    /// devices of a fleet tell nobody.
    pub fn server(&self) -> Option<String> {
        let certificate = Certificate::from_der(self.certificate.clone()?).ok()?;
        Some(certificate.info().subject_name.clone())
    }
}

/// What is said over AMQP, by either side: a protocol header, a frame of SASL, or a performative.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmqpFrame {
    /// The eight bytes in front of everything else.
    Header {
        /// Whether SASL comes first.
        sasl: bool,
    },
    /// The ways to sign in that the service has.
    Mechanisms(
        /// Their names.
        Vec<String>,
    ),
    /// The device signs in.
    Init {
        /// The way.
        mechanism: &'static str,
        /// As whom.
        user_name: String,
        /// Whether there is a password: the token.
        has_password: bool,
    },
    /// The service wants to know more, or says what a TPM needs (C-7).
    Challenge {
        /// How many bytes it says.
        length: usize,
    },
    /// The device answers.
    Response {
        /// What it says, in words.
        says: &'static str,
    },
    /// Whether the service lets the device in.
    Outcome {
        /// 0 if it does.
        code: u8,
    },
    /// A connection begins.
    Open {
        /// The one who says so.
        container_id: String,
        /// Whom the device means to reach.
        hostname: Option<String>,
        /// After how much silence it takes the connection for dead.
        idle_time_out: Option<Duration>,
    },
    /// A session begins.
    Begin,
    /// A link begins.
    Attach {
        /// Whether the device sends on it.
        sends: bool,
        /// The address at the service's end, if it has one.
        address: Option<String>,
        /// What else is said of the link.
        properties: Vec<(String, String)>,
    },
    /// How many messages may be sent on a link.
    Flow {
        /// Whether it is the link on which the device sends.
        sends: bool,
        /// So many.
        credit: u32,
    },
    /// A message.
    Transfer(AmqpMessage),
    /// What became of a message.
    Disposition {
        /// `accepted`, `rejected`, `released` or `modified`.
        outcome: &'static str,
        /// Why it is refused: the condition and what is said of it.
        error: Option<(String, Option<String>)>,
    },
    /// A link ends.
    Detach {
        /// Why, if it failed.
        error: Option<(String, Option<String>)>,
    },
    /// A session ends.
    End {
        /// Why, if it failed.
        error: Option<(String, Option<String>)>,
    },
    /// The connection ends.
    Close {
        /// Why, if it failed.
        error: Option<(String, Option<String>)>,
    },
}

/// A message of AMQP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmqpMessage {
    /// The request's name, which its answer bears too.
    pub correlation_id: Option<String>,
    /// What is asked or said beside the body.
    pub properties: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the device sends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// The request that turns an HTTP connection into a WebSocket (A.1).
    Upgrade {
        /// The `Host` header.
        host: String,
        /// The path.
        path: &'static str,
        /// What is to be spoken over it.
        subprotocol: &'static str,
    },
    /// CONNECT (A.2).
    Connect {
        /// The client identifier.
        client_id: String,
        /// The user name.
        user_name: String,
        /// Whether there is a password: the token.
        has_password: bool,
        /// Seconds of silence after which the service may hang up.
        keep_alive: u16,
    },
    /// SUBSCRIBE (A.3).
    Subscribe {
        /// The packet identifier.
        packet_id: u16,
        /// The topic filters.
        filters: Vec<&'static str>,
    },
    /// PUBLISH at QoS 1: a request (A.4).
    Publish {
        /// The packet identifier.
        packet_id: u16,
        /// The topic.
        topic: String,
        /// The body.
        body: Vec<u8>,
    },
    /// PUBACK: the device has the answer.
    Puback {
        /// The packet identifier of the answer.
        packet_id: u16,
    },
    /// Something of AMQP.
    Amqp(AmqpFrame),
    /// An HTTP request (B.1).
    Request {
        /// The method.
        method: String,
        /// Path and query.
        target: String,
        /// The headers; of a token the signature is masked.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
}

/// What the service sends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// The WebSocket is open (status 101).
    Upgraded,
    /// CONNACK (A.6).
    Connack {
        /// Its code.
        code: ConnectCode,
    },
    /// SUBACK.
    Suback {
        /// The packet identifier of SUBSCRIBE.
        packet_id: u16,
        /// Whether the service took the subscription.
        accepted: bool,
    },
    /// PUBACK: the service has the request.
    Puback {
        /// The packet identifier of the request.
        packet_id: u16,
    },
    /// PUBLISH: an answer (A.4).
    Publish {
        /// The topic.
        topic: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Something of AMQP.
    Amqp(AmqpFrame),
    /// An HTTP response (B.3).
    Response {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
}

impl Received {
    /// What an answer of the service says, if it is one: its body, or over AMQP the description with
    /// which a request or a link is refused.
    pub fn answer(&self) -> Option<&[u8]> {
        match self {
            Self::Publish { body, .. } | Self::Response { body, .. } => Some(body),
            Self::Amqp(AmqpFrame::Transfer(message)) => Some(&message.body),
            Self::Amqp(
                AmqpFrame::Disposition { error: Some((_, Some(says))), .. }
                | AmqpFrame::Detach { error: Some((_, Some(says))) },
            ) => Some(says.as_bytes()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_over_amqp_says_is_the_answer() {
        let error =
            |says: Option<&str>| Some(("amqp:not-found".to_owned(), says.map(str::to_owned)));
        for (frame, answer) in [
            (AmqpFrame::Disposition { outcome: "rejected", error: error(Some("{}")) }, Some("{}")),
            (AmqpFrame::Disposition { outcome: "accepted", error: None }, None),
            (AmqpFrame::Detach { error: error(Some("{}")) }, Some("{}")),
            (AmqpFrame::Detach { error: error(None) }, None),
            (AmqpFrame::Begin, None),
        ] {
            let received = Received::Amqp(frame);
            assert_eq!(received.answer(), answer.map(str::as_bytes), "{received:?}");
        }
    }
}
