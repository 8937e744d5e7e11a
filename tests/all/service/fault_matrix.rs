//! Each fault at each place on each transport where it can occur, as a raw client sees it (J-260). The
//! cases are made from the words that the parser knows: one that nobody here can judge fails. Those of
//! certificates at the hub are in `renewal`.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use provision_sim::service::{EntryStatus, FaultPlace, FaultRule, FaultTransport};
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{Packet, PubAck, Publish, QoS, Subscribe, SubscribeReasonCode};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::faults::{deeds_at, is_of_certificates, samples};
use crate::support::service::client::{Device, RESPONSES, poll_topic};
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::token::of_device;
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::within;

use FaultPlace::{
    Accept, Connect, HubConnect, Lookup, Poll, Register, Subscribe as Sub, Tls, Twin,
};
use FaultTransport::{Https, Mqtt, MqttWs};

use amqp::Amqp;

mod amqp;

const REGISTER: &str = "$dps/registrations/PUT/iotdps-register/?$rid=1";
const TWIN: &str = "$iothub/twin/GET/?$rid=1";
/// What no topic asks.
const LOOKUP: &str = "lookup/?$rid=1";
/// In place of a deed, where nothing is to go wrong.
const WELL: &str = "no fault";
const WAIT: Duration = Duration::from_millis(30);

/// A fault at a place on a transport.
#[derive(Debug, Clone)]
struct Case {
    place: FaultPlace,
    deed: &'static str,
    transport: FaultTransport,
    rule: String,
    id: String,
}

/// Everything that the tables of the documents allow.
fn cases(transport: FaultTransport) -> Vec<Case> {
    let mut cases = Vec::new();
    let is_here = |place: &FaultPlace| {
        place.transports().contains(&transport)
            && !matches!(place, FaultPlace::Renew | FaultPlace::Issue)
    };
    for place in FaultPlace::ALL.into_iter().filter(is_here) {
        // Those of certificates are for devices that ask for one: `issuance_faults`.
        let deeds = deeds_at(place, transport).into_iter();
        for deed in deeds.filter(|deed| !is_of_certificates(place, deed)) {
            for sample in samples(place, deed) {
                let id = format!("pump-{}-{transport}", cases.len());
                let (whom, over) = match place {
                    Accept | Tls => (String::new(), format!(" transport={transport}")),
                    FaultPlace::Webhook => (format!(" device={id}"), String::new()),
                    _ => (format!(" device={id}"), format!(" transport={transport}")),
                };
                // Of assigning it says already how often.
                let often = if deed == "assigning" { "" } else { " times=1" };
                let rule = format!("{place} {sample}{whom}{over}{often}");
                cases.push(Case { place, deed, transport, rule, id });
            }
        }
    }
    cases
}

// --- The raw client ---

/// What carries bytes of MQTT, of AMQP, or of HTTPS.
enum Wire {
    Tls(Box<TlsStream<TcpStream>>),
    Ws(Box<WebSocketStream<TlsStream<TcpStream>>>),
}

impl Wire {
    async fn open(service: &TestService, transport: FaultTransport) -> io::Result<Self> {
        let address = address(service, transport);
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(service.tls.clone()).connect(name, tcp);
        let tls = within("a handshake", tls).await?;
        let protocol = match transport {
            MqttWs => "mqtt",
            FaultTransport::AmqpWs => "AMQPWSB10",
            _ => return Ok(Self::Tls(Box::new(tls))),
        };
        let mut request = "wss://localhost/$iothub/websocket".into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
        let (socket, _) = within("an upgrade", client_async(request, tls)).await.unwrap();
        Ok(Self::Ws(Box::new(socket)))
    }

    async fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Tls(tls) => {
                tls.write_all(bytes).await.unwrap();
                tls.flush().await.unwrap();
            }
            Self::Ws(socket) => {
                socket.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
            }
        }
    }

    /// More bytes; none at the end.
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        let Self::Ws(socket) = self else {
            let Self::Tls(tls) = self else { unreachable!() };
            return tls.read_buf(into).await;
        };
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                into.extend_from_slice(&bytes);
                Ok(bytes.len())
            }
            Some(Ok(Message::Close(_))) | None => Ok(0),
            Some(Err(Error::Io(error))) => Err(error),
            other => panic!("{other:?}"),
        }
    }
}

/// The listener of a transport.
fn address(service: &TestService, transport: FaultTransport) -> std::net::SocketAddr {
    match transport {
        Mqtt => service.address(),
        FaultTransport::Amqp => service.amqp_address(),
        _ => service.https_address(),
    }
}

/// More bytes, or how the connection ended.
async fn read_more(wire: &mut Wire, inbox: &mut BytesMut) -> Result<(), End> {
    match within("a packet", wire.read(inbox)).await {
        Ok(0) => Err(End::Closed),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(End::Closed),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(End::Reset),
        Err(error) => panic!("{error}"),
        Ok(_) => Ok(()),
    }
}

/// How a connection stands after what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Closed,
    Reset,
}

/// An answer, over whichever transport.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    status: u16,
    /// Topic, or head.
    head: String,
    body: String,
}

/// What came.
#[derive(Debug)]
struct Seen {
    said: Vec<Said>,
    end: End,
    /// Bytes of an answer that broke off.
    rest: usize,
    took: Duration,
}

impl Seen {
    /// The one answer that there must be, on a connection that goes on.
    fn answer(&self) -> &Said {
        assert_eq!((self.said.len(), self.end), (1, End::Open), "{self:?}");
        &self.said[0]
    }
}

impl Said {
    fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

/// A client over MQTT or HTTPS.
struct Plain {
    wire: Wire,
    inbox: BytesMut,
    id: String,
}

/// A client over any of them.
enum Raw {
    Plain(Plain),
    Amqp(Box<Amqp>),
}

impl Raw {
    async fn open(service: &TestService, case: &Case) -> Self {
        let wire = Wire::open(service, case.transport).await.unwrap();
        match case.transport {
            FaultTransport::Amqp | FaultTransport::AmqpWs => {
                Self::Amqp(Box::new(Amqp::over(wire, &case.id)))
            }
            _ => Self::Plain(Plain { wire, inbox: BytesMut::new(), id: case.id.clone() }),
        }
    }

    async fn connect(&mut self, device: &Device, deed: &str) -> Seen {
        let plain = match self {
            Self::Amqp(amqp) => return amqp.connect(device, deed).await,
            Self::Plain(plain) => plain,
        };
        if deed != "silence" {
            return plain.connect(device, deed == "delay" || deed == WELL).await;
        }
        // Nobody may ping before it is let in. The first is not heard, so the second is no breach.
        plain.send(device.connect_packet()).await;
        assert_eq!(plain.connect(device, true).await.answer().status, 0);
        plain.ask(Packet::PingReq, true).await
    }

    async fn subscribe(&mut self, filter: &str, is_patient: bool) -> Seen {
        match self {
            Self::Amqp(amqp) => amqp.subscribe(is_patient).await,
            Self::Plain(plain) => plain.subscribe(filter, is_patient).await,
        }
    }

    async fn publish(&mut self, topic: &str, is_patient: bool) -> Seen {
        match self {
            Self::Amqp(amqp) => amqp.publish(topic, is_patient).await,
            Self::Plain(plain) => plain.publish(topic, is_patient).await,
        }
    }

    /// Over HTTPS.
    fn plain(&mut self) -> &mut Plain {
        match self {
            Self::Plain(plain) => plain,
            Self::Amqp(_) => panic!("no client over HTTPS"),
        }
    }

    async fn call(&mut self, method: &str, rest: &str) -> Seen {
        self.plain().call(method, rest).await
    }
}

impl Plain {
    async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, 1 << 16).unwrap();
        self.wire.write(&bytes).await;
    }

    /// The next packet, or how the connection ended.
    async fn next(&mut self) -> Result<Packet, End> {
        loop {
            match Packet::read(&mut self.inbox, 1 << 16) {
                Ok(packet) => return Ok(packet),
                Err(CodecError::InsufficientBytes(_)) => {}
                Err(error) => panic!("no packet: {error}"),
            }
            read_more(&mut self.wire, &mut self.inbox).await?;
        }
    }

    /// Sends a packet, and takes in what comes: of a patient client the first answer, else all before the
    /// answer to a ping.
    async fn ask(&mut self, packet: Packet, is_patient: bool) -> Seen {
        let begun = Instant::now();
        self.send(packet).await;
        if !is_patient {
            self.send(Packet::PingReq).await;
        }
        let mut said = Vec::new();
        let end = loop {
            let (status, head, body) = match self.next().await {
                Ok(Packet::PingResp) => break End::Open,
                Ok(Packet::PubAck(_)) => continue,
                Ok(Packet::ConnAck(ack)) => (ack.code as u16, String::new(), String::new()),
                Ok(Packet::SubAck(ack)) => {
                    let is_refused = ack.return_codes == [SubscribeReasonCode::Failure];
                    (if is_refused { 128 } else { 1 }, String::new(), String::new())
                }
                Ok(Packet::Publish(publish)) => {
                    if publish.qos == QoS::AtLeastOnce {
                        self.send(Packet::PubAck(PubAck::new(publish.pkid))).await;
                    }
                    let (_, rest) = publish.topic.split_once("/res/").unwrap();
                    let status = rest.split('/').next().unwrap().parse().unwrap();
                    let body = String::from_utf8(publish.payload.to_vec()).unwrap();
                    (status, publish.topic, body)
                }
                Ok(other) => panic!("{other:?}"),
                Err(end) => break end,
            };
            said.push(Said { status, head, body });
            if is_patient {
                break End::Open;
            }
        };
        Seen { said, end, rest: self.inbox.len(), took: begun.elapsed() }
    }

    async fn publish(&mut self, topic: &str, is_patient: bool) -> Seen {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, " ");
        publish.pkid = 9;
        self.ask(Packet::Publish(publish), is_patient).await
    }

    async fn subscribe(&mut self, filter: &str, is_patient: bool) -> Seen {
        let mut subscribe = Subscribe::new(filter, QoS::AtLeastOnce);
        subscribe.pkid = 5;
        self.ask(Packet::Subscribe(subscribe), is_patient).await
    }

    async fn connect(&mut self, device: &Device, is_patient: bool) -> Seen {
        self.ask(device.connect_packet(), is_patient).await
    }

    /// Asks over HTTPS.
    async fn call(&mut self, method: &str, rest: &str) -> Seen {
        let begun = Instant::now();
        self.request(method, rest).await;
        let mut seen = self.response().await;
        seen.took = begun.elapsed();
        seen
    }

    async fn request(&mut self, method: &str, rest: &str) {
        let (id, token) = (&self.id, of_device(&self.id));
        let request = format!(
            "{method} /{SCOPE}/registrations/{id}{rest}?api-version=2021-06-01 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Length: 0\r\n\r\n"
        );
        self.wire.write(request.as_bytes()).await;
    }

    async fn response(&mut self) -> Seen {
        let mut seen = Seen { said: vec![], end: End::Open, rest: 0, took: Duration::ZERO };
        loop {
            let text = String::from_utf8_lossy(&self.inbox).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head.split_once("content-length: ").unwrap().1;
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if body.len() >= length {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    seen.said.push(Said { status, body: body.to_owned(), head });
                    self.inbox.clear();
                    return seen;
                }
                seen.rest = body.len();
            }
            match within("an answer", self.wire.read(&mut self.inbox)).await {
                Ok(0) => seen.end = End::Closed,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => seen.end = End::Closed,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => seen.end = End::Reset,
                Err(error) => panic!("{error}"),
                Ok(_) => continue,
            }
            return seen;
        }
    }
}

// --- What is asked at each place ---

/// A device that stands before the place: all that comes first went well.
async fn before(service: &TestService, case: &Case) -> (Raw, String) {
    let mut raw = Raw::open(service, case).await;
    let mut operation = String::new();
    if case.transport == Https {
        if matches!(case.place, Poll | Lookup) {
            let seen = raw.call("PUT", "/register").await;
            operation = operation_of(seen.answer());
        }
        return (raw, operation);
    }
    let device = Device::new(&case.id);
    if matches!(case.place, Twin | HubConnect) {
        raw.connect(&device, WELL).await;
        raw.subscribe(RESPONSES, true).await;
        let operation = operation_of(raw.publish(REGISTER, true).await.answer());
        assert_eq!(raw.publish(&poll_topic(&operation), true).await.answer().status, 200);
        raw = Raw::open(service, case).await;
        if case.place == Twin {
            let device = Device::at_hub(&case.id, HUB_WEST);
            assert_eq!(raw.connect(&device, WELL).await.answer().status, 0);
            raw.subscribe("$iothub/twin/res/#", true).await;
        }
        return (raw, operation);
    }
    if case.place != Connect {
        assert_eq!(raw.connect(&device, WELL).await.answer().status, 0);
    }
    if matches!(case.place, Register | Poll | Lookup | FaultPlace::Webhook) {
        raw.subscribe(RESPONSES, true).await;
    }
    if matches!(case.place, Poll | Lookup) {
        operation = operation_of(raw.publish(REGISTER, true).await.answer());
    }
    (raw, operation)
}

fn operation_of(said: &Said) -> String {
    said.json().unwrap()["operationId"].as_str().unwrap().to_owned()
}

/// Asks for what is struck.
async fn at(raw: &mut Raw, case: &Case, operation: &str) -> Seen {
    let is_patient = case.deed == "delay";
    match (case.place, case.transport) {
        (Register, Https) => raw.call("PUT", "/register").await,
        (Poll, Https) => raw.call("GET", &format!("/operations/{operation}")).await,
        (Lookup, Https) => raw.call("POST", "").await,
        (Connect | HubConnect, _) => {
            let device = match case.place {
                Connect => Device::new(&case.id),
                _ => Device::at_hub(&case.id, HUB_WEST),
            };
            raw.connect(&device, case.deed).await
        }
        (Sub, _) => raw.subscribe(RESPONSES, is_patient).await,
        (Register, _) => raw.publish(REGISTER, is_patient).await,
        (Poll, _) => raw.publish(&poll_topic(operation), is_patient).await,
        (Lookup, _) => raw.publish(LOOKUP, is_patient).await,
        (Twin, _) => raw.publish(TWIN, is_patient).await,
        _ => panic!("nobody knows how to ask: {case:?}"),
    }
}

/// Whether over HTTPS nothing is said: not while another client is served, and the strike is recorded.
async fn is_silent(service: &TestService, case: &Case) {
    let (mut raw, operation) = before(service, case).await;
    let (method, rest) = match case.place {
        Register => ("PUT", "/register".to_owned()),
        Poll => ("GET", format!("/operations/{operation}")),
        _ => ("POST", String::new()),
    };
    let raw = raw.plain();
    raw.request(method, &rest).await;
    let faults = service.inside().faults();
    let journal = service.inside().journal();
    within(
        "the strike",
        journal.wait_for(|entry| entry.faults.iter().any(|it| it.rule.contains(&case.id))),
    )
    .await;
    assert_eq!(faults.list().iter().map(|rule| rule.struck).sum::<u64>(), 1, "{case:?}");
    let mut other =
        Raw::open(service, &Case { id: format!("{}-other", case.id), ..case.clone() }).await;
    assert_eq!(other.call("PUT", "/register").await.answer().status, 202);
    let read = tokio::time::timeout(Duration::ZERO, raw.wire.read(&mut raw.inbox)).await;
    assert!(read.is_err() && raw.inbox.is_empty(), "{case:?}");
}

/// The status with which the place answers where nothing goes wrong.
fn ordinary(case: &Case) -> u16 {
    match case.place {
        Connect | HubConnect => 0,
        Sub => 1,
        Register => 202,
        _ => 200,
    }
}

/// Judges what the client saw.
async fn judge(case: &Case, seen: Seen, raw: &mut Raw, operation: &str) {
    let hangs_up = || assert_eq!((seen.said.len(), seen.rest), (0, 0), "{case:?}: {seen:?}");
    let answer = || seen.answer();
    match case.deed {
        "status" => assert_eq!(answer().status, 503),
        "code" => {
            assert_eq!(answer().status, 429);
            assert_eq!(answer().json().unwrap()["errorCode"], 429_123);
        }
        "message" => assert_eq!(answer().json().unwrap()["message"], "Hey"),
        "retry-after" => {
            let told = if case.transport == Https { "retry-after: 7" } else { "&retry-after=7" };
            assert!(answer().status == 429 && answer().head.contains(told), "{seen:?}");
        }
        "delay" => {
            assert!(answer().status == ordinary(case) && seen.took >= WAIT, "{case:?}: {seen:?}");
        }
        "silence" => {
            hangs_up();
            assert_eq!(seen.end, End::Open, "{case:?}");
        }
        "close" => {
            hangs_up();
            assert_eq!(seen.end, End::Closed, "{case:?}");
        }
        "reset" => {
            hangs_up();
            assert_eq!(seen.end, End::Reset, "{case:?}");
        }
        "truncate" => {
            let length = if case.place == Twin { 3 } else { 10 };
            assert_eq!(
                (seen.said.len(), seen.rest, seen.end),
                (0, length, End::Closed),
                "{case:?}"
            );
        }
        "lose-answer" => {
            hangs_up();
            let end = if case.transport == Https { End::Closed } else { End::Open };
            assert_eq!(seen.end, end, "{case:?}");
        }
        "duplicate" => {
            assert!(seen.said.len() == 2 && seen.said[0] == seen.said[1], "{case:?}: {seen:?}");
        }
        "late" => {
            assert!(seen.said.is_empty() && seen.end == End::Open, "{case:?}: {seen:?}");
            let next = match case.place {
                Twin => "$iothub/twin/GET/?$rid=next".to_owned(),
                _ => poll_topic("5.none").replace("$rid=2", "$rid=next"),
            };
            let seen = raw.publish(&next, false).await;
            let rids: Vec<_> = seen.said.iter().map(|it| it.head.contains("$rid=next")).collect();
            assert_eq!(rids, [true, false], "{case:?}: {seen:?}");
        }
        // Over AMQP the head has the correlation-id (J-367).
        "wrong-rid" => {
            let (_, rid) = answer().head.split_once("$rid=").unwrap();
            assert!(!rid.starts_with('1') || rid.len() >= 36, "{seen:?}");
            assert_eq!(rid.split('&').next().unwrap().len(), 36, "{case:?}: {seen:?}");
        }
        "broken-json" => {
            assert!(
                answer().body.starts_with('{') && answer().json().is_none(),
                "{case:?}: {seen:?}"
            );
        }
        "empty" => assert_eq!(answer().body, "", "{case:?}"),
        "unknown-members" => {
            assert!(answer().json().unwrap()["newMember"].is_object(), "{case:?}: {seen:?}");
        }
        "no-operation-id" => {
            let json = answer().json().unwrap();
            assert!(json.get("operationId").is_none() && json["status"].is_string(), "{json}");
        }
        "unknown-status" => assert_eq!(answer().json().unwrap()["status"], "pondering"),
        "html" => {
            assert!(answer().body.starts_with("<!DOCTYPE html>"), "{seen:?}");
            let is_told = case.transport != Https || answer().head.contains("text/html");
            assert!(is_told, "{seen:?}");
        }
        "assigning" => {
            assert_eq!(answer().status, 202);
            assert_eq!(at(raw, case, operation).await.answer().status, 202);
            assert_eq!(at(raw, case, operation).await.answer().status, 200);
        }
        "forget-operation" => {
            let forgotten = match case.place {
                Register => operation_of(answer()),
                _ => operation.to_owned(),
            };
            let poll = Case { place: Poll, ..case.clone() };
            assert_eq!(at(raw, &poll, &forgotten).await.answer().status, 404, "{case:?}");
        }
        "hub" => assert!(answer().body.contains("unknown.azure-devices.net"), "{seen:?}"),
        "connection-profile" => {
            let wanted = if case.rule.contains("unknown") { "carrierPigeon" } else { "mqttV5" };
            let told = format!("\"assignedHub\":\"{HUB_WEST}\",\"connectionProfile\":\"{wanted}\"");
            assert!(answer().body.contains(&told), "{case:?}: {seen:?}");
        }
        "connack" => {
            assert_eq!((seen.said[0].status, seen.said.len(), seen.end), (3, 1, End::Closed));
        }
        "suback" => assert_eq!(answer().status, 128),
        "sasl-outcome" => {
            assert_eq!((seen.said[0].status, seen.said.len(), seen.end), (1, 1, End::Closed));
        }
        "detach" => {
            assert_eq!((answer().status, &*answer().head), (128, "amqp:not-found"), "{case:?}");
        }
        "clock" => assert_eq!(answer().status, 401),
        other => panic!("nobody can tell whether {other} struck: {case:?}"),
    }
}

// --- The wire ---

/// Has a connection struck before anything is said on it.
async fn strike_wire(service: &TestService, case: &Case) {
    let begun = Instant::now();
    if case.deed == "silence" {
        let address = address(service, case.transport);
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(b"\x16\x03\x01 hello?").await.unwrap();
        tcp.shutdown().await.unwrap();
        let mut rest = Vec::new();
        within("the end", tcp.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "{case:?}");
        return;
    }
    let end = Wire::open(service, case.transport).await.map(|_| begun.elapsed());
    let told = match &end {
        Ok(_) => String::new(),
        Err(error) => format!("{:?} {error:?}", error.kind()),
    };
    let is = |word: &str| assert!(told.contains(word), "{case:?}: {told}");
    match case.deed {
        "delay" => assert!(end.unwrap() >= WAIT),
        // Certificate and handshake are more than a kilobyte.
        "slow" => assert!(end.unwrap() >= Duration::from_millis(100)),
        "reset" => is("ConnectionReset"),
        // What was sent and not read may turn the end into a reset.
        "close" | "truncate" => {
            let ends = ["UnexpectedEof", "ConnectionReset", "BrokenPipe", "ConnectionAborted"];
            assert!(ends.iter().any(|end| told.contains(end)), "{case:?}: {told}");
        }
        "tls-alert" => is("HandshakeFailure"),
        "certificate" if case.rule.contains("expired") => is("Expired"),
        "certificate" if case.rule.contains("wrong-name") => is("NotValidForName"),
        // It is right, and of 100 KB, which is more than rustls takes.
        "certificate" if case.rule.contains("long") => is("HandshakePayloadTooLarge"),
        "certificate" => is("UnknownIssuer"),
        other => panic!("nobody can tell whether {other} struck: {case:?}"),
    }
}

// --- Webhooks ---

/// How a registration ends about which a webhook decides that is struck.
async fn strike_webhook(service: &TestService, case: &Case) {
    let begun = Instant::now();
    let (mut raw, _) = before(service, case).await;
    let (register, place) = (Case { place: Register, ..case.clone() }, Poll);
    let operation = operation_of(at(&mut raw, &register, "").await.answer());
    let poll = Case { place, ..register };
    let done = loop {
        let seen = at(&mut raw, &poll, &operation).await;
        let answer = match seen.said.first() {
            Some(answer) => answer.clone(),
            None => panic!("{case:?}: {seen:?}"),
        };
        if answer.status != 202 {
            break answer.json().unwrap()["registrationState"].clone();
        }
    };
    match case.deed {
        "delay" => assert!(done["assignedHub"] == HUB_WEST && begun.elapsed() >= WAIT, "{done}"),
        "status" | "silence" | "close" | "reset" | "lose-answer" | "broken-json" | "html"
        | "hub" => {
            assert_eq!(
                (&done["status"], done["errorCode"].as_u64().unwrap() / 1000),
                (&"failed".into(), 400),
                "{case:?}: {done}"
            );
        }
        other => panic!("nobody can tell whether {other} struck: {case:?}"),
    }
}

/// Plays all cases of a transport, each with the rule that makes it, and finds each in the journal.
async fn play(transport: FaultTransport) {
    let plain = Setup::at_once().start().await;
    let webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let custom = setup.webhook_timeout(Duration::from_millis(300)).start().await;
    let cases = cases(transport);
    for case in &cases {
        let service = if case.place == FaultPlace::Webhook { &custom } else { &plain };
        let (faults, journal) = (service.inside().faults(), service.inside().journal());
        let rule: FaultRule =
            case.rule.parse().unwrap_or_else(|error| panic!("{}: {error}", case.rule));
        let id = faults.add(rule);
        match (case.place, case.deed, transport) {
            (Accept | Tls, ..) => strike_wire(service, case).await,
            (FaultPlace::Webhook, ..) => strike_webhook(service, case).await,
            (_, "silence", Https) => is_silent(service, case).await,
            _ => {
                let (mut raw, operation) = before(service, case).await;
                let seen = at(&mut raw, case, &operation).await;
                judge(case, seen, &mut raw, &operation).await;
            }
        }
        let struck = faults.get(id).unwrap().struck;
        assert_eq!(struck, if case.deed == "assigning" { 2 } else { 1 }, "{case:?}");
        let is_told = match case.place {
            Accept | Tls => journal.struck_connections().iter().any(|it| it.fault.id == id),
            _ => journal.entries().iter().any(|entry| entry.faults.iter().any(|it| it.id == id)),
        };
        assert!(is_told, "the journal does not have it: {case:?}");
        let is_done = journal.entries().iter().any(|entry| {
            entry.registration_id == *case.id && entry.status == EntryStatus::Assigned
        });
        let must_be_undone = case.place == Register
            && matches!(case.deed, "status" | "code" | "message" | "silence" | "close" | "reset");
        assert!(!(must_be_undone && is_done), "it was done all the same: {case:?}");
        faults.remove(id);
    }
}

#[tokio::test]
async fn j_260_each_fault_that_can_occur_over_mqtt_is_seen() {
    play(Mqtt).await;
}

#[tokio::test]
async fn j_260_each_fault_that_can_occur_over_a_web_socket_is_seen() {
    play(MqttWs).await;
}

#[tokio::test]
async fn j_366_each_fault_that_can_occur_over_amqp_is_seen() {
    play(FaultTransport::Amqp).await;
}

#[tokio::test]
async fn j_366_each_fault_that_can_occur_over_amqp_and_a_web_socket_is_seen() {
    play(FaultTransport::AmqpWs).await;
}

#[tokio::test]
async fn j_260_each_fault_that_can_occur_over_https_is_seen() {
    play(Https).await;
}
