//! Packets as bytes, what those that came say, and what is wrong with them.

use bytes::BytesMut;
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{Connect, ConnectReturnCode, Packet, Publish};

use crate::device::driver::carrier::Spoken;
use crate::device::error::{Breach, NetworkError};
use crate::device::exchange::{Answer, ConnectFailure, Event};
use crate::wire::{ConnectCode, ResponseTopic};

/// Seconds of silence after which the service may drop the session; we ping before (A.2: the
/// SDKs use 0 to 230).
pub(in crate::device) const KEEP_ALIVE: u16 = 60;
/// Largest packet that is read; DPS itself sends at most 96 KB (H.3).
pub(super) const MAX_PACKET: usize = 256 * 1024;

/// MQTT, to those who carry it.
pub(in crate::device) const SPOKEN: Spoken =
    Spoken { port: |ports| ports.mqtt, subprotocol: "mqtt", longest: MAX_PACKET };

/// CONNECT as it is sent.
pub(in crate::device) fn encoded_connect(connect: Connect) -> Result<BytesMut, ConnectFailure> {
    let mut bytes = BytesMut::new();
    // Fails only if it is longer than any packet can be.
    let written = Packet::Connect(connect).write(&mut bytes, usize::MAX);
    written.map_err(|_| ConnectFailure::Network(NetworkError::ClosedBeforeConnack))?;
    Ok(bytes)
}

pub(super) fn answer(publish: Publish) -> Event {
    match publish.topic.parse::<ResponseTopic>() {
        Ok(ResponseTopic { status, rid, retry_after }) => {
            Event::Answer(Answer { status, rid, retry_after, body: publish.payload.to_vec() })
        }
        Err(_) => Event::Broken(Breach::Topic { topic: publish.topic }),
    }
}

pub(super) fn connect_code(code: ConnectReturnCode) -> ConnectCode {
    match code {
        ConnectReturnCode::Success => ConnectCode::Accepted,
        ConnectReturnCode::RefusedProtocolVersion => ConnectCode::UnacceptableProtocolVersion,
        ConnectReturnCode::BadClientId => ConnectCode::IdentifierRejected,
        ConnectReturnCode::ServiceUnavailable => ConnectCode::ServerUnavailable,
        ConnectReturnCode::BadUserNamePassword => ConnectCode::BadUserNameOrPassword,
        ConnectReturnCode::NotAuthorized => ConnectCode::NotAuthorized,
    }
}

pub(in crate::device) fn unexpected(packet: &Packet, expected: &str) -> Breach {
    let name = match packet {
        Packet::Connect(_) => "CONNECT",
        Packet::ConnAck(_) => "CONNACK",
        Packet::Publish(_) => "PUBLISH",
        Packet::PubAck(_) => "PUBACK",
        Packet::PubRec(_) => "PUBREC",
        Packet::PubRel(_) => "PUBREL",
        Packet::PubComp(_) => "PUBCOMP",
        Packet::Subscribe(_) => "SUBSCRIBE",
        Packet::SubAck(_) => "SUBACK",
        Packet::Unsubscribe(_) => "UNSUBSCRIBE",
        Packet::UnsubAck(_) => "UNSUBACK",
        Packet::PingReq => "PINGREQ",
        Packet::PingResp => "PINGRESP",
        Packet::Disconnect => "DISCONNECT",
    };
    Breach::Packet { reason: format!("it sent {name} where {expected} was expected") }
}

/// rumqttc's own texts name its types; these name what is wrong.
pub(super) fn malformed(error: &CodecError) -> String {
    match error {
        CodecError::InvalidConnectReturnCode(code) => {
            format!("its CONNACK has the unknown code {code}")
        }
        CodecError::PayloadSizeLimitExceeded(size) => {
            format!("it sent a packet of {size} bytes; at most {MAX_PACKET} are read")
        }
        CodecError::TopicNotUtf8 => "it sent a topic that is not UTF-8".to_owned(),
        other => format!("it sent a packet that is not MQTT 3.1.1 ({other})"),
    }
}
