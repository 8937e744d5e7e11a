//! MQTT 3.1.1 over TLS: drives the state machine with real packets (A.1–A.8).
//!
//! Packets are read and written by rumqttc's codec. Its event loop is not used: it has no dialer
//! of its own and folds the failures together that a user must be able to tell apart.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{
    Connect, ConnectReturnCode, Packet, PubAck, Publish, QoS, Subscribe, SubscribeReasonCode,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;

use super::ConnectPhase;
use crate::device::client::{Credential, Settings};
use crate::device::error::{Breach, Error, NetworkError};
use crate::device::registration::{
    Answer, ConnectFailure, Event, Loss, Notice, Registered, Registration, Request, RequestKind,
    Step,
};
use crate::net::{Phase, dial};
use crate::wire::{
    ConnectCode, MQTT_PORT, RESPONSE_FILTER, RegisterRequest, RequestTopic, ResponseTopic, UserName,
};

/// Seconds of silence after which the service may drop the session; we ping before (A.2: the
/// SDKs use 0 to 230).
const KEEP_ALIVE: u16 = 60;
/// When we ping, and how long the service has to answer.
const PING_AFTER: Duration = Duration::from_secs(50);
const PING_PATIENCE: Duration = Duration::from_secs(20);
/// Largest packet that is read; DPS itself sends at most 96 KB (H.3).
const MAX_PACKET: usize = 256 * 1024;
/// Stands for waits that no clock can tell.
const FAR_OFF: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Runs one registration to its end.
pub(in crate::device) async fn run(
    settings: &Settings,
    mut machine: Registration,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let mut driver = Driver { settings, start: Instant::now(), session: None };
    let mut event = Event::Start;
    loop {
        let step = machine.handle(driver.start.elapsed(), event, notify);
        event = match step {
            Step::Connect => driver.connect().await,
            Step::Subscribe => driver.subscribe().await,
            Step::Send(request) => driver.send(&request).await,
            Step::Listen { until } => driver.listen(until).await,
            Step::Finish(result) => {
                driver.say_goodbye().await;
                return *result;
            }
        };
        // A dead connection must not be listened to: it would be lost a second time.
        if matches!(event, Event::Lost(_)) {
            driver.session = None;
        }
    }
}

struct Driver<'a> {
    settings: &'a Settings,
    start: Instant,
    session: Option<Session<TlsStream<TcpStream>>>,
}

impl Driver<'_> {
    fn deadline(&self) -> Instant {
        self.at(self.settings.timeout)
    }

    /// A time of the machine's; one beyond what a clock can tell is as good as one far off.
    fn at(&self, since_start: Duration) -> Instant {
        self.start.checked_add(since_start).unwrap_or(self.start + FAR_OFF)
    }

    async fn connect(&mut self) -> Event {
        self.session = None;
        let phase = AtomicU8::new(0);
        match timeout_at(self.deadline(), self.open(&phase)).await {
            Ok(Ok(session)) => {
                self.session = Some(session);
                Event::Accepted
            }
            Ok(Err(failure)) => Event::ConnectFailed(failure),
            Err(_) => Event::ConnectFailed(ConnectFailure::TimedOut(reached(&phase))),
        }
    }

    async fn open(
        &self,
        phase: &AtomicU8,
    ) -> Result<Session<TlsStream<TcpStream>>, ConnectFailure> {
        let Settings { endpoint, tls, .. } = self.settings;
        let on_phase = |reached: Phase| phase.store(reached as u8, Ordering::Relaxed);
        let dialed = dial(endpoint, MQTT_PORT, tls.clone(), on_phase)
            .await
            .map_err(|error| ConnectFailure::Network(error.into()))?;
        tracing::debug!(peer = %dialed.peer, timings = ?dialed.timings, "TLS connection is open");
        phase.store(CONNACK, Ordering::Relaxed);
        Session::open(dialed.stream, connect_packet(self.settings)).await
    }

    async fn subscribe(&mut self) -> Event {
        let deadline = self.deadline();
        let Some(session) = &mut self.session else { return Event::Lost(Loss::Closed) };
        match timeout_at(deadline, session.subscribe()).await {
            Ok(event) => event,
            Err(_) => Event::Elapsed,
        }
    }

    async fn send(&mut self, request: &Request) -> Event {
        let deadline = self.deadline();
        let Some(session) = &mut self.session else { return Event::Lost(Loss::Closed) };
        let rid = request.rid.to_string();
        let (topic, body) = match &request.kind {
            RequestKind::Register => (RequestTopic::Register { rid }, register_body(self.settings)),
            // DPS ignores the body of a poll; Python and Node send one blank.
            RequestKind::Poll(operation_id) => {
                let operation_id = operation_id.as_str().to_owned();
                (RequestTopic::OperationStatus { rid, operation_id }, b" ".to_vec())
            }
        };
        match timeout_at(deadline, session.publish(topic.to_string(), body)).await {
            Ok(Ok(())) => Event::Sent,
            Ok(Err(loss)) => Event::Lost(loss),
            Err(_) => Event::Elapsed,
        }
    }

    async fn listen(&mut self, until: Duration) -> Event {
        let (until, deadline) = (self.at(until), self.deadline());
        match &mut self.session {
            // The session writes while it listens (PUBACK, PINGREQ), and a peer that reads nothing
            // can hold up a write; only at the deadline may a packet be cut in two.
            Some(session) => {
                timeout_at(deadline, session.listen(until)).await.unwrap_or(Event::Elapsed)
            }
            None => {
                tokio::time::sleep_until(until).await;
                Event::Elapsed
            }
        }
    }

    async fn say_goodbye(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = timeout(FAREWELL, session.close()).await;
        }
    }
}

const CONNACK: u8 = 3;

fn reached(phase: &AtomicU8) -> ConnectPhase {
    match phase.load(Ordering::Relaxed) {
        0 => ConnectPhase::Dns,
        1 => ConnectPhase::Tcp,
        2 => ConnectPhase::Tls,
        _ => ConnectPhase::Connack,
    }
}

fn connect_packet(settings: &Settings) -> Connect {
    let Settings { id_scope, registration_id, api_version, .. } = settings;
    let user_name = UserName {
        id_scope: id_scope.clone(),
        registration_id: registration_id.clone(),
        api_version: api_version.clone(),
        client_version: Some(settings.client_version.clone()),
    };
    let Credential::SymmetricKey(key) = &settings.credential;
    let token = settings.sign_token(key, SystemTime::now());
    let mut connect = Connect::new(registration_id.as_str());
    connect.keep_alive = KEEP_ALIVE;
    connect.set_login(user_name.to_string(), token.as_str());
    connect
}

fn register_body(settings: &Settings) -> Vec<u8> {
    let request = RegisterRequest {
        registration_id: Some(settings.registration_id.to_string()),
        payload: settings.payload.clone(),
    };
    serde_json::to_vec(&request)
        .unwrap_or_else(|_| unreachable!("strings and checked JSON always serialize"))
}

/// An open MQTT session.
struct Session<S> {
    stream: S,
    inbox: BytesMut,
    next_packet_id: u16,
    last_sent: Instant,
    ping_sent: Option<Instant>,
}

/// Why the next packet could not be read.
enum ReadFault {
    Lost(Loss),
    Broken(Breach),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// CONNECT and CONNACK.
    async fn open(stream: S, connect: Connect) -> Result<Self, ConnectFailure> {
        let mut session = Self {
            stream,
            inbox: BytesMut::with_capacity(512),
            next_packet_id: 1,
            last_sent: Instant::now(),
            ping_sent: None,
        };
        let closed = |_| ConnectFailure::Network(NetworkError::ClosedBeforeConnack);
        session.write(&Packet::Connect(connect)).await.map_err(closed)?;
        session.fill().await.map_err(closed)?;
        session.check_first_byte().map_err(ConnectFailure::Broken)?;
        match session.read().await {
            Ok(Packet::ConnAck(connack)) => match connect_code(connack.code) {
                ConnectCode::Accepted => Ok(session),
                code => Err(ConnectFailure::Refused(code)),
            },
            Ok(other) => Err(ConnectFailure::Broken(unexpected(&other, "CONNACK"))),
            Err(ReadFault::Lost(loss)) => Err(closed(loss)),
            Err(ReadFault::Broken(breach)) => Err(ConnectFailure::Broken(breach)),
        }
    }

    /// A first byte that begins no CONNACK mostly means that the peer is no MQTT server.
    fn check_first_byte(&self) -> Result<(), Breach> {
        const CONNACK: u8 = 0x20;
        if self.inbox.first() == Some(&CONNACK) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.inbox);
        let line = text.lines().next().unwrap_or_default();
        let is_printable = |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER;
        if line.len() >= 4 && line.chars().all(is_printable) {
            return Err(Breach::NotMqtt { excerpt: line.chars().take(60).collect() });
        }
        Err(Breach::Packet { reason: "its first packet is no CONNACK".to_owned() })
    }

    /// SUBSCRIBE and SUBACK.
    async fn subscribe(&mut self) -> Event {
        let mut subscribe = Subscribe::new(RESPONSE_FILTER, QoS::AtLeastOnce);
        subscribe.pkid = self.packet_id();
        if let Err(loss) = self.write(&Packet::Subscribe(subscribe)).await {
            return Event::Lost(loss);
        }
        loop {
            match self.read().await {
                Ok(Packet::SubAck(suback)) => match suback.return_codes.first() {
                    Some(SubscribeReasonCode::Success(_)) => return Event::Subscribed,
                    _ => return Event::Broken(Breach::SubscriptionRefused),
                },
                // The server may send what matches before SUBACK (section 3.8.4 of the standard):
                // an answer to the connection before this one, which nobody waits for any more.
                Ok(Packet::Publish(publish)) => {
                    if let Err(loss) = self.acknowledge(&publish).await {
                        return Event::Lost(loss);
                    }
                }
                Ok(other) => return Event::Broken(unexpected(&other, "SUBACK")),
                Err(fault) => return fault.into(),
            }
        }
    }

    async fn acknowledge(&mut self, publish: &Publish) -> Result<(), Loss> {
        match publish.qos {
            QoS::AtMostOnce => Ok(()),
            _ => self.write(&Packet::PubAck(PubAck::new(publish.pkid))).await,
        }
    }

    async fn publish(&mut self, topic: String, body: Vec<u8>) -> Result<(), Loss> {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, body);
        publish.pkid = self.packet_id();
        self.write(&Packet::Publish(publish)).await
    }

    /// The next thing of interest, or `Elapsed` at `until`. Pings while nothing else is said.
    async fn listen(&mut self, until: Instant) -> Event {
        loop {
            let next_ping =
                self.ping_sent.map_or(self.last_sent + PING_AFTER, |sent| sent + PING_PATIENCE);
            match timeout_at(until.min(next_ping), self.read()).await {
                Ok(Ok(packet)) => match self.interpret(packet).await {
                    Ok(Some(event)) => return event,
                    Ok(None) => {}
                    Err(loss) => return Event::Lost(loss),
                },
                Ok(Err(fault)) => return fault.into(),
                Err(_) if Instant::now() >= until => return Event::Elapsed,
                Err(_) if self.ping_sent.is_some() => return Event::Lost(Loss::NoPingResponse),
                Err(_) => {
                    if let Err(loss) = self.write(&Packet::PingReq).await {
                        return Event::Lost(loss);
                    }
                    self.ping_sent = Some(Instant::now());
                }
            }
        }
    }

    async fn interpret(&mut self, packet: Packet) -> Result<Option<Event>, Loss> {
        match packet {
            Packet::Publish(publish) => {
                self.acknowledge(&publish).await?;
                Ok(Some(answer(publish)))
            }
            Packet::PubAck(_) => Ok(Some(Event::Acknowledged)),
            Packet::PingResp => Ok(None),
            other => Ok(Some(Event::Broken(unexpected(&other, "an answer")))),
        }
    }

    async fn close(mut self) -> io::Result<()> {
        let _ = self.write(&Packet::Disconnect).await;
        self.stream.shutdown().await
    }

    fn packet_id(&mut self) -> u16 {
        let id = self.next_packet_id;
        // 0 is not allowed [MQTT-2.3.1-1].
        self.next_packet_id = id.checked_add(1).unwrap_or(1);
        id
    }

    async fn write(&mut self, packet: &Packet) -> Result<(), Loss> {
        let mut outbox = BytesMut::with_capacity(packet.size());
        // What is too large for the service is the service's to say.
        packet.write(&mut outbox, usize::MAX).map_err(|_| Loss::Reset)?;
        self.stream.write_all(&outbox).await.map_err(|_| Loss::Reset)?;
        self.stream.flush().await.map_err(|_| Loss::Reset)?;
        self.last_sent = Instant::now();
        Ok(())
    }

    /// The next packet. May be dropped while waiting: what has been read stays in the inbox.
    async fn read(&mut self) -> Result<Packet, ReadFault> {
        loop {
            match Packet::read(&mut self.inbox, MAX_PACKET) {
                Ok(packet) => {
                    self.ping_sent = None;
                    return Ok(packet);
                }
                Err(CodecError::InsufficientBytes(_)) => {
                    self.fill().await.map_err(ReadFault::Lost)?
                }
                Err(error) => {
                    return Err(ReadFault::Broken(Breach::Packet { reason: malformed(&error) }));
                }
            }
        }
    }

    /// Reads what there is.
    async fn fill(&mut self) -> Result<(), Loss> {
        match self.stream.read_buf(&mut self.inbox).await {
            Ok(0) => Err(Loss::Closed),
            Ok(_) => Ok(()),
            // Peers that leave without close_notify are met daily; a reset is something else.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Loss::Closed),
            Err(_) => Err(Loss::Reset),
        }
    }
}

impl From<ReadFault> for Event {
    fn from(fault: ReadFault) -> Self {
        match fault {
            ReadFault::Lost(loss) => Self::Lost(loss),
            ReadFault::Broken(breach) => Self::Broken(breach),
        }
    }
}

fn answer(publish: Publish) -> Event {
    match publish.topic.parse::<ResponseTopic>() {
        Ok(ResponseTopic { status, rid, retry_after }) => {
            Event::Answer(Answer { status, rid, retry_after, body: publish.payload.to_vec() })
        }
        Err(_) => Event::Broken(Breach::Topic { topic: publish.topic }),
    }
}

fn connect_code(code: ConnectReturnCode) -> ConnectCode {
    match code {
        ConnectReturnCode::Success => ConnectCode::Accepted,
        ConnectReturnCode::RefusedProtocolVersion => ConnectCode::UnacceptableProtocolVersion,
        ConnectReturnCode::BadClientId => ConnectCode::IdentifierRejected,
        ConnectReturnCode::ServiceUnavailable => ConnectCode::ServerUnavailable,
        ConnectReturnCode::BadUserNamePassword => ConnectCode::BadUserNameOrPassword,
        ConnectReturnCode::NotAuthorized => ConnectCode::NotAuthorized,
    }
}

fn unexpected(packet: &Packet, expected: &str) -> Breach {
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
fn malformed(error: &CodecError) -> String {
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
