//! Packets of a client, as whoever watches is told of them.

use super::codec::{Connect, Packet};
use crate::attestation::SasToken;
use crate::service::tap::{WireConnect, WireMoment};

/// None for what says nothing of its client.
pub(super) fn moment(packet: &Packet, is_for_hub: bool) -> Option<WireMoment> {
    Some(match packet {
        Packet::Connect(connect) => WireMoment::Connect(wire_connect(connect, is_for_hub)),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.filters.iter();
            WireMoment::Subscribe(
                filters.map(|(filter, qos)| (filter.clone(), *qos as u8)).collect(),
            )
        }
        Packet::Unsubscribe(_) => WireMoment::Unsubscribe,
        Packet::Publish(publish) => WireMoment::Publish {
            topic: publish.topic.clone(),
            qos: publish.qos as u8,
            retain: publish.retain,
        },
        Packet::PingReq => WireMoment::Ping,
        Packet::Disconnect => WireMoment::Disconnect,
        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => {
            return None;
        }
    })
}

fn wire_connect(connect: &Connect, is_for_hub: bool) -> WireConnect {
    WireConnect {
        client_id: connect.client_id.clone(),
        user_name: connect.user_name.clone(),
        password: connect
            .password
            .as_ref()
            .map(|token| SasToken::from_text(String::from_utf8_lossy(token))),
        clean_session: connect.clean_session,
        keep_alive: connect.keep_alive,
        has_will: connect.will.is_some(),
        is_for_hub,
    }
}
