//! The subscriptions of one session, and what is published on them.

use bytes::BytesMut;

use super::codec::{QoS, SubAck, Subscribe, Unsubscribe, Unwritable, write};
use super::flow::{CloseReason, Flow};

/// The filters on which something is published, each with the quality granted to it.
#[derive(Debug)]
pub(super) struct Subscriptions {
    filters: Vec<(&'static str, Option<QoS>)>,
    next_packet_id: u16,
}

impl Subscriptions {
    /// None yet, to any of these filters.
    pub(super) fn to(filters: &[&'static str]) -> Self {
        let filters = filters.iter().map(|filter| (*filter, None)).collect();
        Self { filters, next_packet_id: 1 }
    }

    /// Answers SUBSCRIBE. QoS 2 is granted as 1 (A.7); `other` decides on filters on which nothing
    /// is ever published.
    pub(super) fn subscribe<Q>(
        &mut self,
        subscribe: &Subscribe,
        mut other: impl FnMut(&str, QoS) -> SubAck,
        out: &mut BytesMut,
    ) -> Flow<Q> {
        let mut answer = |(filter, qos): &(String, QoS)| {
            let qos = (*qos).min(QoS::AtLeastOnce);
            match self.filters.iter_mut().find(|(known, _)| known == filter) {
                Some((_, granted)) => SubAck::Granted(*granted.insert(qos)),
                None => other(filter, qos),
            }
        };
        let answers: Vec<_> = subscribe.filters.iter().map(&mut answer).collect();
        match write::suback(out, subscribe.packet_id, &answers) {
            Ok(()) => Flow::Continue,
            Err(error) => Flow::Close(CloseReason::Refused(error.to_string())),
        }
    }

    /// Answers UNSUBSCRIBE.
    pub(super) fn unsubscribe<Q>(
        &mut self,
        unsubscribe: &Unsubscribe,
        out: &mut BytesMut,
    ) -> Flow<Q> {
        let is_left = |known: &str| unsubscribe.filters.iter().any(|filter| filter == known);
        for (_, granted) in self.filters.iter_mut().filter(|(known, _)| is_left(known)) {
            *granted = None;
        }
        write::unsuback(out, unsubscribe.packet_id);
        Flow::Continue
    }

    /// The quality granted to a filter, if the device has subscribed to it.
    pub(super) fn granted(&self, filter: &str) -> Option<QoS> {
        self.filters.iter().find(|(known, _)| *known == filter).and_then(|(_, granted)| *granted)
    }

    /// Publishes at the quality that was granted.
    pub(super) fn publish(
        &mut self,
        granted: QoS,
        topic: &str,
        body: &str,
        out: &mut BytesMut,
    ) -> Result<(), Unwritable> {
        let packet_id = (granted == QoS::AtLeastOnce).then(|| {
            let id = self.next_packet_id;
            // 0 is not allowed [MQTT-2.3.1-1].
            self.next_packet_id = id.checked_add(1).unwrap_or(1);
            id
        });
        write::publish(out, topic, body.as_bytes(), packet_id)
    }
}
