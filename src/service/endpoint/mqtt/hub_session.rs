//! A device's MQTT session with its hub as a pure state machine: packets and notices in, packets and
//! questions out (I).
//!
//! Who may sign in is decided elsewhere; here it has signed in.

use bytes::BytesMut;

use super::codec::{Packet, Publish, QoS, SubAck, Subscribe, Violation, write};
use super::flow::{CloseReason, Flow};
use super::subscriptions::Subscriptions;
use crate::service::hub::HubNotice;
use crate::service::record::HubKey;
use crate::wire::{
    DESIRED_FILTER, DeviceTopic, HubTopic, METHODS_FILTER, TWIN_RESPONSE_FILTER, devicebound_filter,
};

/// What a device wants of its hub.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HubQuestion {
    /// Its twin.
    Twin {
        /// The device's name for the request.
        rid: String,
    },
    /// To report properties.
    Report {
        /// The device's name for the request.
        rid: String,
        /// The change, JSON.
        patch: Vec<u8>,
    },
    /// To send a message, which is counted.
    Message,
}

/// What a hub answers to a twin request.
#[derive(Debug)]
pub(super) struct HubAnswer {
    /// As in HTTP.
    pub(super) status: u16,
    /// The new version of the reported properties.
    pub(super) version: Option<u64>,
    /// JSON in pure ASCII, or nothing.
    pub(super) body: String,
}

/// A session, from CONNACK on.
#[derive(Debug)]
pub(super) struct HubSession {
    key: HubKey,
    subscriptions: Subscriptions,
}

impl HubSession {
    pub(super) fn new(key: HubKey) -> Self {
        let devicebound = devicebound_filter(key.device_id().as_str());
        let published = [TWIN_RESPONSE_FILTER, DESIRED_FILTER, METHODS_FILTER, &devicebound];
        let subscriptions = Subscriptions::to(published);
        Self { key, subscriptions }
    }

    /// The device.
    pub(super) fn key(&self) -> &HubKey {
        &self.key
    }

    /// Takes in a packet; what has to be sent is appended to `out`.
    pub(super) fn take(&mut self, packet: Packet, out: &mut BytesMut) -> Flow<HubQuestion> {
        match packet {
            Packet::Connect(_) => Flow::Close(CloseReason::Violated(Violation::SecondConnect)),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, out),
            Packet::Unsubscribe(unsubscribe) => self.subscriptions.unsubscribe(&unsubscribe, out),
            Packet::Publish(publish) => self.publish(publish, out),
            Packet::PingReq => {
                write::pingresp(out);
                Flow::Continue
            }
            Packet::PubAck(_) => Flow::Continue,
            Packet::Disconnect => Flow::Close(CloseReason::Disconnected),
            Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => {
                Flow::Close(CloseReason::Refused(
                    "it speaks of QoS 2, which a hub does not have (I)".to_owned(),
                ))
            }
        }
    }

    /// Every filter is granted; those on which a hub never publishes are logged (J-135), in one line
    /// however many they are.
    fn subscribe(&mut self, subscribe: &Subscribe, out: &mut BytesMut) -> Flow<HubQuestion> {
        let name = self.key.device_id();
        let (mut example, mut silent) = (None, 0_usize);
        let grant = |filter: &str, qos| {
            example.get_or_insert_with(|| filter.to_owned());
            silent += 1;
            SubAck::Granted(qos)
        };
        let flow = self.subscriptions.subscribe(name.as_str(), subscribe, grant, out);
        if let Some(example) = example {
            let more = if silent > 1 { format!(" and {} more", silent - 1) } else { String::new() };
            tracing::warn!(
                "{name}: subscribes to {example:?}{more}, on which a hub never publishes (I)"
            );
        }
        flow
    }

    fn publish(&mut self, publish: Publish, out: &mut BytesMut) -> Flow<HubQuestion> {
        if publish.qos == QoS::ExactlyOnce {
            let reason = "it publishes with QoS 2, on which a hub hangs up (I); use 0 or 1";
            return Flow::Close(CloseReason::Refused(reason.to_owned()));
        }
        if let Some(packet_id) = publish.packet_id {
            write::puback(out, packet_id);
        }
        let name = self.key.device_id();
        match publish.topic.parse() {
            Ok(DeviceTopic::TwinGet { rid }) => Flow::Ask(HubQuestion::Twin { rid }),
            Ok(DeviceTopic::TwinReport { rid }) => {
                Flow::Ask(HubQuestion::Report { rid, patch: publish.payload })
            }
            Ok(DeviceTopic::Telemetry { device_id, .. }) if *name == *device_id => {
                Flow::Ask(HubQuestion::Message)
            }
            Ok(DeviceTopic::Telemetry { device_id, .. }) => {
                tracing::warn!(
                    "{name}: sends a message as {device_id:?}, which is ignored (J-136)"
                );
                Flow::Continue
            }
            Ok(DeviceTopic::MethodResponse) => Flow::Continue,
            Err(error) => {
                let topic = &publish.topic;
                tracing::warn!("{name}: publishes on {topic:?}, which is ignored; {error} (J-136)");
                Flow::Continue
            }
        }
    }

    /// Appends the answer to a twin request.
    pub(super) fn answer(&mut self, rid: String, answer: &HubAnswer, out: &mut BytesMut) {
        let HubAnswer { status, version, body } = answer;
        let topic = HubTopic::TwinResponse { status: *status, rid, version: *version };
        if !self.send(&topic, body, out) {
            tracing::warn!(
                "{}: is not subscribed to {TWIN_RESPONSE_FILTER} and will not hear the answer (I)",
                self.key.device_id()
            );
        }
    }

    /// Appends what the hub has to say; an answer is a reason to close the connection.
    pub(super) fn tell(&mut self, notice: HubNotice, out: &mut BytesMut) -> Option<CloseReason> {
        match notice {
            HubNotice::Desired { version, patch } => {
                self.send(&HubTopic::Desired { version }, &patch, out);
                None
            }
            HubNotice::Method { .. } | HubNotice::Messages => None,
            HubNotice::Disconnect(why) => Some(CloseReason::Refused(why.to_owned())),
        }
    }

    /// Whether the device has subscribed to what is sent.
    fn send(&mut self, topic: &HubTopic, body: &str, out: &mut BytesMut) -> bool {
        let topic = topic.to_string();
        let Some(granted) = self.subscriptions.granted(&topic) else { return false };
        if let Err(error) = self.subscriptions.publish(granted, &topic, body, out) {
            tracing::warn!("{}: cannot be answered: {error}", self.key.device_id());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::codec::{Unsubscribe, read};
    use super::*;

    fn session() -> HubSession {
        HubSession::new(HubKey::new(&"hub.net".parse().unwrap(), &"pump".parse().unwrap()))
    }

    fn take(session: &mut HubSession, packet: Packet) -> (Flow<HubQuestion>, Vec<u8>) {
        let mut out = BytesMut::new();
        let flow = session.take(packet, &mut out);
        (flow, out.to_vec())
    }

    fn publish(topic: &str, qos: QoS) -> Packet {
        let packet_id = (qos != QoS::AtMostOnce).then_some(9);
        let (topic, payload) = (topic.to_owned(), b"{}".to_vec());
        Packet::Publish(Publish { dup: false, qos, retain: false, topic, packet_id, payload })
    }

    fn subscribe(session: &mut HubSession, filters: &[&str], qos: QoS) -> Vec<u8> {
        let filters = filters.iter().map(|&filter| (filter.to_owned(), qos)).collect();
        take(session, Packet::Subscribe(Subscribe { packet_id: 1, filters })).1
    }

    fn sent(out: &[u8]) -> Publish {
        match read(&mut BytesMut::from(out), 4096) {
            Ok(Some(Packet::Publish(publish))) => publish,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn i_the_twin_is_asked_for_and_answered_at_the_granted_quality() {
        for (qos, packet_id) in [(QoS::AtMostOnce, None), (QoS::AtLeastOnce, Some(1))] {
            let mut session = session();
            subscribe(&mut session, &[TWIN_RESPONSE_FILTER], qos);

            let (flow, _) = take(&mut session, publish("$iothub/twin/GET/?$rid=a", qos));
            let Flow::Ask(HubQuestion::Twin { rid }) = flow else { panic!("{flow:?}") };
            let answer = HubAnswer { status: 200, version: None, body: "{}".to_owned() };
            let mut out = BytesMut::new();
            session.answer(rid, &answer, &mut out);

            let answer = sent(&out);
            assert_eq!(answer.topic, "$iothub/twin/res/200/?$rid=a");
            assert_eq!((answer.qos, answer.packet_id), (qos, packet_id));
        }
    }

    #[test]
    fn i_a_report_is_acknowledged_first_and_answered_with_its_version() {
        let mut session = session();
        subscribe(&mut session, &[TWIN_RESPONSE_FILTER], QoS::AtMostOnce);
        let topic = "$iothub/twin/PATCH/properties/reported/?$rid=b";

        let (flow, out) = take(&mut session, publish(topic, QoS::AtLeastOnce));

        assert_eq!(out, [0x40, 2, 0, 9]);
        let Flow::Ask(HubQuestion::Report { rid, patch }) = flow else { panic!("{flow:?}") };
        assert_eq!(patch, b"{}");
        let mut out = BytesMut::new();
        let answer = HubAnswer { status: 204, version: Some(2), body: String::new() };
        session.answer(rid, &answer, &mut out);
        assert_eq!(sent(&out).topic, "$iothub/twin/res/204/?$rid=b&$version=2");
    }

    #[test]
    fn i_desired_changes_are_told_to_whoever_subscribed() {
        let mut session = session();
        let notice =
            || HubNotice::Desired { version: 3, patch: Arc::from(r#"{"a":1,"$version":3}"#) };
        let mut out = BytesMut::new();

        assert!(session.tell(notice(), &mut out).is_none());
        assert!(out.is_empty());

        subscribe(&mut session, &[DESIRED_FILTER], QoS::AtLeastOnce);
        session.tell(notice(), &mut out);
        assert_eq!(sent(&out).topic, "$iothub/twin/PATCH/properties/desired/?$version=3");

        let filters = vec![DESIRED_FILTER.to_owned()];
        take(&mut session, Packet::Unsubscribe(Unsubscribe { packet_id: 2, filters }));
        out.clear();
        session.tell(notice(), &mut out);
        assert!(out.is_empty());
        assert!(session.tell(HubNotice::Disconnect("go"), &mut out).is_some());
    }

    #[test]
    fn i_answers_come_on_every_filter_that_matches_them_and_on_no_other() {
        for (filter, is_heard) in [
            ("$iothub/twin/res/200/#", true),
            ("$iothub/twin/res/+/#", true),
            ("$iothub/twin/#", true),
            ("$iothub/#", true),
            ("$iothub/twin/res/204/#", false),
            ("#", false),
            ("+/twin/res/#", false),
        ] {
            let mut session = session();
            subscribe(&mut session, &[filter], QoS::AtMostOnce);
            let answer = HubAnswer { status: 200, version: None, body: "{}".to_owned() };
            let mut out = BytesMut::new();

            session.answer("a".to_owned(), &answer, &mut out);

            assert_eq!(!out.is_empty(), is_heard, "{filter}");
        }
    }

    /// J-135.
    #[test]
    fn i_all_subscriptions_are_acknowledged() {
        let out = subscribe(
            &mut session(),
            &[METHODS_FILTER, "devices/pump/messages/devicebound/#", TWIN_RESPONSE_FILTER],
            QoS::ExactlyOnce,
        );

        assert_eq!(out, [0x90, 5, 0, 1, 1, 1, 1]);
    }

    /// J-136.
    #[test]
    fn i_messages_are_taken_from_the_device_itself_and_qos_2_closes() {
        let mut session = session();
        let own = "devices/pump/messages/events/a=1";

        let (flow, out) = take(&mut session, publish(own, QoS::AtLeastOnce));
        assert!(matches!(flow, Flow::Ask(HubQuestion::Message)));
        assert_eq!(out, [0x40, 2, 0, 9]);
        for topic in ["devices/other/messages/events/", "$dps/registrations/PUT/iotdps-register/"] {
            let (flow, out) = take(&mut session, publish(topic, QoS::AtLeastOnce));
            assert!(matches!(flow, Flow::Continue), "{topic}");
            assert_eq!(out, [0x40, 2, 0, 9], "never left unacknowledged");
        }
        assert!(matches!(take(&mut session, publish(own, QoS::ExactlyOnce)).0, Flow::Close(_)));
    }
}
