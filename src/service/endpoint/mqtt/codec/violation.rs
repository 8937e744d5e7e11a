//! What a client can do wrong, in the words of the standard; `rule.rs` has its numbers.
//!
//! A violation carries what was seen, never a secret: no variant may hold bytes of a password or of
//! a message. It does not close connections, nor does it know of any.

use super::{Field, PacketType};
use std::str::Utf8Error;

/// A rule of MQTT 3.1.1 that a client's bytes break; the server closes the connection (section
/// 4.8).
///
/// `Display` says what was expected and what was seen, [`rule`](Self::rule) names the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The packet type is one of the two that have no meaning (section 2.2.1).
    #[error("packet type {number} is reserved and must not be sent")]
    ReservedPacketType {
        /// The type seen: 0 or 15.
        number: u8,
    },

    /// The packet is one that only a server sends (section 2.2.1, table 2.1).
    #[error(
        "a packet that a client may send was expected, but this is a {name}, which only a server sends"
    )]
    ServerPacket {
        /// The name of the packet seen.
        name: &'static str,
    },

    /// The low four bits of the first byte are not those of the packet type (section 2.2.2).
    #[error("the fixed header flags of {packet} must be {expected:#06b}, but are {seen:#06b}")]
    FixedHeaderFlags {
        /// The packet's type.
        packet: PacketType,
        /// The flags of that type.
        expected: u8,
        /// The flags seen.
        seen: u8,
    },

    /// Both QoS bits of a PUBLISH are set (section 3.3.1.2).
    #[error("the QoS of PUBLISH must be 0, 1 or 2, but is 3")]
    PublishQos3,

    /// A PUBLISH with QoS 0 says that it is sent again (section 3.3.1.1).
    #[error("the DUP flag of a PUBLISH with QoS 0 must be 0, but is 1")]
    DupWithQos0,

    /// The remaining length goes on after its fourth byte (section 2.2.3).
    #[error(
        "the remaining length must end within four bytes, but the fourth, {fourth:#04x}, announces another"
    )]
    RemainingLength {
        /// The fourth byte, its highest bit set.
        fourth: u8,
    },

    /// The packet is larger than this server takes, whatever the standard allows (section 2.2.3).
    #[error("this server takes packets of up to {limit} bytes, but this one has {size}")]
    PacketTooLarge {
        /// The size of the whole packet, its fixed header included.
        size: usize,
        /// The largest size taken.
        limit: usize,
    },

    /// A packet of fixed size announces another one (the first section of the packet's own).
    #[error("the remaining length of {packet} must be {expected}, but is {seen}")]
    BodyLength {
        /// The packet's type.
        packet: PacketType,
        /// The remaining length of that type.
        expected: usize,
        /// The remaining length seen.
        seen: usize,
    },

    /// The packet ends where a field it must have begins.
    #[error(
        "the packet must go on with the {field}, {needed} bytes or more, but only {left} are left"
    )]
    MissingField {
        /// The field that is missing.
        field: Field,
        /// How many bytes had to be there at least.
        needed: usize,
        /// How many bytes were there.
        left: usize,
    },

    /// The length in front of a field reaches beyond the end of the packet.
    #[error("the length of the {field} says {announced} bytes, but the packet ends after {left}")]
    FieldOverrun {
        /// The field that is too long.
        field: Field,
        /// The length in front of it.
        announced: usize,
        /// How many bytes the packet has behind that length.
        left: usize,
    },

    /// A string is not well-formed UTF-8; surrogates are not (section 1.5.3).
    #[error("the {field} must be well-formed UTF-8, but has an {error}")]
    IllFormedUtf8 {
        /// The string's field.
        field: Field,
        /// Where the string stops being UTF-8.
        error: Utf8Error,
    },

    /// A string contains U+0000 (section 1.5.3).
    #[error("the {field} must not contain the character U+0000, but does at byte {offset}")]
    NulCharacter {
        /// The string's field.
        field: Field,
        /// Where in the string it stands.
        offset: usize,
    },

    /// A CONNECT names another protocol (section 3.1.2.1).
    #[error("the protocol name must be \"MQTT\", but is \"{seen}\"")]
    ProtocolName {
        /// The beginning of the name seen, bytes outside ASCII escaped.
        seen: String,
    },

    /// A CONNECT speaks MQTT 3.1, which has another name; it is owed CONNACK 1 like other versions
    /// (section 3.1.2.1; J-214).
    #[error("the protocol is MQTT 3.1 (\"MQIsdp\"); set MQTT 3.1.1 in the client")]
    Mqtt31,

    /// A CONNECT speaks another version; it is owed CONNACK 1 (section 3.1.2.2).
    #[error(
        "the protocol level must be 4, which is MQTT 3.1.1, but is {level}; set MQTT 3.1.1 in the client"
    )]
    UnsupportedProtocolLevel {
        /// The level seen.
        level: u8,
    },

    /// Bit 0 of the connect flags is set (section 3.1.2.3).
    #[error(
        "bit 0 of the connect flags is reserved and must be 0, but the flags are {flags:#010b}"
    )]
    ReservedConnectFlag {
        /// The connect flags.
        flags: u8,
    },

    /// Will QoS and Will Retain are both set, yet there is no will (section 3.1.2.5).
    #[error("Will QoS and Will Retain must be 0 where the Will Flag is 0, but are {qos} and 1")]
    WillSettingsWithoutWill {
        /// The Will QoS seen.
        qos: u8,
    },

    /// Will QoS is set, yet there is no will (section 3.1.2.6).
    #[error("Will QoS must be 0 where the Will Flag is 0, but is {qos}")]
    WillQosWithoutWill {
        /// The Will QoS seen.
        qos: u8,
    },

    /// Will Retain is set, yet there is no will (section 3.1.2.7).
    #[error("Will Retain must be 0 where the Will Flag is 0, but is 1")]
    WillRetainWithoutWill,

    /// Both bits of the Will QoS are set (section 3.1.2.6).
    #[error("Will QoS must be 0, 1 or 2, but is 3")]
    WillQos3,

    /// The Password Flag is set, yet the User Name Flag is not (section 3.1.2.9).
    #[error(
        "the Password Flag must be 0 where the User Name Flag is 0, but the connect flags are {flags:#010b}"
    )]
    PasswordWithoutUserName {
        /// The connect flags.
        flags: u8,
    },

    /// A CONNECT without User Name Flag goes on where a user name would stand (section 3.1.2.8).
    #[error("no user name may follow where the User Name Flag is 0, but {count} bytes are left")]
    UnannouncedUserName {
        /// How many bytes follow.
        count: usize,
    },

    /// A CONNECT without Password Flag goes on where a password would stand (section 3.1.2.9).
    #[error("no password may follow where the Password Flag is 0, but {count} bytes are left")]
    UnannouncedPassword {
        /// How many bytes follow.
        count: usize,
    },

    /// A CONNECT goes on behind its password, the last field there is (section 3.1.3).
    #[error("the payload must end with the password, but {count} bytes are left")]
    TrailingBytes {
        /// How many bytes follow.
        count: usize,
    },

    /// No client identifier, yet a lasting session; it is owed CONNACK 2 (section 3.1.3.1).
    #[error(
        "a client without identifier must ask for a clean session, but the Clean Session flag is 0"
    )]
    EmptyClientId,

    /// The packet identifier of a PUBLISH, SUBSCRIBE or UNSUBSCRIBE is 0 (section 2.3.1).
    #[error("the packet identifier of {packet} must not be 0")]
    PacketIdZero {
        /// The packet's type.
        packet: PacketType,
    },

    /// An acknowledgement repeats the packet identifier 0, which nothing can have had (section
    /// 2.3.1).
    #[error("{packet} must repeat the packet identifier of what it answers, but that is never 0")]
    AcknowledgedIdZero {
        /// The packet's type.
        packet: PacketType,
    },

    /// A topic name or topic filter has no character (section 4.7.3).
    #[error("the {field} must have one character or more, but is empty")]
    EmptyTopic {
        /// Which topic it is.
        field: Field,
    },

    /// The topic name of a PUBLISH contains a wildcard (section 3.3.2.1).
    #[error(
        "the topic name of PUBLISH must not contain a wildcard, but {topic:?} has a '{wildcard}'"
    )]
    WildcardInTopicName {
        /// The beginning of the topic name.
        topic: String,
        /// The first wildcard in it.
        wildcard: char,
    },

    /// The will topic contains a wildcard (section 4.7.1). Its text is left out: behind wrong
    /// connect flags it may be another field, and that one a password.
    #[error("the will topic must not contain a wildcard, but has a '{wildcard}'")]
    WildcardInWillTopic {
        /// The wildcard.
        wildcard: char,
    },

    /// A `#` is not the whole last level of its topic filter (section 4.7.1.2).
    #[error(
        "a '#' must be the whole last level of its topic filter, which it is not in {filter:?}"
    )]
    MultiLevelWildcard {
        /// The beginning of the topic filter.
        filter: String,
    },

    /// A `+` shares its level of the topic filter with other characters (section 4.7.1.3).
    #[error("a '+' must be a whole level of its topic filter, which it is not in {filter:?}")]
    SingleLevelWildcard {
        /// The beginning of the topic filter.
        filter: String,
    },

    /// A SUBSCRIBE subscribes to nothing (section 3.8.3).
    #[error("SUBSCRIBE must have one topic filter with its requested QoS or more, but has none")]
    SubscribeWithoutFilter,

    /// A requested QoS is 3 or has reserved bits set (section 3.8.3).
    #[error(
        "the requested QoS must be 0, 1 or 2 in a byte of its own, but the byte is {seen:#04x}"
    )]
    RequestedQos {
        /// The byte seen.
        seen: u8,
    },

    /// An UNSUBSCRIBE unsubscribes from nothing (section 3.10.3).
    #[error("UNSUBSCRIBE must have one topic filter or more, but has none")]
    UnsubscribeWithoutFilter,

    /// A connection begins with another packet than CONNECT (section 3.1). For the session to tell.
    #[error("the first packet of a connection must be CONNECT, but is {seen}")]
    FirstPacketNotConnect {
        /// The packet's type.
        seen: PacketType,
    },

    /// A connection has a CONNECT already (section 3.1). For the session to tell.
    #[error("a connection must have one CONNECT only, but this is a second")]
    SecondConnect,
}

/// The beginning of a text a client sent, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    // A topic may have 65,535 bytes; nobody wants to read them all, nor should a client be able to
    // flood a log.
    const SHOWN: usize = 80;
    let mut beginning: String = text.chars().take(SHOWN).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_cut_between_characters() {
        assert_eq!(excerpt("$dps/registrations"), "$dps/registrations");
        assert_eq!(excerpt(&"ü".repeat(80)), "ü".repeat(80));
        assert_eq!(excerpt(&"ü".repeat(81)), format!("{}…", "ü".repeat(80)));
    }
}
