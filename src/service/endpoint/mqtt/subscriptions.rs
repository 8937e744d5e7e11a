//! The subscriptions of one session, and what is published on them.

use bytes::BytesMut;

use super::codec::{QoS, SubAck, Subscribe, Unsubscribe, Unwritable, write};
use super::flow::{CloseReason, Flow};
use crate::wire::{filter_matches, filters_meet};

/// Subscriptions of one client at most: IoT Hub's limit (J-180).
const MAX_SUBSCRIPTIONS: usize = 50;

/// What a client has subscribed to, each filter with the quality granted to it. Filters are matched as
/// MQTT does it, wherever it is asked whether something reaches the client.
#[derive(Debug)]
pub(super) struct Subscriptions {
    /// All that is ever published to this client is under one of these.
    published: Vec<String>,
    granted: Vec<(String, QoS)>,
    next_packet_id: u16,
}

impl Subscriptions {
    /// None yet, of a client that is told nothing but what these filters match.
    pub(super) fn to<F: Into<String>>(published: impl IntoIterator<Item = F>) -> Self {
        let published = published.into_iter().map(Into::into).collect();
        Self { published, granted: Vec::new(), next_packet_id: 1 }
    }

    /// Answers SUBSCRIBE of the client `name`. QoS 2 is granted as 1 (A.7); `other` decides on filters
    /// on which nothing is ever published, and which are not kept.
    pub(super) fn subscribe<Q>(
        &mut self,
        name: &str,
        subscribe: &Subscribe,
        mut other: impl FnMut(&str, QoS) -> SubAck,
        out: &mut BytesMut,
    ) -> Flow<Q> {
        let mut refused = 0_usize;
        let mut answer = |(filter, qos): &(String, QoS)| {
            let qos = (*qos).min(QoS::AtLeastOnce);
            if !self.published.iter().any(|published| filters_meet(filter, published)) {
                return other(filter, qos);
            }
            // The same filter again takes the place of the older one [MQTT-3.8.4-3].
            let count = self.granted.len();
            match self.granted.iter_mut().find(|(known, _)| known == filter) {
                Some((_, granted)) => *granted = qos,
                None if count < MAX_SUBSCRIPTIONS => {
                    self.granted.push((filter.clone(), qos));
                }
                None => {
                    refused += 1;
                    return SubAck::Failure;
                }
            }
            SubAck::Granted(qos)
        };
        let answers: Vec<_> = subscribe.filters.iter().map(&mut answer).collect();
        if refused > 0 {
            tracing::warn!(
                "{name}: has {MAX_SUBSCRIPTIONS} subscriptions; {refused} more are refused (J-180)"
            );
        }
        match write::suback(out, subscribe.packet_id, &answers) {
            Ok(()) => Flow::Continue,
            Err(error) => Flow::Close(CloseReason::Refused(error.to_string())),
        }
    }

    /// Answers UNSUBSCRIBE, in which filters are compared letter by letter [MQTT-3.10.4-1].
    pub(super) fn unsubscribe<Q>(
        &mut self,
        unsubscribe: &Unsubscribe,
        out: &mut BytesMut,
    ) -> Flow<Q> {
        self.granted.retain(|(known, _)| !unsubscribe.filters.contains(known));
        write::unsuback(out, unsubscribe.packet_id);
        Flow::Continue
    }

    /// The quality at which the client is told what is published on a topic, if it subscribed to it:
    /// the highest of all that match [MQTT-3.3.5-1].
    pub(super) fn granted(&self, topic: &str) -> Option<QoS> {
        let matching = self.granted.iter().filter(|(filter, _)| filter_matches(filter, topic));
        matching.map(|(_, qos)| *qos).max()
    }

    /// Whether the client may hear something of what is published under a filter.
    pub(super) fn may_hear(&self, published: &str) -> bool {
        self.granted.iter().any(|(filter, _)| filters_meet(filter, published))
    }

    /// Publishes at the quality that was granted; at QoS 1 there is a packet identifier.
    pub(super) fn publish(
        &mut self,
        granted: QoS,
        topic: &str,
        body: impl AsRef<[u8]>,
        out: &mut BytesMut,
    ) -> Result<Option<u16>, Unwritable> {
        let packet_id = (granted == QoS::AtLeastOnce).then(|| {
            let id = self.next_packet_id;
            // 0 is not allowed [MQTT-2.3.1-1].
            self.next_packet_id = id.checked_add(1).unwrap_or(1);
            id
        });
        write::publish(out, topic, body.as_ref(), packet_id)?;
        Ok(packet_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribed(subscriptions: &mut Subscriptions, filters: &[(&str, QoS)]) -> Vec<u8> {
        let filters = filters.iter().map(|(filter, qos)| ((*filter).to_owned(), *qos)).collect();
        let mut out = BytesMut::new();
        let subscribe = Subscribe { packet_id: 1, filters };
        let flow =
            subscriptions.subscribe::<()>("pump", &subscribe, |_, _| SubAck::Failure, &mut out);
        assert!(matches!(flow, Flow::Continue));
        out[4..].to_vec()
    }

    #[test]
    fn a_4_whatever_filter_matches_is_told_at_the_highest_quality() {
        let mut subscriptions = Subscriptions::to(["$dps/registrations/res/#"]);
        let filters =
            [("$dps/#", QoS::AtMostOnce), ("$dps/registrations/res/200/#", QoS::AtLeastOnce)];

        assert_eq!(subscribed(&mut subscriptions, &filters), [0, 1]);

        let granted = |topic| subscriptions.granted(topic);
        assert_eq!(granted("$dps/registrations/res/200/?$rid=1"), Some(QoS::AtLeastOnce));
        assert_eq!(granted("$dps/registrations/res/202/?$rid=1"), Some(QoS::AtMostOnce));
        assert_eq!(granted("$iothub/twin/res/200/?$rid=1"), None);
    }

    #[test]
    fn a_4_wildcards_in_front_are_silent_on_reserved_topics() {
        let mut subscriptions = Subscriptions::to(["$dps/registrations/res/#"]);
        let filters = ["#", "+/#", "+/registrations/res/#"].map(|it| (it, QoS::AtMostOnce));

        assert_eq!(subscribed(&mut subscriptions, &filters), [0x80; 3]);
        assert_eq!(subscriptions.granted("$dps/registrations/res/200/?$rid=1"), None);
    }

    #[test]
    fn j_180_the_fifty_first_subscription_is_refused_and_an_older_one_can_be_renewed() {
        let mut subscriptions = Subscriptions::to(["a/#"]);
        let names: Vec<_> = (0..51).map(|n| format!("a/{n}")).collect();
        let all: Vec<_> = names.iter().map(|it| (it.as_str(), QoS::AtMostOnce)).collect();

        let answers = subscribed(&mut subscriptions, &all);

        assert_eq!((answers[49], answers[50]), (0, 0x80));
        assert_eq!(subscribed(&mut subscriptions, &[("a/7", QoS::AtLeastOnce)]), [1]);
    }
}
