//! The packets that this server sends, appended to a buffer.
//!
//! Only what the server has use for: it never publishes with QoS 2, so the packets of that
//! handshake are missing. Sending is the caller's.

use bytes::{BufMut, BytesMut};

use super::QoS;
use crate::wire::ConnectCode;

/// The largest remaining length that four bytes can carry (section 2.2.3, table 2.4).
const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// The answer to one topic filter of a SUBSCRIBE (section 3.9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubAck {
    /// The subscription stands, with this quality of service at most.
    Granted(QoS),
    /// The subscription was refused.
    Failure,
}

/// Why a packet cannot be written; the output is then as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The topic does not fit the two bytes of its length (section 1.5.3).
    #[error("a topic has up to 65535 bytes, but this one has {length}")]
    Topic {
        /// The bytes of the topic.
        length: usize,
    },
    /// The packet does not fit the four bytes of its remaining length (section 2.2.3).
    #[error(
        "a packet has a remaining length of up to {MAX_REMAINING_LENGTH}, but this one has {length}"
    )]
    Packet {
        /// The remaining length that it would take.
        length: usize,
    },
    /// The packet identifier is 0 (section 2.3.1).
    #[error("a packet identifier must not be 0")]
    PacketId,
}

/// Appends CONNACK (section 3.2). A refusal never has a session present ([MQTT-3.2.2-4]).
pub fn connack(out: &mut BytesMut, session_present: bool, code: ConnectCode) {
    let session_present = session_present && code == ConnectCode::Accepted;
    out.put_slice(&[0x20, 2, u8::from(session_present), code as u8]);
}

/// Appends SUBACK with one answer per topic filter, in their order (section 3.9).
///
/// # Errors
///
/// There are more answers than a packet can carry, and so than any SUBSCRIBE can have asked for.
pub fn suback(out: &mut BytesMut, packet_id: u16, answers: &[SubAck]) -> Result<(), Unwritable> {
    fixed_header(out, 0x90, 2 + answers.len())?;
    out.put_u16(packet_id);
    out.extend(answers.iter().map(|answer| match answer {
        SubAck::Granted(qos) => *qos as u8,
        SubAck::Failure => 0x80,
    }));
    Ok(())
}

/// Appends UNSUBACK (section 3.11).
pub fn unsuback(out: &mut BytesMut, packet_id: u16) {
    out.put_slice(&[0xb0, 2]);
    out.put_u16(packet_id);
}

/// Appends PUBACK (section 3.4).
pub fn puback(out: &mut BytesMut, packet_id: u16) {
    out.put_slice(&[0x40, 2]);
    out.put_u16(packet_id);
}

/// Appends PUBLISH, neither retained nor repeated: with QoS 1 if it has a packet identifier, else
/// QoS 0 (section 3.3).
///
/// The topic is taken to be a topic name: not empty, free of wildcards and of U+0000.
///
/// # Errors
///
/// The topic or the packet is too long, which a topic that echoes a client's may be, or the
/// identifier is 0.
pub fn publish(
    out: &mut BytesMut,
    topic: &str,
    payload: &[u8],
    packet_id: Option<u16>,
) -> Result<(), Unwritable> {
    if packet_id == Some(0) {
        return Err(Unwritable::PacketId);
    }
    let length = topic.len();
    let topic_length = u16::try_from(length).map_err(|_| Unwritable::Topic { length })?;
    let (first, id_length) = if packet_id.is_some() { (0x32, 2) } else { (0x30, 0) };
    fixed_header(out, first, 2 + length + id_length + payload.len())?;
    out.put_u16(topic_length);
    out.put_slice(topic.as_bytes());
    if let Some(packet_id) = packet_id {
        out.put_u16(packet_id);
    }
    out.put_slice(payload);
    Ok(())
}

/// Appends PINGRESP (section 3.13).
pub fn pingresp(out: &mut BytesMut) {
    out.put_slice(&[0xd0, 0]);
}

fn fixed_header(out: &mut BytesMut, first: u8, length: usize) -> Result<(), Unwritable> {
    if length > MAX_REMAINING_LENGTH {
        return Err(Unwritable::Packet { length });
    }
    out.reserve(5 + length);
    out.put_u8(first);
    let mut rest = length;
    while rest > 0x7f {
        out.put_u8((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::bytes;
    use super::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
        let mut out = BytesMut::new();
        write(&mut out);
        out
    }

    #[test]
    fn a_refusal_has_no_session_present() {
        let connack = |code| written(|out| connack(out, true, code));
        assert_eq!(connack(ConnectCode::Accepted), bytes("20 02 01 00"));
        assert_eq!(connack(ConnectCode::NotAuthorized), bytes("20 02 00 05"));
    }

    #[test]
    fn the_acknowledgements_repeat_their_identifier() {
        assert_eq!(written(|out| puback(out, 0x1234)), bytes("40 02 1234"));
        assert_eq!(written(|out| unsuback(out, 0x1234)), bytes("b0 02 1234"));
        assert_eq!(written(pingresp), bytes("d0 00"));
    }

    #[test]
    fn a_suback_answers_every_filter() {
        let answers =
            [SubAck::Granted(QoS::AtMostOnce), SubAck::Granted(QoS::ExactlyOnce), SubAck::Failure];
        let mut out = BytesMut::new();
        assert_eq!(suback(&mut out, 7, &answers), Ok(()));
        assert_eq!(out, bytes("90 05 0007 00 02 80"));
    }

    #[test]
    fn a_publish_has_qos_1_with_an_identifier_and_qos_0_without() {
        let mut out = BytesMut::new();
        assert_eq!(publish(&mut out, "a/b", b"hi", None), Ok(()));
        assert_eq!(publish(&mut out, "a/b", b"", Some(9)), Ok(()));
        assert_eq!(out, bytes("30 07 0003 612f62 6869 32 07 0003 612f62 0009"));
    }

    #[test]
    fn what_cannot_be_written_leaves_no_trace() {
        let mut out = BytesMut::new();
        let topic = "t".repeat(65_536);
        assert_eq!(publish(&mut out, &topic, b"", None), Err(Unwritable::Topic { length: 65_536 }));
        assert_eq!(publish(&mut out, "t", b"", Some(0)), Err(Unwritable::PacketId));
        let length = MAX_REMAINING_LENGTH + 1;
        assert_eq!(fixed_header(&mut out, 0x30, length), Err(Unwritable::Packet { length }));
        assert!(out.is_empty());
    }
}
