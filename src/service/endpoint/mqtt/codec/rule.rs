//! The numbers of the rules a violation breaks, and the answer some of them are owed.
//!
//! Every number stands in appendix B of the standard; where it has none for a rule, the section is
//! named instead. Nothing here looks at bytes.

use super::Violation;
use crate::wire::ConnectCode;

impl Violation {
    /// The rule's tag in the standard, such as `MQTT-3.1.2-3`, or the section where it has no tag,
    /// such as `MQTT 3.1.1 section 2.2.3`.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::ReservedPacketType { .. } => "MQTT 3.1.1 section 2.2.1",
            Self::ServerPacket { .. } => "MQTT 3.1.1 section 2.2.1",
            Self::FixedHeaderFlags { packet, .. } => packet.flags_rule(),
            Self::PublishQos3 => "MQTT-3.3.1-4",
            Self::DupWithQos0 => "MQTT-3.3.1-2",
            Self::RemainingLength { .. } => "MQTT 3.1.1 section 2.2.3",
            Self::PacketTooLarge { .. } => "MQTT 3.1.1 section 2.2.3",
            Self::BodyLength { packet, .. } => packet.body_length_rule(),
            Self::MissingField { field, .. } => field.presence_rule(),
            Self::FieldOverrun { field, .. } => field.length_rule(),
            Self::IllFormedUtf8 { .. } => "MQTT-1.5.3-1",
            Self::NulCharacter { .. } => "MQTT-1.5.3-2",
            Self::ProtocolName { .. } | Self::Mqtt31 => "MQTT-3.1.2-1",
            Self::UnsupportedProtocolLevel { .. } => "MQTT-3.1.2-2",
            Self::ReservedConnectFlag { .. } => "MQTT-3.1.2-3",
            Self::WillSettingsWithoutWill { .. } => "MQTT-3.1.2-11",
            Self::WillQosWithoutWill { .. } => "MQTT-3.1.2-13",
            Self::WillRetainWithoutWill => "MQTT-3.1.2-15",
            Self::WillQos3 => "MQTT-3.1.2-14",
            Self::PasswordWithoutUserName { .. } => "MQTT-3.1.2-22",
            Self::UnannouncedUserName { .. } => "MQTT-3.1.2-18",
            Self::UnannouncedPassword { .. } => "MQTT-3.1.2-20",
            Self::TrailingBytes { .. } => "MQTT 3.1.1 section 3.1.3",
            Self::EmptyClientId => "MQTT-3.1.3-8",
            Self::PacketIdZero { .. } => "MQTT-2.3.1-1",
            Self::AcknowledgedIdZero { packet } => packet.acknowledged_id_rule(),
            Self::EmptyTopic { .. } => "MQTT-4.7.3-1",
            Self::WildcardInTopicName { .. } => "MQTT-3.3.2-2",
            Self::WildcardInWillTopic { .. } => "MQTT-4.7.1-1",
            Self::MultiLevelWildcard { .. } => "MQTT-4.7.1-2",
            Self::SingleLevelWildcard { .. } => "MQTT-4.7.1-3",
            Self::SubscribeWithoutFilter => "MQTT-3.8.3-3",
            // Printed as [MQTT-3-8.3-4] in the standard, a slip of the pen.
            Self::RequestedQos { .. } => "MQTT-3.8.3-4",
            Self::UnsubscribeWithoutFilter => "MQTT-3.10.3-2",
            Self::FirstPacketNotConnect { .. } => "MQTT-3.1.0-1",
            Self::SecondConnect => "MQTT-3.1.0-2",
        }
    }

    /// The CONNACK the standard wants sent before the connection is closed; for every other
    /// violation none is to be sent ([MQTT-3.1.4-1]).
    #[must_use]
    pub fn refusal(&self) -> Option<ConnectCode> {
        match self {
            Self::Mqtt31 | Self::UnsupportedProtocolLevel { .. } => {
                Some(ConnectCode::UnacceptableProtocolVersion)
            }
            Self::EmptyClientId => Some(ConnectCode::IdentifierRejected),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PacketType;
    use super::*;

    #[test]
    fn the_rules_of_the_session_have_their_numbers_too() {
        let first = Violation::FirstPacketNotConnect { seen: PacketType::PingReq };
        assert_eq!(first.rule(), "MQTT-3.1.0-1");
        assert_eq!(
            first.to_string(),
            "the first packet of a connection must be CONNECT, but is PINGREQ"
        );
        assert_eq!(Violation::SecondConnect.rule(), "MQTT-3.1.0-2");
    }

    #[test]
    fn three_violations_are_owed_a_connack() {
        let level = Violation::UnsupportedProtocolLevel { level: 5 };
        assert_eq!(level.refusal(), Some(ConnectCode::UnacceptableProtocolVersion));
        // J-214.
        assert_eq!(Violation::Mqtt31.refusal(), Some(ConnectCode::UnacceptableProtocolVersion));
        assert_eq!(Violation::EmptyClientId.refusal(), Some(ConnectCode::IdentifierRejected));
        assert_eq!(Violation::SecondConnect.refusal(), None);
    }
}
