//! Devices at their hubs on one AMQP connection, as a pure state machine: what the peer did in, questions
//! and commands to the engine out (I.3).
//!
//! Whose a link is, its address says; so a connection may have links of many devices, as Java's and .NET's
//! multiplexing clients make it. Who may have a link is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::devicebound;
use crate::amqp::engine::{Connection, Delivery, Event, LinkId};
use crate::amqp::{Attach, Body, Failure, Message, Outcome, Properties, Role, Value};
use crate::attestation::SasToken;
use crate::service::endpoint::hub_desk::TwinAnswer;
use crate::service::hub::{MethodAnswer, NumberedMessage};
use crate::service::record::HubKey;
use crate::text::Foreign;
use crate::wire::hub_link as words;
use crate::wire::{DeviceAddress, HubAddress, HubAddressError, HubNode};

/// How many messages a client may send on a link before it hears of them.
const CREDIT: u32 = 100;
/// How often a device may give a message back before the hub gives it up: IoT Hub's default
/// `maxDeliveryCount` (J-349).
const MAX_DELIVERIES: u8 = 10;

/// What somebody wants of a hub.
#[derive(Debug)]
pub(super) enum HubQuestion {
    /// To show a token.
    Token {
        /// Where the answer goes.
        back: Back,
        /// Whom it is for, as said.
        name: String,
        /// The token.
        token: SasToken,
    },
    /// To have a link at a device.
    Link(Wanted),
    /// The device's twin.
    Twin {
        /// The device.
        key: HubKey,
        /// Where the answer goes.
        back: Back,
    },
    /// To report properties.
    Report {
        /// The device.
        key: HubKey,
        /// Where the answer goes.
        back: Back,
        /// The change, JSON.
        patch: Vec<u8>,
    },
    /// To send messages, which are counted.
    Messages {
        /// The device.
        key: HubKey,
        /// How many.
        count: usize,
    },
    /// To say that it is done with a message.
    Taken {
        /// The device.
        key: HubKey,
        /// The hub's number for it.
        number: u64,
    },
    /// To answer a method.
    MethodResponse {
        /// The device.
        key: HubKey,
        /// The hub's name for the call.
        rid: String,
        /// What came of it.
        answer: MethodAnswer,
    },
    /// To hear other things than before, or more of them.
    Listens {
        /// The device.
        key: HubKey,
    },
    /// Nothing any more: a device has no links left.
    Left {
        /// The device.
        key: HubKey,
    },
}

/// A link that somebody wants at a device.
#[derive(Debug)]
pub(super) struct Wanted {
    link: LinkId,
    /// Where it leads.
    pub(super) address: DeviceAddress,
    role: Role,
    channel: Option<String>,
}

/// Where an answer goes, and what it answers.
#[derive(Debug, Clone)]
pub(super) struct Back {
    link: LinkId,
    correlation_id: Option<Value>,
}

impl Back {
    /// What an answer that goes there is an answer to.
    pub(super) fn correlation_id(&mut self) -> &mut Option<Value> {
        &mut self.correlation_id
    }
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    Cbs,
    Device(HubKey, HubNode),
}

#[derive(Debug)]
struct Link {
    at: At,
    /// What the client is on it.
    role: Role,
    /// What pairs it with another.
    channel: Option<String>,
    /// Whether changes to desired properties go over it.
    wants_desired: bool,
}

impl Link {
    fn leads_to(&self, key: &HubKey, node: HubNode, role: Role) -> bool {
        self.role == role && matches!(&self.at, At::Device(own, at) if own == key && *at == node)
    }
}

/// What a device was sent of the messages that wait for it.
#[derive(Debug)]
struct Bound {
    link: LinkId,
    /// The number of the last.
    last_sent: u64,
    /// Those of which nothing was heard yet.
    in_flight: BTreeMap<Delivery, u64>,
    /// How often it gave back which.
    given_back: BTreeMap<u64, u8>,
    /// Those that are to be sent again.
    again: BTreeSet<u64>,
}

impl Bound {
    fn to(link: LinkId) -> Self {
        let (in_flight, given_back) = (BTreeMap::new(), BTreeMap::new());
        Self { link, last_sent: 0, in_flight, given_back, again: BTreeSet::new() }
    }
}

/// The links that lead to hubs, of all devices of a connection.
#[derive(Debug, Default)]
pub(super) struct HubConversation {
    links: BTreeMap<LinkId, Link>,
    bound: BTreeMap<HubKey, Bound>,
    /// Devices to which messages could not be sent for want of room.
    stalled: BTreeSet<HubKey>,
}

impl HubConversation {
    /// Whether somebody asks for a link to a hub.
    pub(super) fn is_meant_by(event: &Event) -> bool {
        matches!(event, Event::Asked(_, attach) if address(attach).is_some_and(HubAddress::is_meant_by))
    }

    /// Whether something that happened is about a hub.
    pub(super) fn owns(&self, event: &Event) -> bool {
        match event {
            Event::Asked(..) => Self::is_meant_by(event),
            Event::Attached(link, _)
            | Event::Credit(link, _)
            | Event::Message(link, ..)
            | Event::Became(link, ..)
            | Event::Detached(link, _) => self.links.contains_key(link),
            Event::Opened(_) | Event::Begun { .. } | Event::Ended { .. } | Event::Closed(_) => {
                false
            }
        }
    }

    /// Takes in something that happened.
    pub(super) fn take(&mut self, event: Event, engine: &mut Connection) -> Vec<HubQuestion> {
        match event {
            Event::Asked(link, attach) => self.asked(link, &attach, engine).into_iter().collect(),
            Event::Message(link, delivery, message) => {
                self.message(link, delivery, message, engine).into_iter().collect()
            }
            Event::Became(link, delivery, outcome) => self.became(link, delivery, &outcome),
            Event::Credit(link, _) => match self.links.get(&link).map(|link| &link.at) {
                Some(At::Device(key, HubNode::Devicebound)) => {
                    vec![HubQuestion::Listens { key: key.clone() }]
                }
                _ => Vec::new(),
            },
            Event::Detached(link, _) => self.remove(|id| id == link),
            Event::Ended { channel, .. } => self.remove(|link| link.channel() == channel),
            Event::Closed(_) => self.remove(|_| true),
            Event::Opened(_) | Event::Begun { .. } | Event::Attached(..) => Vec::new(),
        }
    }

    /// Somebody asks for a link. What can be answered without knowing who it is, is.
    fn asked(
        &mut self,
        link: LinkId,
        attach: &Attach,
        engine: &mut Connection,
    ) -> Option<HubQuestion> {
        let (role, text) = (attach.role, address(attach).unwrap_or_default());
        let refused = match text.parse::<HubAddress>() {
            Ok(HubAddress::Cbs) => {
                let new = Link { at: At::Cbs, role, channel: None, wants_desired: false };
                self.attach(link, new, engine);
                return None;
            }
            Ok(HubAddress::Device(address)) => match misuse(address.node, role) {
                Some(why) => failure(Condition::NotAllowed, why),
                None => {
                    let channel = attach.properties.iter().find_map(|(name, value)| {
                        let is_it = name.as_text() == Some(words::CHANNEL_CORRELATION_ID);
                        is_it.then(|| value.as_text().map(str::to_owned)).flatten()
                    });
                    return Some(HubQuestion::Link(Wanted { link, address, role, channel }));
                }
            },
            Err(error) => {
                let condition = match error {
                    HubAddressError::Module => Condition::NotImplemented,
                    _ => Condition::NotFound,
                };
                failure(condition, error.to_string())
            }
        };
        tracing::warn!("a link to {} is refused: {}", Foreign::short(text), told(&refused));
        engine.refuse(link, refused);
        None
    }

    /// Gives the link that was asked for to a device, which may have it; says whether it has it: two of one
    /// kind are one too many (J-350).
    pub(super) fn admit(&mut self, wanted: Wanted, key: &HubKey, engine: &mut Connection) -> bool {
        let Wanted { link, address, role, channel } = wanted;
        let node = address.node;
        let has_one = self.links.values().any(|other| {
            other.leads_to(key, node, role)
                && (node == HubNode::Devicebound || channel.is_some() && other.channel == channel)
        });
        if has_one {
            let why = match node {
                HubNode::Devicebound => "the device has a link for messages to it already",
                _ => "the device has such a link with this channel-correlation-id already",
            };
            engine.refuse(link, failure(Condition::NotAllowed, why));
            return false;
        }
        let at = At::Device(key.clone(), node);
        self.attach(link, Link { at, role, channel, wants_desired: false }, engine);
        if node == HubNode::Devicebound {
            self.bound.insert(key.clone(), Bound::to(link));
        }
        true
    }

    /// Refuses the link that was asked for.
    pub(super) fn refuse(wanted: &Wanted, why: Failure, engine: &mut Connection) {
        engine.refuse(wanted.link, why);
    }

    fn attach(&mut self, id: LinkId, link: Link, engine: &mut Connection) {
        engine.accept(id, Vec::new());
        if link.role == Role::Sender {
            engine.grant(id, CREDIT);
        }
        self.links.insert(id, link);
    }

    /// Whether a device has any link.
    pub(super) fn has(&self, key: &HubKey) -> bool {
        self.links.values().any(|link| matches!(&link.at, At::Device(own, _) if own == key))
    }

    fn message(
        &mut self,
        link: LinkId,
        delivery: Delivery,
        message: Message,
        engine: &mut Connection,
    ) -> Option<HubQuestion> {
        let taken = match &self.links.get(&link)?.at {
            At::Cbs => self.token(link, message, engine),
            At::Device(key, HubNode::Events) => {
                let (key, count) = (key.clone(), message.batch.unwrap_or(1));
                Ok(Some(HubQuestion::Messages { key, count }))
            }
            At::Device(key, HubNode::Methods) => method_response(key.clone(), message).map(Some),
            At::Device(key, HubNode::Twin) => {
                let key = key.clone();
                return self.twin_request(link, delivery, key, message, engine);
            }
            // The client receives on it, so nothing comes.
            At::Device(_, HubNode::Devicebound) => return None,
        };
        match taken {
            Ok(question) => {
                engine.settle(link, delivery, Outcome::Accepted);
                question
            }
            Err(why) => {
                self.reject(link, delivery, why, engine);
                None
            }
        }
    }

    fn reject(&self, link: LinkId, delivery: Delivery, why: Failure, engine: &mut Connection) {
        let who = match self.links.get(&link).map(|link| &link.at) {
            Some(At::Device(key, _)) => key.device_id().as_str(),
            _ => words::CBS,
        };
        tracing::warn!("{who}: a message is rejected: {}", told(&why));
        engine.settle(link, delivery, Outcome::Rejected(Some(why)));
    }

    /// The peer's receiver of a kind that `is_it` takes; one in the same session, if there is one.
    fn receiver(&self, beside: LinkId, is_it: impl Fn(&Link) -> bool) -> Option<LinkId> {
        let all = || {
            let found = self.links.iter().filter(|(_, it)| it.role == Role::Receiver && is_it(it));
            found.map(|(id, _)| *id)
        };
        all().find(|id| id.channel() == beside.channel()).or_else(|| all().next())
    }

    /// Somebody shows a token. What is no token is answered with 400 (J-347).
    fn token(
        &self,
        link: LinkId,
        message: Message,
        engine: &mut Connection,
    ) -> Result<Option<HubQuestion>, Failure> {
        let receiver = self.receiver(link, |link| link.at == At::Cbs).ok_or_else(|| {
            failure(
                Condition::Precondition,
                "the answer needs a receiver at $cbs; attach one first",
            )
        })?;
        let back = Back { link: receiver, correlation_id: message.properties.message_id.clone() };
        match token_of(message) {
            Ok((name, token)) => Ok(Some(HubQuestion::Token { back, name, token })),
            Err(why) => {
                tracing::warn!("{}: a request is refused: {why}", words::CBS);
                self.answer_token(back, 400, why, engine);
                Ok(None)
            }
        }
    }

    /// Says what became of a token.
    pub(super) fn answer_token(
        &self,
        back: Back,
        status: i32,
        description: &str,
        engine: &mut Connection,
    ) {
        let application = vec![
            (Value::text(words::STATUS_CODE), Value::Int(status)),
            (Value::text(words::STATUS_DESCRIPTION), Value::text(description)),
        ];
        self.send(back, Message { application, ..Message::default() }, engine);
    }

    fn twin_request(
        &mut self,
        link: LinkId,
        delivery: Delivery,
        key: HubKey,
        message: Message,
        engine: &mut Connection,
    ) -> Option<HubQuestion> {
        let channel = self.links.get(&link)?.channel.clone();
        let receiver = self.receiver(link, |other| {
            other.leads_to(&key, HubNode::Twin, Role::Receiver) && other.channel == channel
        });
        let text = |name| message.annotation(name).and_then(Value::as_text).unwrap_or_default();
        let (operation, resource) = (text(words::OPERATION), text(words::RESOURCE));
        let refused = match (&receiver, &message.properties.correlation_id) {
            (None, _) => Some((
                Condition::Precondition,
                "the answer needs a receiver at the twin with the same channel-correlation-id; attach one \
                 first",
            )),
            // Its answer would be taken for a change to desired properties.
            (_, None) => Some((Condition::InvalidField, "a twin request needs a correlation-id")),
            _ => None,
        };
        if let Some((condition, why)) = refused {
            self.reject(link, delivery, failure(condition, why), engine);
            return None;
        }
        let link_back = receiver?;
        engine.settle(link, delivery, Outcome::Accepted);
        let correlation_id = message.properties.correlation_id.clone();
        let back = Back { link: link_back, correlation_id };
        let resource = resource.trim_end_matches('/');
        let wants_desired = match (operation, resource) {
            (words::GET, "") => return Some(HubQuestion::Twin { key, back }),
            (words::PATCH, words::REPORTED) => {
                let patch = bytes_of(message.body);
                return Some(HubQuestion::Report { key, back, patch });
            }
            (words::PUT, words::DESIRED_NOTICES) => true,
            (words::DELETE, words::DESIRED_NOTICES) => false,
            _ => {
                tracing::warn!(
                    "{}: asks its twin for {} {}, which there is not (I)",
                    key.device_id(),
                    Foreign::short(operation),
                    Foreign::short(resource)
                );
                self.answer_twin(back, TwinAnswer::bare(400), engine);
                return None;
            }
        };
        if let Some(receiver) = self.links.get_mut(&link_back) {
            receiver.wants_desired = wants_desired;
        }
        let done = TwinAnswer { status: 200, version: None, body: String::new() };
        self.answer_twin(back, done, engine);
        None
    }

    /// Answers a twin request.
    pub(super) fn answer_twin(&self, back: Back, answer: TwinAnswer, engine: &mut Connection) {
        let TwinAnswer { status, version, body } = answer;
        let mut annotations = vec![(Value::symbol(words::STATUS), Value::Int(i32::from(status)))];
        annotations.extend(version.map(annotated_version));
        let message =
            Message { annotations, body: Body::Data(body.into_bytes()), ..Message::default() };
        self.send(back, message, engine);
    }

    fn send(&self, back: Back, mut message: Message, engine: &mut Connection) {
        let Back { link, correlation_id } = back;
        message.properties.correlation_id = correlation_id;
        if let Err(error) = engine.send(link, message, false) {
            tracing::warn!("an answer cannot be sent: {error}");
        }
    }

    /// Tells a device that its desired properties changed, where it asked for that.
    pub(super) fn tell_desired(
        &self,
        key: &HubKey,
        version: u64,
        patch: &str,
        engine: &mut Connection,
    ) {
        let told = self.links.iter().filter(|(_, link)| {
            link.wants_desired && link.leads_to(key, HubNode::Twin, Role::Receiver)
        });
        for (id, _) in told {
            // Without a correlation ID: by that clients know it from an answer.
            let message = Message {
                annotations: vec![annotated_version(version)],
                body: Body::Data(patch.as_bytes().to_vec()),
                ..Message::default()
            };
            if let Err(error) = engine.send(*id, message, false) {
                tracing::warn!("{}: cannot be told of a change: {error}", key.device_id());
            }
        }
    }

    fn call_link(&self, key: &HubKey) -> Option<LinkId> {
        let is_it = |link: &Link| link.leads_to(key, HubNode::Methods, Role::Receiver);
        self.links.iter().find(|(_, link)| is_it(link)).map(|(id, _)| *id)
    }

    /// Whether a device listens to methods.
    pub(super) fn takes_methods(&self, key: &HubKey) -> bool {
        self.call_link(key).is_some()
    }

    /// Calls a method; whether the device listens to it.
    pub(super) fn call(
        &self,
        key: &HubKey,
        name: String,
        rid: &str,
        payload: &str,
        engine: &mut Connection,
    ) -> bool {
        let Some(link) = self.call_link(key) else { return false };
        let message = Message {
            properties: Properties {
                correlation_id: call_id(rid).map(Value::Uuid),
                ..Properties::default()
            },
            application: vec![(Value::text(words::METHOD_NAME), Value::String(name))],
            body: Body::Data(payload.as_bytes().to_vec()),
            ..Message::default()
        };
        engine.send(link, message, false).is_ok()
    }

    /// The number behind which there may be messages to [`bring`](Self::bring); nothing if the device does
    /// not listen.
    pub(super) fn brought(&self, key: &HubKey) -> Option<u64> {
        let bound = self.bound.get(key)?;
        Some(bound.again.first().map_or(bound.last_sent, |again| again - 1))
    }

    /// The devices for which there may be room now.
    pub(super) fn stalled(&mut self) -> BTreeSet<HubKey> {
        std::mem::take(&mut self.stalled)
    }

    /// Sends messages to a device, as far as there is room. On a link whose messages the client wants to
    /// have settled, they are taken when they have gone.
    pub(super) fn bring(
        &mut self,
        key: &HubKey,
        messages: &[NumberedMessage],
        engine: &mut Connection,
    ) {
        let Some(bound) = self.bound.get_mut(key) else { return };
        for (number, message) in messages {
            if *number <= bound.last_sent && !bound.again.contains(number) {
                continue;
            }
            // What finds no room stays, and is tried again when something is taken.
            let Ok(delivery) = engine.send(bound.link, devicebound::message(message), false) else {
                self.stalled.insert(key.clone());
                break;
            };
            bound.last_sent = bound.last_sent.max(*number);
            bound.again.remove(number);
            bound.in_flight.insert(delivery, *number);
        }
    }

    /// A device says what it did with something that it was sent. A message that it took or refused is done
    /// with; one that it gives back comes again (J-349).
    fn became(&mut self, link: LinkId, delivery: Delivery, outcome: &Outcome) -> Vec<HubQuestion> {
        let Some(At::Device(key, HubNode::Devicebound)) =
            self.links.get(&link).map(|link| &link.at)
        else {
            return Vec::new();
        };
        let key = key.clone();
        let Some(bound) = self.bound.get_mut(&key) else { return Vec::new() };
        let Some(number) = bound.in_flight.remove(&delivery) else { return Vec::new() };
        if matches!(outcome, Outcome::Released | Outcome::Modified) {
            let times = bound.given_back.entry(number).or_default();
            *times += 1;
            if *times < MAX_DELIVERIES {
                bound.again.insert(number);
                return vec![HubQuestion::Listens { key }];
            }
            tracing::warn!(
                "{}: has given a message back {MAX_DELIVERIES} times; it is dropped (J-349)",
                key.device_id()
            );
        }
        bound.given_back.remove(&number);
        vec![HubQuestion::Taken { key, number }]
    }

    /// Forgets links; devices that have none left have left.
    fn remove(&mut self, is_gone: impl Fn(LinkId) -> bool) -> Vec<HubQuestion> {
        let mut concerned = BTreeSet::new();
        self.links.retain(|id, link| {
            let stays = !is_gone(*id);
            if let (false, At::Device(key, _)) = (stays, &link.at) {
                concerned.insert(key.clone());
            }
            stays
        });
        self.bound.retain(|_, bound| !is_gone(bound.link));
        let tell = |key| match self.has(&key) {
            true => HubQuestion::Listens { key },
            false => HubQuestion::Left { key },
        };
        concerned.into_iter().map(tell).collect()
    }

    /// Ends all links of a device.
    pub(super) fn end(&mut self, key: &HubKey, why: &Failure, engine: &mut Connection) {
        self.links.retain(|id, link| {
            let is_its = matches!(&link.at, At::Device(own, _) if own == key);
            if is_its {
                engine.detach(*id, Some(why.clone()));
            }
            !is_its
        });
        self.bound.remove(key);
    }
}

/// What kind of failure it is, in the words of the standard (part 2, sections 2.8.15 and 2.8.18).
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    /// Who it is, is not proved.
    Unauthorized,
    /// There is no such thing.
    NotFound,
    /// It is not for that.
    NotAllowed,
    /// There is no such thing here.
    NotImplemented,
    /// Something else has to be done first.
    Precondition,
    /// A part of a message is missing, or cannot be.
    InvalidField,
    /// Somebody else has the device's links now.
    Stolen,
    /// More than is taken.
    Exceeded,
}

impl Condition {
    fn symbol(self) -> &'static str {
        match self {
            Self::Unauthorized => "amqp:unauthorized-access",
            Self::NotFound => "amqp:not-found",
            Self::NotAllowed => "amqp:not-allowed",
            Self::NotImplemented => "amqp:not-implemented",
            Self::Precondition => "amqp:precondition-failed",
            Self::InvalidField => "amqp:invalid-field",
            Self::Stolen => "amqp:link:stolen",
            Self::Exceeded => "amqp:resource-limit-exceeded",
        }
    }
}

/// A failure, told to the client.
pub(super) fn failure(condition: Condition, why: impl Into<String>) -> Failure {
    Failure::new(condition.symbol(), why)
}

fn told(failure: &Failure) -> &str {
    failure.description.as_deref().unwrap_or_default()
}

/// Where a link leads: where the client's messages go, or those come from that it receives.
fn address(attach: &Attach) -> Option<&str> {
    let terminus = match attach.role {
        Role::Sender => &attach.target,
        Role::Receiver => &attach.source,
    };
    terminus.as_ref()?.address.as_deref()
}

/// Why a node cannot be used in that way.
fn misuse(node: HubNode, role: Role) -> Option<&'static str> {
    match (node, role) {
        (HubNode::Events, Role::Receiver) => Some("messages/events takes messages and brings none"),
        (HubNode::Devicebound, Role::Sender) => {
            Some("messages/devicebound brings messages and takes none")
        }
        _ => None,
    }
}

/// What a request to `$cbs` brings: whom the token is for, and the token.
fn token_of(message: Message) -> Result<(String, SasToken), &'static str> {
    let text = |name| message.application(name).and_then(Value::as_text);
    if text(words::CBS_OPERATION) != Some(words::PUT_TOKEN) {
        return Err("the application property operation must be put-token");
    }
    if !text(words::TOKEN_TYPE).is_some_and(|kind| words::SAS_TOKEN.contains(&kind)) {
        return Err("the application property type must be servicebus.windows.net:sastoken");
    }
    let name = text(words::TOKEN_NAME).unwrap_or_default().to_owned();
    match message.body {
        Body::Value(Value::String(token)) => Ok((name, SasToken::from_text(token))),
        _ => Err("the body must be the token, one value of type string"),
    }
}

/// The answer to a call.
fn method_response(key: HubKey, message: Message) -> Result<HubQuestion, Failure> {
    let status = match message.application(words::METHOD_STATUS) {
        Some(Value::Int(status)) => Some(*status),
        Some(Value::Long(status)) => i32::try_from(*status).ok(),
        Some(Value::Uint(status)) => i32::try_from(*status).ok(),
        Some(value) => value.as_text().and_then(|text| text.parse().ok()),
        None => None,
    };
    let status = status.ok_or_else(|| {
        let why = "the answer to a method needs the application property IoThub-status, an int";
        failure(Condition::InvalidField, why)
    })?;
    let rid = message.properties.correlation_id.as_ref().and_then(rid_of).ok_or_else(|| {
        let why = "the answer to a method needs the correlation-id of the call";
        failure(Condition::InvalidField, why)
    })?;
    let answer = MethodAnswer { status, payload: bytes_of(message.body) };
    Ok(HubQuestion::MethodResponse { key, rid, answer })
}

/// The bytes of a body, whichever kind it has.
fn bytes_of(body: Body) -> Vec<u8> {
    match body {
        Body::Data(bytes) | Body::Value(Value::Binary(bytes)) => bytes,
        Body::Value(Value::String(text)) => text.into_bytes(),
        _ => Vec::new(),
    }
}

fn annotated_version(version: u64) -> (Value, Value) {
    (Value::symbol(words::VERSION), Value::Long(i64::try_from(version).unwrap_or(i64::MAX)))
}

/// All of a UUID in which calls are alike: version 4, and the variant of RFC 4122.
const CALL: u128 = 0x0000_0000_0000_4000_8000_0000_0000_0000;
/// The part in which they differ.
const NUMBER: u128 = 0xffff_ffff_ffff;

/// The hub's name for a call as a UUID: C takes nothing else for a correlation ID, and .NET answers with
/// nothing else (J-348).
fn call_id(rid: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(rid, 16).ok().filter(|number| *number <= NUMBER)?;
    Some((CALL | number).to_be_bytes())
}

/// The hub's name for a call. Node gives it back as text.
fn rid_of(correlation_id: &Value) -> Option<String> {
    let id = match correlation_id {
        Value::Uuid(bytes) => u128::from_be_bytes(*bytes),
        other => u128::from_str_radix(&other.as_text()?.replace('-', ""), 16).ok()?,
    };
    (id & !NUMBER == CALL).then(|| format!("{:x}", id & NUMBER))
}

#[cfg(test)]
#[path = "hub_conversation_tests.rs"]
mod tests;
