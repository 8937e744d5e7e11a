//! The fixed header (section 2.2): what kind of packet begins here, and where it ends.
//!
//! This is the part of the reader that works on bytes still arriving. It speaks up as soon as the
//! bytes at hand are wrong, since a client with a broken length would otherwise wait for an answer
//! that never comes. The packet's body is none of its business.

use super::{PacketType, QoS, Violation};

/// A fixed header in which nothing is wrong.
pub(super) struct Header {
    pub(super) packet: PacketType,
    /// The low four bits of the first byte, right for `packet`.
    pub(super) flags: u8,
    /// Where in the buffer the body starts.
    pub(super) body: usize,
    /// The size of the whole packet, so that its body ends here.
    pub(super) size: usize,
}

/// Reads the fixed header at the front of `bytes`; `None` while it is incomplete and nothing wrong
/// yet.
pub(super) fn read(bytes: &[u8], max_packet: usize) -> Result<Option<Header>, Violation> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let packet = packet_type(first >> 4)?;
    let flags = first & 0b1111;
    check_flags(packet, flags)?;
    let Some((width, length)) = remaining_length(rest)? else {
        return Ok(None);
    };
    check_length(packet, length)?;
    let body = 1 + width;
    let size = body + length;
    if size > max_packet {
        return Err(Violation::PacketTooLarge { size, limit: max_packet });
    }
    Ok(Some(Header { packet, flags, body, size }))
}

/// The type of that number, if it is one a client may send.
fn packet_type(number: u8) -> Result<PacketType, Violation> {
    Ok(match number {
        1 => PacketType::Connect,
        2 => return Err(Violation::ServerPacket { name: "CONNACK" }),
        3 => PacketType::Publish,
        4 => PacketType::PubAck,
        5 => PacketType::PubRec,
        6 => PacketType::PubRel,
        7 => PacketType::PubComp,
        8 => PacketType::Subscribe,
        9 => return Err(Violation::ServerPacket { name: "SUBACK" }),
        10 => PacketType::Unsubscribe,
        11 => return Err(Violation::ServerPacket { name: "UNSUBACK" }),
        12 => PacketType::PingReq,
        13 => return Err(Violation::ServerPacket { name: "PINGRESP" }),
        14 => PacketType::Disconnect,
        _ => return Err(Violation::ReservedPacketType { number }),
    })
}

/// What the flags of a PUBLISH say (sections 3.3.1.1 to 3.3.1.3).
pub(super) struct PublishFlags {
    pub(super) dup: bool,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

impl PublishFlags {
    pub(super) fn new(flags: u8) -> Result<Self, Violation> {
        let dup = flags & 0b1000 != 0;
        let qos = QoS::from_number((flags >> 1) & 0b11).ok_or(Violation::PublishQos3)?;
        let retain = flags & 0b0001 != 0;
        if dup && qos == QoS::AtMostOnce {
            return Err(Violation::DupWithQos0);
        }
        Ok(Self { dup, qos, retain })
    }
}

fn check_flags(packet: PacketType, flags: u8) -> Result<(), Violation> {
    let expected = match packet {
        PacketType::Publish => return PublishFlags::new(flags).map(drop),
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => 0b0010,
        _ => 0,
    };
    if flags == expected {
        return Ok(());
    }
    Err(Violation::FixedHeaderFlags { packet, expected, seen: flags })
}

/// How many bytes the remaining length takes, and its value. Zeros at its end are legal in MQTT
/// 3.1.1: the rule that it be as short as possible came with MQTT 5.
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Violation> {
    const LONGEST: usize = 4;
    let mut length = 0;
    for (index, &byte) in bytes.iter().take(LONGEST).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((index + 1, length)));
        }
        if index + 1 == LONGEST {
            return Err(Violation::RemainingLength { fourth: byte });
        }
    }
    Ok(None)
}

fn check_length(packet: PacketType, seen: usize) -> Result<(), Violation> {
    let expected = match packet {
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => 2,
        PacketType::PingReq | PacketType::Disconnect => 0,
        PacketType::Connect
        | PacketType::Publish
        | PacketType::Subscribe
        | PacketType::Unsubscribe => return Ok(()),
    };
    if seen == expected {
        return Ok(());
    }
    Err(Violation::BodyLength { packet, expected, seen })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, refused};
    use super::*;

    #[test]
    fn wrong_flags_are_refused_by_the_first_byte() {
        let rules = [
            (PacketType::Connect, "11", "MQTT-2.2.2-2"),
            (PacketType::PubAck, "42", "MQTT-2.2.2-2"),
            (PacketType::PubRec, "54", "MQTT-2.2.2-2"),
            (PacketType::PubRel, "60", "MQTT-3.6.1-1"),
            (PacketType::PubComp, "78", "MQTT-2.2.2-2"),
            (PacketType::Subscribe, "80", "MQTT-3.8.1-1"),
            (PacketType::Unsubscribe, "a3", "MQTT-3.10.1-1"),
            (PacketType::PingReq, "c1", "MQTT-2.2.2-2"),
            (PacketType::Disconnect, "e2", "MQTT-3.14.1-1"),
        ];
        for (expected, first, rule) in rules {
            let violation = refused(first);
            assert!(
                matches!(violation, Violation::FixedHeaderFlags { packet, .. } if packet == expected)
            );
            assert_eq!(violation.rule(), rule, "{first}");
        }
        let message = refused("60").to_string();
        assert_eq!(message, "the fixed header flags of PUBREL must be 0b0010, but are 0b0000");
    }

    #[test]
    fn a_publish_with_qos_3_is_refused_by_its_first_byte() {
        for first in ["36", "37", "3e", "3f"] {
            assert_eq!(refused(first), Violation::PublishQos3);
        }
        assert_eq!(Violation::PublishQos3.rule(), "MQTT-3.3.1-4");
    }

    #[test]
    fn a_repeated_publish_with_qos_0_is_refused_by_its_first_byte() {
        for first in ["38", "39"] {
            assert_eq!(refused(first), Violation::DupWithQos0);
        }
        assert_eq!(Violation::DupWithQos0.rule(), "MQTT-3.3.1-2");
    }

    #[test]
    fn a_remaining_length_of_five_bytes_is_refused_by_the_fourth() {
        let violation = refused("30 80808080");
        assert_eq!(violation, Violation::RemainingLength { fourth: 0x80 });
        assert_eq!(violation.rule(), "MQTT 3.1.1 section 2.2.3");
    }

    #[test]
    fn the_remaining_length_is_read_as_in_table_2_4() {
        let table = [
            ("00", 1, 0),
            ("7f", 1, 127),
            ("8001", 2, 128),
            ("ff7f", 2, 16_383),
            ("808001", 3, 16_384),
            ("ffff7f", 3, 2_097_151),
            ("80808001", 4, 2_097_152),
            ("ffffff7f", 4, 268_435_455),
            ("80808000", 4, 0),
        ];
        for (hex, width, length) in table {
            assert_eq!(remaining_length(&bytes(hex)), Ok(Some((width, length))), "{hex}");
        }
        assert_eq!(remaining_length(&bytes("ffffff")), Ok(None));
    }

    #[test]
    fn a_packet_over_the_limit_is_refused_by_its_fixed_header() {
        let limit = 130;
        let size =
            |hex: &str| read(&bytes(hex), limit).map(|header| header.map(|header| header.size));
        assert_eq!(size("30 7f"), Ok(Some(129)));
        let violation = size("30 8001").expect_err("131 bytes");
        assert_eq!(violation, Violation::PacketTooLarge { size: 131, limit });
        assert_eq!(violation.rule(), "MQTT 3.1.1 section 2.2.3");
    }

    #[test]
    fn a_packet_of_fixed_size_is_refused_by_another_remaining_length() {
        let rules = [
            ("40 03", "MQTT 3.1.1 section 3.4.1"),
            ("50 00", "MQTT 3.1.1 section 3.5.1"),
            ("62 01", "MQTT 3.1.1 section 3.6.1"),
            ("70 04", "MQTT 3.1.1 section 3.7.1"),
            ("c0 01", "MQTT 3.1.1 section 3.12.1"),
            ("e0 ffffff7f", "MQTT 3.1.1 section 3.14.1"),
        ];
        for (hex, rule) in rules {
            let violation = refused(hex);
            assert!(matches!(violation, Violation::BodyLength { .. }), "{violation:?}");
            assert_eq!(violation.rule(), rule, "{hex}");
        }
    }

    #[test]
    fn a_packet_of_the_server_is_refused_by_its_first_byte() {
        for (first, name) in
            [("20", "CONNACK"), ("90", "SUBACK"), ("b0", "UNSUBACK"), ("d0", "PINGRESP")]
        {
            let violation = refused(first);
            assert_eq!(violation, Violation::ServerPacket { name });
            assert_eq!(violation.rule(), "MQTT 3.1.1 section 2.2.1");
        }
    }

    #[test]
    fn the_reserved_types_are_refused_by_their_first_byte() {
        for (first, number) in [("00", 0), ("f0", 15)] {
            let violation = refused(first);
            assert_eq!(violation, Violation::ReservedPacketType { number });
            assert_eq!(violation.rule(), "MQTT 3.1.1 section 2.2.1");
        }
    }
}
