//! The raw client over AMQP: what MQTT calls CONNECT, SUBSCRIBE and topics, in its words.

use std::collections::BTreeMap;
use std::time::Instant;

use provision_sim::amqp::engine::{Connection, Delivery, Event, Limits, LinkId};
use provision_sim::amqp::{
    Attach, Body, Failure, Frame, Kind, Message, Open, Outcome, Properties, Protocol, Role, Sasl,
    SaslCode, Symbol, Terminus, Value, next_frame,
};
use url::Url;

use super::{End, Said, Seen, Wire};
use crate::support::service::client::Device;
use crate::support::service::setup::SCOPE;
use crate::support::within;

const FRAME: usize = 64 * 1024;
/// How many messages the service may send on a link.
const CREDIT: u32 = 100;

/// A connection over AMQP.
pub(super) struct Amqp {
    wire: Wire,
    inbox: bytes::BytesMut,
    engine: Connection,
    channel: u16,
    id: String,
    /// The hub, of a device at one.
    hub: Option<String>,
    /// The link on which the device asks.
    sender: Option<LinkId>,
    /// What was asked, by what became of it.
    asked: BTreeMap<Delivery, String>,
}

fn entry(name: &str, value: &str) -> (Value, Value) {
    (Value::text(name), Value::text(value))
}

impl Amqp {
    pub(super) fn over(wire: Wire, id: &str) -> Self {
        let own = Open { container_id: id.to_owned(), ..Open::default() };
        Self {
            wire,
            inbox: bytes::BytesMut::new(),
            engine: Connection::new(own, Limits::default()),
            channel: 0,
            id: id.to_owned(),
            hub: None,
            sender: None,
            asked: BTreeMap::new(),
        }
    }

    /// More bytes, or how the connection ended.
    async fn read(&mut self) -> Result<(), End> {
        super::read_more(&mut self.wire, &mut self.inbox).await
    }

    async fn header(&mut self, protocol: Protocol) -> Result<(), End> {
        while self.inbox.len() < Protocol::LENGTH {
            self.read().await?;
        }
        assert_eq!(self.inbox.split_to(Protocol::LENGTH)[..], protocol.bytes());
        Ok(())
    }

    async fn sasl(&mut self) -> Result<Sasl, End> {
        loop {
            if let Some((frame, size)) = next_frame(&self.inbox, Kind::Sasl, FRAME).unwrap() {
                let _ = self.inbox.split_to(size);
                let Frame::Sasl(sasl) = frame else { panic!("{frame:?}") };
                return Ok(sasl);
            }
            self.read().await?;
        }
    }

    /// Signs in: with PLAIN, or at a hub with a token on a link and the links of the twin. The status is
    /// 0, or the code of SASL, or 128 for a link that is refused.
    pub(super) async fn connect(&mut self, device: &Device, deed: &str) -> Seen {
        let begun = Instant::now();
        if let Some((hub, _)) =
            device.user_name.split_once("/?").and_then(|it| it.0.split_once('/'))
        {
            self.hub = Some(hub.to_owned());
            self.wire.write(&Protocol::Amqp.bytes()).await;
            self.header(Protocol::Amqp).await.unwrap();
            self.begin().await;
            self.put_token(hub, &device.password).await;
            return self.link(Role::Receiver, deed == "delay").await;
        }
        self.wire.write(&Protocol::Sasl.bytes()).await;
        self.header(Protocol::Sasl).await.unwrap();
        assert!(matches!(self.sasl().await, Ok(Sasl::Mechanisms(_))));
        let response = format!("\0{SCOPE}/registrations/{}\0{}", self.id, device.password);
        let mut init = Vec::new();
        Frame::Sasl(Sasl::Init {
            mechanism: Symbol::known("PLAIN"),
            response: Some(response.into_bytes()),
            hostname: None,
        })
        .write(&mut init);
        self.wire.write(&init).await;
        let mut seen = Seen { said: vec![], end: End::Open, rest: 0, took: begun.elapsed() };
        if deed == "silence" {
            // Nothing more comes, whatever is said.
            self.wire.write(&Protocol::Amqp.bytes()).await;
            self.wire.finish().await;
            assert_eq!(self.read().await, Err(End::Closed));
            return seen;
        }
        let code = match self.sasl().await {
            Ok(Sasl::Outcome(SaslCode::Ok)) => 0,
            Ok(Sasl::Outcome(SaslCode::Auth)) => 1,
            Ok(other) => panic!("{other:?}"),
            Err(end) => {
                (seen.end, seen.rest) = (end, self.inbox.len());
                return seen;
            }
        };
        seen.took = begun.elapsed();
        seen.said.push(Said { status: code, head: String::new(), body: String::new() });
        if code > 0 {
            seen.end = self.read().await.unwrap_err();
            return seen;
        }
        self.wire.write(&Protocol::Amqp.bytes()).await;
        self.header(Protocol::Amqp).await.unwrap();
        self.begin().await;
        seen
    }

    /// Has a session.
    async fn begin(&mut self) {
        self.engine.open();
        self.until(|event| matches!(event, Event::Opened(_))).await;
        self.channel = self.engine.begin().unwrap();
        self.until(|event| matches!(event, Event::Begun { .. })).await;
    }

    async fn put_token(&mut self, hub: &str, token: &str) {
        let receiver = self.attach(Role::Receiver, "$cbs", vec![]);
        self.engine.grant(receiver, CREDIT);
        let sender = self.attach(Role::Sender, "$cbs", vec![]);
        let message = Message {
            properties: Properties { message_id: Some(Value::text("1")), ..Properties::default() },
            application: vec![
                entry("operation", "put-token"),
                entry("type", "servicebus.windows.net:sastoken"),
                entry("name", &format!("{hub}/devices/{}", self.id)),
            ],
            body: Body::Value(Value::text(token)),
            ..Message::default()
        };
        self.engine.send(sender, message, false).unwrap();
        let event = self.until(|event| matches!(event, Event::Message(..))).await;
        let Event::Message(_, _, answer) = event else { unreachable!() };
        assert_eq!(answer.application("status-code"), Some(&Value::Int(200)));
    }

    fn attach(&mut self, role: Role, address: &str, properties: Vec<(Value, Value)>) -> LinkId {
        let (own, other) = (Some(Terminus::default()), Some(Terminus::at(address)));
        let (source, target) = match role {
            Role::Receiver => (other, own),
            Role::Sender => (own, other),
        };
        let attach = Attach {
            name: format!("{address} {role:?}"),
            handle: 0,
            role,
            snd_settle_mode: None,
            rcv_settle_mode: None,
            source,
            target,
            initial_delivery_count: None,
            max_message_size: None,
            properties,
        };
        self.engine.attach(self.channel, attach).unwrap()
    }

    /// A link of the device, and what is said to it.
    async fn link(&mut self, role: Role, is_patient: bool) -> Seen {
        let symbol = |name, text| (Value::symbol(name), Value::text(text));
        let version = symbol("com.microsoft:api-version", "2021-06-01");
        let link = match &self.hub {
            Some(_) => {
                let pair = symbol("com.microsoft:channel-correlation-id", "twin:1");
                let address = format!("/devices/{}/twin", self.id);
                self.attach(role, &address, vec![version, pair])
            }
            None => {
                let address = format!("{SCOPE}/registrations/{}", self.id);
                self.attach(role, &address, vec![version])
            }
        };
        match role {
            Role::Receiver => self.engine.grant(link, CREDIT),
            Role::Sender => self.sender = Some(link),
        }
        self.listen(is_patient).await
    }

    /// Listens, and then has a link on which it asks.
    pub(super) async fn subscribe(&mut self, is_patient: bool) -> Seen {
        // At a hub the sign-in had the link on which it listens.
        if self.hub.is_none() {
            let seen = self.link(Role::Receiver, is_patient).await;
            if seen.end != End::Open || seen.said.iter().all(|it| it.status != 0) {
                return seen;
            }
            assert_eq!(self.link(Role::Sender, true).await.answer().status, 0);
            return Seen {
                said: seen.said.into_iter().map(|it| Said { status: 1, ..it }).collect(),
                ..seen
            };
        }
        self.link(Role::Sender, true).await
    }

    /// Asks what a topic asks.
    pub(super) async fn publish(&mut self, topic: &str, is_patient: bool) -> Seen {
        let url = Url::parse(&format!("mqtt:/{topic}")).unwrap();
        let find = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        let rid = find("$rid").unwrap();
        let operation = |name, more: Option<String>| {
            let mut application = vec![entry("iotdps-operation-type", name)];
            application.extend(more.map(|id| entry("iotdps-operation-id", &id)));
            Message { application, ..Message::default() }
        };
        let message = match topic {
            _ if topic.contains("iotdps-register") => operation("iotdps-register", None),
            _ if topic.contains("get-operationstatus") => {
                operation("iotdps-get-operationstatus", find("operationId"))
            }
            _ if topic.contains("lookup") => operation("iotdps-get-registration", None),
            _ => Message {
                annotations: vec![(Value::symbol("operation"), Value::text("GET"))],
                body: Body::Data(b" ".to_vec()),
                ..Message::default()
            },
        };
        let correlation_id = Some(Value::text(&*rid));
        let properties = Properties { correlation_id, ..Properties::default() };
        let message = Message { properties, ..message };
        let delivery = self.engine.send(self.sender.unwrap(), message, false).unwrap();
        self.asked.insert(delivery, rid);
        self.listen(is_patient).await
    }

    async fn flush(&mut self) {
        let bytes = self.engine.output();
        if !bytes.is_empty() {
            self.wire.write(&bytes).await;
        }
    }

    /// The first event of a kind; those before it are forgotten.
    async fn until(&mut self, is_it: impl Fn(&Event) -> bool) -> Event {
        loop {
            while let Some(event) = self.engine.next_event() {
                if is_it(&event) {
                    return event;
                }
            }
            self.flush().await;
            self.read().await.unwrap();
            self.take();
        }
    }

    fn take(&mut self) {
        let mut inbox = self.inbox.split().to_vec();
        self.engine.read(&mut inbox).unwrap();
        self.inbox.extend_from_slice(&inbox);
    }

    /// What is said: of a patient client the first answer, else all before a link is refused that can lead
    /// nowhere. Sessions would not do: the engine of the service answers them before anything else.
    async fn listen(&mut self, is_patient: bool) -> Seen {
        let begun = Instant::now();
        let ping = (!is_patient).then(|| self.attach(Role::Sender, "nowhere", vec![]));
        let mut seen = Seen { said: vec![], end: End::Open, rest: 0, took: begun.elapsed() };
        loop {
            while let Some(event) = self.engine.next_event() {
                match event {
                    Event::Attached(link, _) if Some(link) == ping => {}
                    Event::Detached(link, _) if Some(link) == ping => {
                        seen.took = begun.elapsed();
                        return seen;
                    }
                    event => seen.said.extend(self.said(event)),
                }
            }
            if is_patient && !seen.said.is_empty() {
                self.flush().await;
                seen.took = begun.elapsed();
                return seen;
            }
            self.flush().await;
            if let Err(end) = self.read().await {
                (seen.end, seen.rest) = (end, self.inbox.len());
                return seen;
            }
            self.take();
        }
    }

    /// What an event says.
    fn said(&mut self, event: Event) -> Option<Said> {
        let nothing = |status| Some(Said { status, head: String::new(), body: String::new() });
        match event {
            Event::Attached(_, Attach { source: Some(_), target: Some(_), .. }) => nothing(0),
            Event::Detached(_, Some(Failure { condition, .. })) => {
                Some(Said { status: 128, head: condition.to_string(), body: String::new() })
            }
            Event::Message(link, delivery, message) => {
                self.engine.settle(link, delivery, Outcome::Accepted);
                Some(answer(message))
            }
            Event::Became(_, delivery, Outcome::Rejected(error)) => {
                let rid = self.asked.remove(&delivery).unwrap_or_default();
                let Failure { description, info, .. } = error.expect("why");
                let body = description.expect("the JSON");
                let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
                let code = json["errorCode"].as_u64().expect(&body) / 1000;
                Some(Said { status: u16::try_from(code).unwrap(), head: head(&rid, &info), body })
            }
            _ => None,
        }
    }
}

/// An answer, as a topic would have it.
fn answer(message: Message) -> Said {
    let rid = message.properties.correlation_id.as_ref().and_then(Value::as_text).expect("an ID");
    let head = head(rid, &message.application);
    let status = message.annotation("status").cloned();
    let Body::Data(body) = message.body else { panic!("{message:?}") };
    let body = String::from_utf8(body).unwrap();
    let status = match status {
        Some(Value::Int(status)) => u16::try_from(status).unwrap(),
        _ if body.contains(r#""status":"assigning""#) => 202,
        _ => 200,
    };
    Said { status, head, body }
}

fn head(rid: &str, map: &[(Value, Value)]) -> String {
    let wait = map.iter().find(|(name, _)| name.as_text() == Some("Retry-After"));
    let wait = wait.map(|(_, wait)| match wait {
        Value::Int(seconds) => format!("&retry-after={seconds}"),
        other => format!("&retry-after={}", other.as_text().unwrap()),
    });
    format!("$rid={rid}{}", wait.unwrap_or_default())
}

impl Wire {
    /// Says that no more comes.
    async fn finish(&mut self) {
        let ended = async {
            match self {
                Self::Tls(tls) => tokio::io::AsyncWriteExt::shutdown(tls).await.unwrap(),
                Self::Ws(socket) => socket.close(None).await.unwrap(),
            }
        };
        within("the end", ended).await;
    }
}
