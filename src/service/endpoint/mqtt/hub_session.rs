//! A device's MQTT session with its hub as a pure state machine: packets and notices in, packets and
//! questions out (I).
//!
//! Who may sign in is decided elsewhere; here it has signed in.

use std::collections::HashMap;

use bytes::BytesMut;
use percent_encoding::percent_decode_str;

use super::codec::{Packet, Publish, QoS, SubAck, Subscribe, Violation, write};
use super::flow::{CloseReason, Flow};
use super::subscriptions::Subscriptions;
use crate::service::endpoint::hub_desk::TwinAnswer;
use crate::service::hub::{LastAnswer, MethodAnswer, NumberedMessage};
use crate::service::record::HubKey;
use crate::wire::{
    CREDENTIALS_FILTER, DESIRED_FILTER, DeviceTopic, HubTopic, METHODS_FILTER,
    TWIN_RESPONSE_FILTER, devicebound_filter,
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
    /// To say that it has taken a message.
    Taken {
        /// The hub's number for it.
        number: u64,
    },
    /// To answer a method.
    MethodResponse {
        /// The hub's name for the call.
        rid: String,
        /// What came of it.
        answer: MethodAnswer,
    },
    /// To be issued a certificate.
    Certificate {
        /// The device's name for the request.
        rid: String,
        /// What it says of it, JSON.
        body: Vec<u8>,
    },
    /// To say that it has taken the last answer to such a request.
    CertificateTaken {
        /// The hub's name for the operation.
        correlation_id: String,
    },
    /// To hear other things than before.
    Subscribed,
}

/// A session, from CONNACK on.
#[derive(Debug)]
pub(super) struct HubSession {
    key: HubKey,
    subscriptions: Subscriptions,
    /// The number of the last message that the device was sent.
    last_sent: u64,
    /// What it has not acknowledged, by packet identifier.
    in_flight: HashMap<u16, InFlight>,
}

/// Something that is kept until the device has acknowledged it.
#[derive(Debug)]
enum InFlight {
    /// The message of this number.
    Message(u64),
    /// The last answer of the operation of this name.
    Certificate(String),
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// The device does not listen to it.
    Unheard,
    /// It was sent, and the device will say that it has it.
    Sent,
    /// It was sent, and that is all that is ever known; or it cannot be sent.
    Done,
}

impl HubSession {
    pub(super) fn new(key: HubKey) -> Self {
        let devicebound = devicebound_filter(key.device_id().as_str());
        let published = [
            TWIN_RESPONSE_FILTER,
            DESIRED_FILTER,
            METHODS_FILTER,
            CREDENTIALS_FILTER,
            &devicebound,
        ];
        let subscriptions = Subscriptions::to(published);
        Self { key, subscriptions, last_sent: 0, in_flight: HashMap::new() }
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
            Packet::Unsubscribe(unsubscribe) => {
                heard_anew(self.subscriptions.unsubscribe(&unsubscribe, out))
            }
            Packet::Publish(publish) => self.publish(publish, out),
            Packet::PingReq => {
                write::pingresp(out);
                Flow::Continue
            }
            Packet::PubAck(packet_id) => match self.in_flight.remove(&packet_id) {
                Some(InFlight::Message(number)) => Flow::Ask(HubQuestion::Taken { number }),
                Some(InFlight::Certificate(correlation_id)) => {
                    Flow::Ask(HubQuestion::CertificateTaken { correlation_id })
                }
                None => Flow::Continue,
            },
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
        heard_anew(flow)
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
            // Python escapes the name in topics.
            Ok(DeviceTopic::Telemetry { device_id, .. })
                if *name == *device_id
                    || *name == *percent_decode_str(&device_id).decode_utf8_lossy() =>
            {
                Flow::Ask(HubQuestion::Message)
            }
            Ok(DeviceTopic::Telemetry { device_id, .. }) => {
                tracing::warn!(
                    "{name}: sends a message as {device_id:?}, which is ignored (J-136)"
                );
                Flow::Continue
            }
            Ok(DeviceTopic::MethodResponse { status, rid }) => {
                let answer = MethodAnswer { status, payload: publish.payload };
                Flow::Ask(HubQuestion::MethodResponse { rid, answer })
            }
            Ok(DeviceTopic::IssueCertificate { rid }) => {
                Flow::Ask(HubQuestion::Certificate { rid, body: publish.payload })
            }
            Err(error) => {
                let topic = &publish.topic;
                tracing::warn!("{name}: publishes on {topic:?}, which is ignored; {error} (J-136)");
                Flow::Continue
            }
        }
    }

    /// Appends the answer to a twin request.
    pub(super) fn answer(&mut self, rid: String, answer: &TwinAnswer, out: &mut BytesMut) {
        let TwinAnswer { status, version, body } = answer;
        let topic = HubTopic::TwinResponse { status: *status, rid, version: *version };
        if !self.send(&topic, body, out) {
            tracing::warn!(
                "{}: is not subscribed to {TWIN_RESPONSE_FILTER} and will not hear the answer (I)",
                self.key.device_id()
            );
        }
    }

    /// Whether the device listens to answers to requests for certificates.
    pub(super) fn hears_of_certificates(&self) -> bool {
        self.subscriptions.may_hear(CREDENTIALS_FILTER)
    }

    /// Appends the answer to a request for a certificate.
    pub(super) fn answer_certificate(
        &mut self,
        rid: String,
        status: u16,
        body: &str,
        out: &mut BytesMut,
    ) {
        self.send(&HubTopic::Credentials { status, rid }, body, out);
    }

    /// Appends the last answer to it, of the operation of that name.
    pub(super) fn bring_certificate(
        &mut self,
        correlation_id: String,
        answer: &LastAnswer,
        out: &mut BytesMut,
    ) -> Sending {
        let LastAnswer { rid, reply, is_doubled } = answer;
        let topic = HubTopic::Credentials { status: reply.status, rid: rid.clone() }.to_string();
        let Some(granted) = self.subscriptions.granted(&topic) else { return Sending::Unheard };
        let mut sending = Sending::Done;
        for _ in 0..if *is_doubled { 2 } else { 1 } {
            match self.subscriptions.publish(granted, &topic, &reply.body, out) {
                Ok(Some(packet_id)) => {
                    let in_flight = InFlight::Certificate(correlation_id.clone());
                    self.in_flight.insert(packet_id, in_flight);
                    sending = Sending::Sent;
                }
                Ok(None) => {}
                Err(error) => {
                    let name = self.key.device_id();
                    tracing::warn!("{name}: cannot be told of its certificate: {error}");
                }
            }
        }
        sending
    }

    /// Appends that the desired properties changed.
    pub(super) fn tell_desired(&mut self, version: u64, patch: &str, out: &mut BytesMut) {
        self.send(&HubTopic::Desired { version }, patch, out);
    }

    /// Whether the device listens to any method.
    pub(super) fn takes_methods(&self) -> bool {
        self.subscriptions.may_hear(METHODS_FILTER)
    }

    /// Appends the call of a method; whether the device listens to it.
    pub(super) fn call(
        &mut self,
        name: String,
        rid: String,
        payload: &str,
        out: &mut BytesMut,
    ) -> bool {
        self.send(&HubTopic::Method { name, rid }, payload, out)
    }

    /// The number of the last message that the device was sent.
    pub(super) fn last_sent(&self) -> u64 {
        self.last_sent
    }

    /// Appends messages, if the device listens to them; the numbers of those that it has thereby taken, for
    /// at QoS 0 nothing is acknowledged.
    pub(super) fn bring(&mut self, messages: &[NumberedMessage], out: &mut BytesMut) -> Vec<u64> {
        let mut taken = Vec::new();
        for (number, message) in messages {
            let device_id = self.key.device_id().to_string();
            let properties = message.properties.clone();
            let topic = HubTopic::Devicebound { device_id, properties }.to_string();
            let Some(granted) = self.subscriptions.granted(&topic) else { break };
            self.last_sent = *number;
            match self.subscriptions.publish(granted, &topic, &message.body, out) {
                Ok(Some(packet_id)) => {
                    self.in_flight.insert(packet_id, InFlight::Message(*number));
                }
                Ok(None) => taken.push(*number),
                Err(error) => {
                    let name = self.key.device_id();
                    tracing::warn!(
                        "{name}: a message to it cannot be sent, and is dropped: {error}"
                    );
                    taken.push(*number);
                }
            }
        }
        taken
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

/// What a device hears has changed, unless the session ends.
fn heard_anew(flow: Flow<HubQuestion>) -> Flow<HubQuestion> {
    match flow {
        Flow::Continue => Flow::Ask(HubQuestion::Subscribed),
        flow => flow,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::codec::{Unsubscribe, read};
    use super::*;
    use crate::service::hub::DeviceMessage;

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
            let answer = TwinAnswer { status: 200, version: None, body: "{}".to_owned() };
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
        let answer = TwinAnswer { status: 204, version: Some(2), body: String::new() };
        session.answer(rid, &answer, &mut out);
        assert_eq!(sent(&out).topic, "$iothub/twin/res/204/?$rid=b&$version=2");
    }

    #[test]
    fn i_desired_changes_are_told_to_whoever_subscribed() {
        let mut session = session();
        let mut out = BytesMut::new();
        let tell = |session: &mut HubSession, out: &mut BytesMut| {
            session.tell_desired(3, r#"{"a":1,"$version":3}"#, out);
        };

        tell(&mut session, &mut out);
        assert!(out.is_empty());

        subscribe(&mut session, &[DESIRED_FILTER], QoS::AtLeastOnce);
        tell(&mut session, &mut out);
        assert_eq!(sent(&out).topic, "$iothub/twin/PATCH/properties/desired/?$version=3");

        let filters = vec![DESIRED_FILTER.to_owned()];
        take(&mut session, Packet::Unsubscribe(Unsubscribe { packet_id: 2, filters }));
        out.clear();
        tell(&mut session, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn i_messages_wait_for_the_subscription_and_are_taken_when_they_are_acknowledged() {
        let message = |body: &str| {
            Arc::new(DeviceMessage { properties: "a=1".to_owned(), body: body.into() })
        };
        let messages = [(7, message("x")), (8, message("y"))];
        for (qos, at_once) in [(QoS::AtLeastOnce, vec![]), (QoS::AtMostOnce, vec![7, 8])] {
            let mut session = session();
            let mut out = BytesMut::new();
            assert_eq!(session.bring(&messages, &mut out), [0_u64; 0]);
            assert_eq!((session.last_sent(), out.len()), (0, 0), "it has not subscribed");

            subscribe(&mut session, &["devices/+/messages/devicebound/#"], qos);
            assert_eq!(session.bring(&messages, &mut out), at_once);

            assert_eq!(session.last_sent(), 8);
            assert_eq!(sent(&out).topic, "devices/pump/messages/devicebound/a=1");
            let (flow, _) = take(&mut session, Packet::PubAck(2));
            match qos {
                QoS::AtLeastOnce => {
                    assert!(matches!(flow, Flow::Ask(HubQuestion::Taken { number: 8 })));
                }
                _ => assert!(matches!(flow, Flow::Continue)),
            }
        }
    }

    #[test]
    fn i_methods_are_called_where_the_device_listens_and_answered_by_their_rid() {
        let mut session = session();
        let mut out = BytesMut::new();
        let mut call = |session: &mut HubSession, name: &str| {
            out.clear();
            session.call(name.to_owned(), "1".to_owned(), "{}", &mut out)
        };

        assert!(!session.takes_methods() && !call(&mut session, "reboot"));
        subscribe(&mut session, &["$iothub/methods/POST/reboot/#"], QoS::AtMostOnce);
        assert!(session.takes_methods() && !call(&mut session, "stop"));
        assert!(call(&mut session, "reboot"));
        assert_eq!(sent(&out).topic, "$iothub/methods/POST/reboot/?$rid=1");

        let answer = publish("$iothub/methods/res/200/?$rid=1", QoS::AtMostOnce);
        let (Flow::Ask(HubQuestion::MethodResponse { rid, answer }), _) =
            take(&mut session, answer)
        else {
            panic!()
        };
        assert_eq!(
            (rid.as_str(), answer.status, answer.payload.as_slice()),
            ("1", 200, &b"{}"[..])
        );
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
            let answer = TwinAnswer { status: 200, version: None, body: "{}".to_owned() };
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
        let escaped = publish("devices/%70ump/messages/events/", QoS::AtMostOnce);
        assert!(matches!(take(&mut session, escaped).0, Flow::Ask(HubQuestion::Message)));
        for topic in ["devices/other/messages/events/", "$dps/registrations/PUT/iotdps-register/"] {
            let (flow, out) = take(&mut session, publish(topic, QoS::AtLeastOnce));
            assert!(matches!(flow, Flow::Continue), "{topic}");
            assert_eq!(out, [0x40, 2, 0, 9], "never left unacknowledged");
        }
        assert!(matches!(take(&mut session, publish(own, QoS::ExactlyOnce)).0, Flow::Close(_)));
    }
}
