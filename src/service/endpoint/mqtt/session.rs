//! One device's MQTT session as a pure state machine: packets in, packets and questions out
//! (A.2, A.4, A.7).
//!
//! Attestation is none of its business: it is decided at the register request.

use std::fmt;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::codec::{Connect, Packet, Publish, QoS, SubAck, Subscribe, Violation, write};
use super::flow::{CloseReason, Flow};
use super::identify::{Refused, identify};
use super::pacing::{EARLIEST, earliest_answer};
use super::subscriptions::Subscriptions;
use crate::service::caller::{Caller, TurnedAway};
use crate::service::connection::ClientConnection;
use crate::service::endpoint::repeats::Repeats;
use crate::service::fault_rule::RetryAfter;
use crate::service::faults::Said;
use crate::service::reply::Reply;
use crate::text::Foreign;
use crate::wire::{ConnectCode, IdScope, RESPONSE_FILTER, RequestTopic, ResponseTopic};

/// A session, from the first packet on.
#[derive(Debug)]
pub(super) struct Session {
    /// What is known of the connection, until CONNECT.
    connection: Option<Box<ClientConnection>>,
    /// Those of the TLS handshake, until CONNECT.
    certificates: Vec<CertificateDer<'static>>,
    device: Option<Caller>,
    turned_away: Option<Box<(TurnedAway, ConnectCode)>>,
    subscriptions: Subscriptions,
    earliest_answer: Duration,
    warnings: Repeats,
    has_been_warned: bool,
}

/// What a device wants to know.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) topic: RequestTopic,
    pub(super) body: Vec<u8>,
}

impl Session {
    pub(super) fn new(
        connection: ClientConnection,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self {
            connection: Some(Box::new(connection)),
            certificates,
            device: None,
            turned_away: None,
            subscriptions: Subscriptions::to([RESPONSE_FILTER]),
            earliest_answer: EARLIEST,
            warnings: Repeats::default(),
            has_been_warned: false,
        }
    }

    /// The certificates of the handshake, for a session of another kind. Before CONNECT only.
    pub(super) fn take_certificates(&mut self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut self.certificates)
    }

    /// The device whose CONNECT was refused, and with what; once.
    pub(super) fn turned_away(&mut self) -> Option<(TurnedAway, ConnectCode)> {
        self.turned_away.take().map(|it| *it)
    }

    /// What is known of the connection, until CONNECT.
    pub(super) fn unconnected(&self) -> Option<&ClientConnection> {
        self.connection.as_deref()
    }

    /// The device, once it is connected.
    pub(super) fn device(&self) -> Option<&Caller> {
        self.device.as_ref()
    }

    /// How long after a request its answer may go out (J-200).
    pub(super) fn earliest_answer(&self) -> Duration {
        self.earliest_answer
    }

    /// A name for the device in logs.
    pub(super) fn name(&self) -> &str {
        self.device.as_ref().map_or("a client", |device| device.registration_id.as_str())
    }

    /// Takes in a packet; what has to be sent is appended to `out`. `id_scope` is the one served.
    pub(super) fn take(
        &mut self,
        packet: Packet,
        id_scope: &IdScope,
        out: &mut BytesMut,
    ) -> Flow<Question> {
        match (packet, self.device.is_some()) {
            (Packet::Connect(connect), false) => self.connect(connect, id_scope, out),
            (Packet::Connect(_), true) => {
                Flow::Close(CloseReason::Violated(Violation::SecondConnect))
            }
            (packet, false) => {
                let seen = packet.packet_type();
                Flow::Close(CloseReason::Violated(Violation::FirstPacketNotConnect { seen }))
            }
            (packet, true) => self.take_connected(packet, out),
        }
    }

    fn take_connected(&mut self, packet: Packet, out: &mut BytesMut) -> Flow<Question> {
        match packet {
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, out),
            Packet::Unsubscribe(unsubscribe) => self.subscriptions.unsubscribe(&unsubscribe, out),
            Packet::Publish(publish) => self.publish(publish, out),
            Packet::PingReq => {
                write::pingresp(out);
                Flow::Continue
            }
            Packet::PubAck(_) => Flow::Continue,
            Packet::Disconnect => Flow::Close(CloseReason::Disconnected),
            // Only sessions with QoS 2 have these, and ours has none.
            Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) | Packet::Connect(_) => {
                Flow::Close(CloseReason::Refused(
                    "it speaks of QoS 2, which DPS does not have (A.7)".to_owned(),
                ))
            }
        }
    }

    fn connect(
        &mut self,
        connect: Connect,
        id_scope: &IdScope,
        out: &mut BytesMut,
    ) -> Flow<Question> {
        self.warn_of_will(&connect);
        let certificates = std::mem::take(&mut self.certificates);
        self.earliest_answer = earliest_answer(connect.user_name.as_deref().unwrap_or_default());
        // There is one CONNECT; a second is a violation before it comes here.
        let Some(connection) = self.connection.take() else {
            return Flow::Close(CloseReason::Violated(Violation::SecondConnect));
        };
        match identify(*connection, connect, certificates, id_scope) {
            Ok(caller) => {
                write::connack(out, false, ConnectCode::Accepted);
                self.device = Some(caller);
                Flow::Continue
            }
            Err(Refused { code, reason, turned_away }) => {
                write::connack(out, false, code);
                self.turned_away = turned_away.map(|it| Box::new((it, code)));
                let reason = format!("CONNACK {} ({code}): {reason}", code as u8);
                Flow::Close(CloseReason::Refused(reason))
            }
        }
    }

    /// Accepted and without effect (J-13).
    fn warn_of_will(&mut self, connect: &Connect) {
        if connect.will.is_some() {
            tracing::warn!(
                "{:?}: its will message is dropped; DPS has no use for one (J-13)",
                Foreign::short(&connect.client_id)
            );
        }
    }

    /// Filters that match no answer are refused (A.4, J-12).
    fn subscribe(&mut self, subscribe: &Subscribe, out: &mut BytesMut) -> Flow<Question> {
        let name = self.name().to_owned();
        let (mut first, mut refused) = (None, 0);
        let refuse = |filter: &str, _| {
            first.get_or_insert_with(|| format!("{:?}", Foreign::short(filter)));
            refused += 1;
            SubAck::Failure
        };
        let flow = self.subscriptions.subscribe(&name, subscribe, refuse, out);
        if let Some(first) = first {
            let more = match refused - 1 {
                0 => String::new(),
                more => format!(" and {more} more filters"),
            };
            self.warn(format_args!(
                "subscribes to {first}{more}; DPS has only {RESPONSE_FILTER} (A.4)"
            ));
        }
        flow
    }

    /// Warns of what a device does, unless it does so all the time (J-203).
    fn warn(&mut self, what: fmt::Arguments<'_>) {
        if self.warnings.may_log(Instant::now()) {
            self.warn_of_more();
            tracing::warn!("{}: {what}", self.name());
        }
    }

    /// Tells how many warnings were not logged, if there were any.
    pub(super) fn warn_of_more(&mut self) {
        if let Some(counted) = self.warnings.take_counted() {
            tracing::warn!("{}: {counted} more warnings of this kind (J-203)", self.name());
        }
    }

    /// PUBACK goes out before the answer: the .NET client throws otherwise.
    fn publish(&mut self, publish: Publish, out: &mut BytesMut) -> Flow<Question> {
        if publish.qos == QoS::ExactlyOnce {
            let reason = "it publishes with QoS 2, on which the service hangs up (A.7); use 0 or 1";
            return Flow::Close(CloseReason::Refused(reason.to_owned()));
        }
        if let Some(packet_id) = publish.packet_id {
            write::puback(out, packet_id);
        }
        if publish.retain && !std::mem::replace(&mut self.has_been_warned, true) {
            tracing::warn!("{}: publishes with RETAIN, which has no effect (J-13)", self.name());
        }
        match publish.topic.parse() {
            Ok(topic) => Flow::Ask(Question { topic, body: publish.payload }),
            // Kinder than hanging up, which the real service may do (J-12).
            Err(error) => {
                self.warn(format_args!(
                    "publishes on {:?}, which is ignored; {error} (J-12)",
                    Foreign::short(&publish.topic)
                ));
                Flow::Continue
            }
        }
    }

    /// Appends the answer to a request, at the quality granted (A.4).
    pub(super) fn answer(&mut self, topic: &RequestTopic, reply: &Reply, out: &mut BytesMut) {
        let (RequestTopic::Register { rid } | RequestTopic::OperationStatus { rid, .. }) = topic;
        if rid.is_empty() {
            self.warn(format_args!("its request has no $rid; did a shell eat it? (A.4)"));
        }
        let topic = ResponseTopic {
            status: reply.status,
            rid: rid.clone(),
            retry_after: reply.retry_after,
        };
        self.say(&topic.to_string(), &reply.body, out);
    }

    /// The same, as a fault on demand wants it.
    pub(super) fn answer_oddly(&mut self, topic: &RequestTopic, said: &Said, out: &mut BytesMut) {
        let (RequestTopic::Register { rid } | RequestTopic::OperationStatus { rid, .. }) = topic;
        let Said { reply, retry_after, .. } = said;
        let topic = ResponseTopic {
            status: reply.status,
            rid: said.rid(rid),
            retry_after: reply.retry_after.filter(|_| retry_after.is_none()),
        };
        let mut topic = topic.to_string();
        if let Some(RetryAfter::Text(text)) = retry_after {
            topic.push_str("&retry-after=");
            topic.push_str(text);
        }
        self.say(&topic, &reply.body, out);
    }

    fn say(&mut self, topic: &str, body: &str, out: &mut BytesMut) {
        let Some(granted) = self.subscriptions.granted(topic) else {
            self.warn(format_args!(
                "is not subscribed to {RESPONSE_FILTER} and will not hear the answer (A.4)"
            ));
            return;
        };
        let sent = self.subscriptions.publish(granted, topic, body, out);
        if let Err(error) = sent {
            self.warn(format_args!("cannot be answered: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{Unsubscribe, read};
    use super::*;

    const USER_NAME: &str = "0ne00002193/registrations/pump-0042/api-version=2019-03-31";

    fn scope() -> IdScope {
        "0ne00002193".parse().unwrap()
    }

    fn connect(client_id: &str, user_name: Option<&str>) -> Packet {
        Packet::Connect(Connect {
            client_id: client_id.to_owned(),
            clean_session: true,
            keep_alive: 0,
            will: None,
            user_name: user_name.map(str::to_owned),
            password: None,
        })
    }

    fn publish(topic: &str, qos: QoS) -> Packet {
        let packet_id = (qos != QoS::AtMostOnce).then_some(9);
        Packet::Publish(Publish {
            dup: false,
            qos,
            retain: false,
            topic: topic.to_owned(),
            packet_id,
            payload: vec![],
        })
    }

    fn connected() -> Session {
        let mut session = Session::new(ClientConnection::numbered(1), Vec::new());
        let flow =
            session.take(connect("pump-0042", Some(USER_NAME)), &scope(), &mut BytesMut::new());
        assert!(matches!(flow, Flow::Continue));
        session
    }

    fn take(session: &mut Session, packet: Packet) -> (Flow<Question>, Vec<u8>) {
        let mut out = BytesMut::new();
        let flow = session.take(packet, &scope(), &mut out);
        (flow, out.to_vec())
    }

    fn subscribe(filter: &str, qos: QoS) -> Packet {
        Packet::Subscribe(Subscribe { packet_id: 1, filters: vec![(filter.to_owned(), qos)] })
    }

    const REGISTER: &str = "$dps/registrations/PUT/iotdps-register/?$rid=7";

    #[test]
    fn a_6_connack_codes_of_refusals() {
        for (client_id, user_name, code) in [
            ("pump-0042", Some("0neFFFFFFFF/registrations/pump-0042/api-version=2019-03-31"), 3),
            ("other", Some(USER_NAME), 5),
            ("pump-0042", Some("nonsense"), 5),
            ("pump-0042", None, 5),
        ] {
            let (flow, out) = take(
                &mut Session::new(ClientConnection::numbered(1), Vec::new()),
                connect(client_id, user_name),
            );

            assert!(matches!(flow, Flow::Close(CloseReason::Refused(_))), "{user_name:?}");
            assert_eq!(out, [0x20, 2, 0, code], "{user_name:?}");
        }
    }

    #[test]
    fn a_10_a_connect_without_any_proof_is_accepted() {
        let (flow, out) = take(
            &mut Session::new(ClientConnection::numbered(1), Vec::new()),
            connect("pump-0042", Some(USER_NAME)),
        );

        assert!(matches!(flow, Flow::Continue));
        assert_eq!(out, [0x20, 2, 0, 0]);
    }

    #[test]
    fn connect_comes_first_and_once() {
        let (flow, _) =
            take(&mut Session::new(ClientConnection::numbered(1), Vec::new()), Packet::PingReq);
        assert!(matches!(
            flow,
            Flow::Close(CloseReason::Violated(Violation::FirstPacketNotConnect { .. }))
        ));

        let (flow, _) = take(&mut connected(), connect("pump-0042", Some(USER_NAME)));
        assert!(matches!(flow, Flow::Close(CloseReason::Violated(Violation::SecondConnect))));
    }

    #[test]
    fn a_7_filters_of_answers_are_granted_with_at_most_qos_1_and_others_are_refused() {
        for (filter, qos, code) in [
            (RESPONSE_FILTER, QoS::AtMostOnce, 0),
            (RESPONSE_FILTER, QoS::AtLeastOnce, 1),
            (RESPONSE_FILTER, QoS::ExactlyOnce, 1),
            ("$dps/registrations/res/200/#", QoS::AtLeastOnce, 1),
            ("$dps/registrations/#", QoS::AtLeastOnce, 1),
            ("$dps/registrations/PUT/#", QoS::AtLeastOnce, 0x80),
            ("#", QoS::AtLeastOnce, 0x80),
        ] {
            let (_, out) = take(&mut connected(), subscribe(filter, qos));

            assert_eq!(out, [0x90, 3, 0, 1, code], "{filter} {qos:?}");
        }
    }

    #[test]
    fn a_12_puback_comes_before_the_answer_and_the_answer_at_the_granted_quality() {
        let mut session = connected();
        take(&mut session, subscribe(RESPONSE_FILTER, QoS::AtLeastOnce));

        let (flow, out) = take(&mut session, publish(REGISTER, QoS::AtLeastOnce));
        let Flow::Ask(question) = flow else { panic!("{flow:?}") };
        let reply = Reply { status: 202, retry_after: None, body: "{}".to_owned() };
        let mut answer = BytesMut::new();
        session.answer(&question.topic, &reply, &mut answer);

        assert_eq!(out, [0x40, 2, 0, 9], "PUBACK");
        let Ok(Some(Packet::Publish(answer))) = read(&mut answer, 1024) else { panic!() };
        assert_eq!((answer.qos, answer.packet_id), (QoS::AtLeastOnce, Some(1)));
        assert_eq!(answer.topic, "$dps/registrations/res/202/?$rid=7");
    }

    #[test]
    fn a_4_without_a_subscription_there_is_no_answer() {
        let mut session = connected();
        let reply = Reply { status: 202, retry_after: None, body: "{}".to_owned() };
        let mut out = BytesMut::new();

        session.answer(&RequestTopic::Register { rid: "1".into() }, &reply, &mut out);
        assert!(out.is_empty());

        take(&mut session, subscribe(RESPONSE_FILTER, QoS::AtMostOnce));
        session.answer(&RequestTopic::Register { rid: "1".into() }, &reply, &mut out);
        assert_eq!(out[0], 0x30, "QoS 0");
    }

    #[test]
    fn j_12_qos_2_closes_and_foreign_topics_are_ignored() {
        let (flow, _) = take(&mut connected(), publish(REGISTER, QoS::ExactlyOnce));
        assert!(matches!(flow, Flow::Close(CloseReason::Refused(_))));

        let (flow, out) =
            take(&mut connected(), publish("devices/x/messages/events/", QoS::AtLeastOnce));
        assert!(matches!(flow, Flow::Continue));
        assert_eq!(out, [0x40, 2, 0, 9], "never left unacknowledged");
    }

    #[test]
    fn a_7_pings_unsubscribes_and_goodbyes_are_answered() {
        let mut session = connected();

        assert_eq!(take(&mut session, Packet::PingReq).1, [0xd0, 0]);
        let unsubscribe = Unsubscribe { packet_id: 5, filters: vec![RESPONSE_FILTER.to_owned()] };
        assert_eq!(take(&mut session, Packet::Unsubscribe(unsubscribe)).1, [0xb0, 2, 0, 5]);
        assert!(matches!(
            take(&mut session, Packet::Disconnect).0,
            Flow::Close(CloseReason::Disconnected)
        ));
    }
}
