//! The reader: one packet off the front of what has arrived.
//!
//! It reads the bodies of all packets but CONNECT itself. Memory is taken only for a packet that
//! has arrived whole, never on the word of a length; nothing is kept from one call to the next.

use super::cursor::Cursor;
use super::header::{self, Header, PublishFlags};
use super::{
    Field, Packet, PacketType, Publish, QoS, Subscribe, Unsubscribe, Violation, connect, topic,
};
use bytes::{Buf, BytesMut};

/// Takes one whole packet off the front of `buffer`; `Ok(None)` while more bytes are needed.
///
/// `max_packet` limits the whole packet, its fixed header included. A fixed header that is wrong
/// (section 2.2) is reported as soon as the bytes at hand show it; what is wrong behind it, once
/// the packet is complete.
///
/// # Errors
///
/// The rule that the packet breaks. The buffer is then as it was, with the packet at its front, and
/// the connection is beyond repair: where the next packet begins can no longer be trusted.
pub fn read(buffer: &mut BytesMut, max_packet: usize) -> Result<Option<Packet>, Violation> {
    let Some(header) = header::read(buffer, max_packet)? else {
        return Ok(None);
    };
    let Some(body) = buffer.get(header.body..header.size) else {
        return Ok(None);
    };
    let packet = read_body(&header, &mut Cursor::new(body))?;
    buffer.advance(header.size);
    Ok(Some(packet))
}

fn read_body(header: &Header, body: &mut Cursor<'_>) -> Result<Packet, Violation> {
    let packet = header.packet;
    Ok(match packet {
        PacketType::Connect => Packet::Connect(connect::read(body)?),
        PacketType::Publish => Packet::Publish(read_publish(header.flags, body)?),
        PacketType::PubAck => Packet::PubAck(read_acknowledged_id(packet, body)?),
        PacketType::PubRec => Packet::PubRec(read_acknowledged_id(packet, body)?),
        PacketType::PubRel => Packet::PubRel(read_acknowledged_id(packet, body)?),
        PacketType::PubComp => Packet::PubComp(read_acknowledged_id(packet, body)?),
        PacketType::Subscribe => Packet::Subscribe(read_subscribe(body)?),
        PacketType::Unsubscribe => Packet::Unsubscribe(read_unsubscribe(body)?),
        PacketType::PingReq => Packet::PingReq,
        PacketType::Disconnect => Packet::Disconnect,
    })
}

fn read_publish(flags: u8, body: &mut Cursor<'_>) -> Result<Publish, Violation> {
    let PublishFlags { dup, qos, retain } = PublishFlags::new(flags)?;
    let topic = body.text(Field::TopicName)?;
    topic::check_name(topic)?;
    let packet_id = match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => Some(read_packet_id(PacketType::Publish, body)?),
    };
    Ok(Publish {
        dup,
        qos,
        retain,
        topic: topic.to_owned(),
        packet_id,
        payload: body.remainder().to_vec(),
    })
}

fn read_subscribe(body: &mut Cursor<'_>) -> Result<Subscribe, Violation> {
    let packet_id = read_packet_id(PacketType::Subscribe, body)?;
    let mut filters = Vec::new();
    while body.left() > 0 {
        let filter = read_filter(body)?;
        filters.push((filter, read_requested_qos(body)?));
    }
    if filters.is_empty() {
        return Err(Violation::SubscribeWithoutFilter);
    }
    Ok(Subscribe { packet_id, filters })
}

fn read_unsubscribe(body: &mut Cursor<'_>) -> Result<Unsubscribe, Violation> {
    let packet_id = read_packet_id(PacketType::Unsubscribe, body)?;
    let mut filters = Vec::new();
    while body.left() > 0 {
        filters.push(read_filter(body)?);
    }
    if filters.is_empty() {
        return Err(Violation::UnsubscribeWithoutFilter);
    }
    Ok(Unsubscribe { packet_id, filters })
}

fn read_filter(body: &mut Cursor<'_>) -> Result<String, Violation> {
    let filter = body.text(Field::TopicFilter)?;
    topic::check_filter(filter)?;
    Ok(filter.to_owned())
}

fn read_requested_qos(body: &mut Cursor<'_>) -> Result<QoS, Violation> {
    // The whole byte is the number, so that a reserved bit makes it one that is no QoS.
    let seen = body.byte(Field::RequestedQos)?;
    QoS::from_number(seen).ok_or(Violation::RequestedQos { seen })
}

fn read_packet_id(packet: PacketType, body: &mut Cursor<'_>) -> Result<u16, Violation> {
    match body.number(Field::PacketId)? {
        0 => Err(Violation::PacketIdZero { packet }),
        id => Ok(id),
    }
}

fn read_acknowledged_id(packet: PacketType, body: &mut Cursor<'_>) -> Result<u16, Violation> {
    match body.number(Field::PacketId)? {
        0 => Err(Violation::AcknowledgedIdZero { packet }),
        id => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepted, bytes, refused};
    use super::*;

    #[test]
    fn a_packet_identifier_of_zero_is_refused() {
        let packets = [
            (PacketType::Publish, "32 05 000161 0000"),
            (PacketType::Publish, "34 05 000161 0000"),
            (PacketType::Subscribe, "82 06 0000 000161 00"),
            (PacketType::Unsubscribe, "a2 05 0000 000161"),
        ];
        for (packet, hex) in packets {
            let violation = refused(hex);
            assert_eq!(violation, Violation::PacketIdZero { packet });
            assert_eq!(violation.rule(), "MQTT-2.3.1-1");
        }
    }

    #[test]
    fn an_acknowledgement_of_zero_is_refused() {
        let packets = [
            (PacketType::PubAck, "40 02 0000", "MQTT-2.3.1-6"),
            (PacketType::PubRec, "50 02 0000", "MQTT-2.3.1-6"),
            (PacketType::PubRel, "62 02 0000", "MQTT-2.3.1-6"),
            (PacketType::PubComp, "70 02 0000", "MQTT-4.3.3-2"),
        ];
        for (packet, hex, rule) in packets {
            let violation = refused(hex);
            assert_eq!(violation, Violation::AcknowledgedIdZero { packet });
            assert_eq!(violation.rule(), rule);
        }
    }

    #[test]
    fn a_missing_packet_identifier_is_refused() {
        for hex in ["32 03 000161", "82 00", "82 01 00", "a2 00"] {
            let violation = refused(hex);
            let missing = matches!(
                violation,
                Violation::MissingField { field: Field::PacketId, needed: 2, .. }
            );
            assert!(missing, "{violation:?}");
            assert_eq!(violation.rule(), "MQTT-2.3.1-1");
        }
    }

    #[test]
    fn the_topics_of_every_packet_are_checked() {
        assert_eq!(refused("30 02 0000").rule(), "MQTT-4.7.3-1");
        assert_eq!(refused("30 03 00012b").rule(), "MQTT-3.3.2-2");
        assert_eq!(refused("82 05 0001 0000 00").rule(), "MQTT-4.7.3-1");
        assert_eq!(refused("82 07 0001 00026123 00").rule(), "MQTT-4.7.1-2");
        assert_eq!(refused("a2 06 0001 0002612b").rule(), "MQTT-4.7.1-3");
    }

    #[test]
    fn a_packet_without_topic_filter_is_refused() {
        assert_eq!(refused("82 02 0001"), Violation::SubscribeWithoutFilter);
        assert_eq!(Violation::SubscribeWithoutFilter.rule(), "MQTT-3.8.3-3");
        assert_eq!(refused("a2 02 0001"), Violation::UnsubscribeWithoutFilter);
        assert_eq!(Violation::UnsubscribeWithoutFilter.rule(), "MQTT-3.10.3-2");
    }

    #[test]
    fn a_requested_qos_must_be_a_qos_and_nothing_else() {
        for seen in [0x03, 0x04, 0x80, 0xfd] {
            let violation = refused(&format!("82 06 0001 000161 {seen:02x}"));
            assert_eq!(violation, Violation::RequestedQos { seen });
            assert_eq!(violation.rule(), "MQTT-3.8.3-4");
        }
        assert_eq!(refused("82 05 0001 000161").rule(), "MQTT 3.1.1 section 3.8.3");
    }

    #[test]
    fn half_a_length_behind_the_last_filter_is_refused() {
        assert_eq!(refused("82 07 0001 000161 00 00").rule(), "MQTT 3.1.1 section 1.5.3");
        assert_eq!(refused("a2 06 0001 000161 00").rule(), "MQTT 3.1.1 section 1.5.3");
    }

    #[test]
    fn a_remaining_length_longer_than_needed_is_legal() {
        assert_eq!(accepted("c0 80808000"), Packet::PingReq);
        assert_eq!(accepted("40 8200 0001"), Packet::PubAck(1));
    }

    #[test]
    fn only_the_first_packet_is_taken() {
        let mut buffer = bytes("c000 e000 40");
        assert_eq!(read(&mut buffer, 2), Ok(Some(Packet::PingReq)));
        assert_eq!(read(&mut buffer, 2), Ok(Some(Packet::Disconnect)));
        assert_eq!(read(&mut buffer, 2), Ok(None));
        assert_eq!(buffer, bytes("40"));
    }
}
