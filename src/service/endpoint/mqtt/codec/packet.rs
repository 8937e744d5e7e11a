//! The packets that a client may send, as values.
//!
//! Plain data: what makes one valid is decided in the reader, never here.

use super::PacketType;
use std::fmt;

/// A packet that a client may send (section 2.2.1, table 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The client asks for a session (section 3.1).
    Connect(Connect),
    /// The client publishes a message (section 3.3).
    Publish(Publish),
    /// The client acknowledges the server's QoS 1 message of this packet identifier (section 3.4).
    PubAck(u16),
    /// The client has received the server's QoS 2 message of this packet identifier (section 3.5).
    PubRec(u16),
    /// The client releases its own QoS 2 message of this packet identifier (section 3.6).
    PubRel(u16),
    /// The client has completed the server's QoS 2 message of this packet identifier (section 3.7).
    PubComp(u16),
    /// The client subscribes (section 3.8).
    Subscribe(Subscribe),
    /// The client ends subscriptions (section 3.10).
    Unsubscribe(Unsubscribe),
    /// The client shows that it is alive (section 3.12).
    PingReq,
    /// The client takes its leave (section 3.14).
    Disconnect,
}

impl Packet {
    /// The type of this packet, for messages that name it.
    #[must_use]
    pub fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::PingReq => PacketType::PingReq,
            Self::Disconnect => PacketType::Disconnect,
        }
    }
}

/// What a CONNECT packet asks for (section 3.1). Its `Debug` output hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The client identifier; empty only together with a clean session (section 3.1.3.1).
    pub client_id: String,
    /// Whether an earlier session is to be forgotten (section 3.1.2.4).
    pub clean_session: bool,
    /// The longest silence in seconds that the client announces; 0 for any (section 3.1.2.10).
    pub keep_alive: u16,
    /// The message to publish should the connection break (section 3.1.2.5).
    pub will: Option<Will>,
    /// The user name (section 3.1.3.4).
    pub user_name: Option<String>,
    /// The password, which may be any bytes (section 3.1.3.5).
    pub password: Option<Vec<u8>>,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A DPS password is a SAS token, and `Debug` output ends up in logs.
        let password = self.password.as_ref().map(|_| "…redacted…");
        f.debug_struct("Connect")
            .field("client_id", &self.client_id)
            .field("clean_session", &self.clean_session)
            .field("keep_alive", &self.keep_alive)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field("password", &password)
            .finish()
    }
}

/// The message a CONNECT packet leaves for the case that the connection breaks (section 3.1.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Where it is to be published.
    pub topic: String,
    /// What is to be published.
    pub payload: Vec<u8>,
    /// The quality of service it is to be published with.
    pub qos: QoS,
    /// Whether it is to be published as a retained message.
    pub retain: bool,
}

/// How surely a message is to be delivered (section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QoS {
    /// QoS 0: sent once, never acknowledged.
    AtMostOnce = 0,
    /// QoS 1: sent until acknowledged.
    AtLeastOnce = 1,
    /// QoS 2: delivered exactly once by a four-packet handshake.
    ExactlyOnce = 2,
}

impl QoS {
    /// The level of that number; the two bits that carry it leave room for a fourth, which is not
    /// allowed.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// A message that a client publishes (section 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Whether the client has sent this packet before.
    pub dup: bool,
    /// The quality of service asked for.
    pub qos: QoS,
    /// Whether the server is to keep the message for later subscribers.
    pub retain: bool,
    /// The topic name: not empty, free of wildcards.
    pub topic: String,
    /// The packet identifier, never 0; `Some` exactly when `qos` is above 0.
    pub packet_id: Option<u16>,
    /// The message itself, which may be empty.
    pub payload: Vec<u8>,
}

/// The subscriptions that a client asks for (section 3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The packet identifier, never 0.
    pub packet_id: u16,
    /// At least one topic filter, each with the highest quality of service wanted.
    pub filters: Vec<(String, QoS)>,
}

/// The subscriptions that a client ends (section 3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The packet identifier, never 0.
    pub packet_id: u16,
    /// At least one topic filter.
    pub filters: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_password() {
        let connect = Connect {
            client_id: "pump".to_owned(),
            clean_session: true,
            keep_alive: 60,
            will: None,
            user_name: Some("user".to_owned()),
            password: Some(b"Sesame".to_vec()),
        };
        let shown = format!("{:?}", Packet::Connect(connect));
        assert!(shown.contains(r#"password: Some("…redacted…")"#), "{shown}");
        assert!(!shown.contains("Sesame") && !shown.contains("83, 101"), "{shown}");
    }
}
