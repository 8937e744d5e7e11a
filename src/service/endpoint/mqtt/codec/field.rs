//! Names: the packet types and the fields that a violation can speak of, and where the standard
//! demands them.
//!
//! Only names and numbers of the standard live here; reading and judging bytes happens elsewhere.

use std::fmt;

/// The types of the packets that a client may send (section 2.2.1, table 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// CONNECT (section 3.1).
    Connect,
    /// PUBLISH (section 3.3).
    Publish,
    /// PUBACK (section 3.4).
    PubAck,
    /// PUBREC (section 3.5).
    PubRec,
    /// PUBREL (section 3.6).
    PubRel,
    /// PUBCOMP (section 3.7).
    PubComp,
    /// SUBSCRIBE (section 3.8).
    Subscribe,
    /// UNSUBSCRIBE (section 3.10).
    Unsubscribe,
    /// PINGREQ (section 3.12).
    PingReq,
    /// DISCONNECT (section 3.14).
    Disconnect,
}

impl PacketType {
    /// The rule that fixes the flags of this type: its own where it has one, the general one
    /// otherwise.
    pub(super) fn flags_rule(self) -> &'static str {
        match self {
            Self::PubRel => "MQTT-3.6.1-1",
            Self::Subscribe => "MQTT-3.8.1-1",
            Self::Unsubscribe => "MQTT-3.10.1-1",
            Self::Disconnect => "MQTT-3.14.1-1",
            _ => "MQTT-2.2.2-2",
        }
    }

    /// The section that fixes the remaining length of this type.
    pub(super) fn body_length_rule(self) -> &'static str {
        match self {
            Self::PubAck => "MQTT 3.1.1 section 3.4.1",
            Self::PubRec => "MQTT 3.1.1 section 3.5.1",
            Self::PubRel => "MQTT 3.1.1 section 3.6.1",
            Self::PubComp => "MQTT 3.1.1 section 3.7.1",
            Self::PingReq => "MQTT 3.1.1 section 3.12.1",
            Self::Disconnect => "MQTT 3.1.1 section 3.14.1",
            Self::Connect | Self::Publish | Self::Subscribe | Self::Unsubscribe => {
                "MQTT 3.1.1 section 2.2.3"
            }
        }
    }

    /// The rule that keeps the identifier of this acknowledgement from being 0: it repeats one that
    /// cannot be.
    pub(super) fn acknowledged_id_rule(self) -> &'static str {
        match self {
            // The list in [MQTT-2.3.1-6] leaves PUBCOMP out; its identifier is fixed where QoS 2 is
            // described.
            Self::PubComp => "MQTT-4.3.3-2",
            _ => "MQTT-2.3.1-6",
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connect => "CONNECT",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::PingReq => "PINGREQ",
            Self::Disconnect => "DISCONNECT",
        })
    }
}

/// The fields that a packet's body is made of (chapter 3), for messages that name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The protocol name of CONNECT (section 3.1.2.1).
    ProtocolName,
    /// The protocol level of CONNECT (section 3.1.2.2).
    ProtocolLevel,
    /// The connect flags (section 3.1.2.3).
    ConnectFlags,
    /// The keep alive of CONNECT (section 3.1.2.10).
    KeepAlive,
    /// The client identifier of CONNECT (section 3.1.3.1).
    ClientId,
    /// The will topic of CONNECT (section 3.1.3.2).
    WillTopic,
    /// The will message of CONNECT (section 3.1.3.3).
    WillMessage,
    /// The user name of CONNECT (section 3.1.3.4).
    UserName,
    /// The password of CONNECT (section 3.1.3.5).
    Password,
    /// The topic name of PUBLISH (section 3.3.2.1).
    TopicName,
    /// The packet identifier (section 2.3.1).
    PacketId,
    /// A topic filter of SUBSCRIBE or UNSUBSCRIBE (sections 3.8.3 and 3.10.3).
    TopicFilter,
    /// The requested QoS behind a topic filter of SUBSCRIBE (section 3.8.3).
    RequestedQos,
}

impl Field {
    /// The rule that demands this field where the reader looks for it.
    pub(super) fn presence_rule(self) -> &'static str {
        match self {
            Self::ProtocolName => "MQTT 3.1.1 section 3.1.2.1",
            Self::ProtocolLevel => "MQTT 3.1.1 section 3.1.2.2",
            Self::ConnectFlags => "MQTT 3.1.1 section 3.1.2.3",
            Self::KeepAlive => "MQTT 3.1.1 section 3.1.2.10",
            Self::ClientId => "MQTT-3.1.3-3",
            Self::WillTopic | Self::WillMessage => "MQTT-3.1.2-9",
            Self::UserName => "MQTT-3.1.2-19",
            Self::Password => "MQTT-3.1.2-21",
            Self::TopicName => "MQTT-3.3.2-1",
            Self::PacketId => "MQTT-2.3.1-1",
            // A body may end before a filter, so a missing one is a length prefix cut in half.
            Self::TopicFilter => "MQTT 3.1.1 section 1.5.3",
            Self::RequestedQos => "MQTT 3.1.1 section 3.8.3",
        }
    }

    /// The section that defines the two-byte length in front of this field.
    pub(super) fn length_rule(self) -> &'static str {
        match self {
            Self::WillMessage => "MQTT 3.1.1 section 3.1.3.3",
            Self::Password => "MQTT 3.1.1 section 3.1.3.5",
            _ => "MQTT 3.1.1 section 1.5.3",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ProtocolName => "protocol name",
            Self::ProtocolLevel => "protocol level",
            Self::ConnectFlags => "connect flags",
            Self::KeepAlive => "keep alive",
            Self::ClientId => "client identifier",
            Self::WillTopic => "will topic",
            Self::WillMessage => "will message",
            Self::UserName => "user name",
            Self::Password => "password",
            Self::TopicName => "topic name",
            Self::PacketId => "packet identifier",
            Self::TopicFilter => "topic filter",
            Self::RequestedQos => "requested QoS",
        })
    }
}
