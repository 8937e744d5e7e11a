//! A session with a hub over AMQP as a pure state machine: what a device asks goes in, commands to
//! the engine come out, and what the hub sends is matched with who waits for it.
//!
//! The way in is that of Microsoft's SDK for Node: no SASL; with a key a token is put on `$cbs`, with a
//! certificate TLS has said it all; then the two links of the twin, and the wish to hear of changes. The
//! link for messages comes with the first message.
//!
//! No socket, no clock. `W` stands for whoever waits for an answer.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Map;

use super::super::error::{HubBreach, HubError};
use super::super::question::{Answer, Expected, Heard, MESSAGE, MOST_UNDER_WAY, Question, answer};
use super::super::twin::DesiredChange;
use super::told::{self, Who, Wish};
use crate::amqp::engine::{Connection, Delivery, Event, LinkId};
use crate::amqp::{Body, Failure, Message, Outcome, Role, Value};
use crate::attestation::SasToken;
use crate::device::exchange::Loss;
use crate::wire::hub_link::CBS;
use crate::wire::{DeviceAddress, HubNode, from_json_object};

/// Messages of the hub's that may be on their way on a link.
const CREDIT: u32 = 100;

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// AMQP's session is asked for.
    Opening,
    /// The token is put.
    SigningIn,
    /// The links of the twin are asked for, and then changes of desired properties.
    Attaching,
    /// The device may ask.
    Open,
}

/// What came of something that the hub said.
#[derive(Debug)]
pub(super) enum Happened<W> {
    /// The hub has something to say.
    Heard(Heard<W>),
    /// The session cannot be opened.
    Failed(HubError),
    /// The hub has ended the session.
    Ended,
}

/// What an answer on the twin's link is an answer to.
#[derive(Debug)]
enum Asked<W> {
    /// What the device asked.
    Question(Expected, W),
    /// The wish to hear of changes.
    Changes,
}

/// The two links of a node.
#[derive(Debug, Clone, Copy)]
struct Pair {
    sender: LinkId,
    receiver: LinkId,
    /// How many of the two stand.
    standing: u8,
}

/// A session.
#[derive(Debug)]
pub(super) struct Exchange<W> {
    who: Who,
    stage: Stage,
    /// The token that is still to be put.
    token: Option<SasToken>,
    channel: Option<u16>,
    cbs: Option<Pair>,
    twin: Option<Pair>,
    events: Option<LinkId>,
    last_number: u64,
    /// Requests on the twin's links, by correlation ID.
    requests: BTreeMap<u64, Asked<W>>,
    messages: BTreeMap<Delivery, W>,
    /// Tokens that were put and not answered.
    tokens: Vec<u64>,
    happened: VecDeque<Happened<W>>,
}

impl<W> Exchange<W> {
    /// A session to come, on a connection that stands. With a token, that is put before anything else.
    pub(super) fn new(who: Who, token: Option<SasToken>) -> Self {
        Self {
            who,
            stage: Stage::Opening,
            token,
            channel: None,
            cbs: None,
            twin: None,
            events: None,
            last_number: 0,
            requests: BTreeMap::new(),
            messages: BTreeMap::new(),
            tokens: Vec::new(),
            happened: VecDeque::new(),
        }
    }

    /// Begins.
    pub(super) fn begin(&mut self, engine: &mut Connection) {
        self.channel = engine.begin();
    }

    /// How far it is.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether another question may be asked.
    pub(super) fn has_room(&self) -> bool {
        self.requests.len() + self.messages.len() < MOST_UNDER_WAY
    }

    /// Forgets those who do not wait any more.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&W) -> bool) {
        self.requests.retain(|_, asked| match asked {
            Asked::Question(_, waiter) => !is_gone(waiter),
            Asked::Changes => true,
        });
        self.messages.retain(|_, waiter| !is_gone(waiter));
    }

    /// What came of it.
    pub(super) fn next(&mut self) -> Option<Happened<W>> {
        self.happened.pop_front()
    }

    /// Asks something; `waiter` waits for the answer.
    pub(super) fn ask(&mut self, question: Question, waiter: W, engine: &mut Connection) {
        let (wish, expected) = match question {
            Question::Twin => (Wish::Twin, Expected::Twin),
            Question::Report(patch) => (Wish::Report(patch), Expected::Report),
            Question::Message(body) => return self.message(body, waiter, engine),
        };
        self.request(wish, Asked::Question(expected, waiter), engine);
    }

    /// Puts another token in place of one that is about to end.
    pub(super) fn renew(&mut self, token: SasToken, engine: &mut Connection) {
        self.token = Some(token);
        self.put_token(engine);
    }

    /// Says goodbye; the connection itself is closed by whoever has it.
    pub(super) fn leave(&mut self, engine: &mut Connection) {
        let links = [self.twin, self.cbs].into_iter().flatten();
        for link in links.flat_map(|pair| [pair.sender, pair.receiver]).chain(self.events) {
            engine.detach(link, None);
        }
        if let Some(channel) = self.channel {
            engine.end(channel, None);
        }
    }

    fn address(&self, node: HubNode) -> String {
        DeviceAddress::of(&self.who.device_id, node).to_string()
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn fail(&mut self, error: HubError) {
        self.happened.push_back(Happened::Failed(error));
    }

    fn pair(
        &self,
        address: &str,
        name: &str,
        about: &[(Value, Value)],
        engine: &mut Connection,
    ) -> Option<Pair> {
        let channel = self.channel?;
        let mut ask = |role| {
            let attach = told::attach(role, name, address, about.to_vec());
            engine.attach(channel, attach)
        };
        Some(Pair { receiver: ask(Role::Receiver)?, sender: ask(Role::Sender)?, standing: 0 })
    }

    /// Takes in what the hub did.
    pub(super) fn take(&mut self, event: Event, engine: &mut Connection) {
        match event {
            Event::Begun { channel } if Some(channel) == self.channel => self.begun(engine),
            Event::Attached(link, _) => self.attached(link, engine),
            Event::Message(link, delivery, message) => {
                engine.settle(link, delivery, Outcome::Accepted);
                self.heard(link, message, engine);
            }
            Event::Became(_, delivery, outcome) => self.became(delivery, outcome),
            Event::Detached(link, failure) => self.detached(link, failure),
            Event::Ended { error, .. } | Event::Closed(error) => self.ended(error),
            // A hub asks for no links and begins no sessions.
            Event::Asked(link, _) => {
                let failure = Failure::new("amqp:not-allowed", "a device serves no links");
                engine.refuse(link, failure);
            }
            Event::Opened(_) | Event::Begun { .. } | Event::Credit(..) => {}
        }
    }

    /// The session of AMQP stands.
    fn begun(&mut self, engine: &mut Connection) {
        if self.token.is_none() {
            return self.attach_twin(engine);
        }
        self.cbs = self.pair(CBS, "cbs", &[], engine);
        self.stage = Stage::SigningIn;
        self.put_token(engine);
    }

    fn put_token(&mut self, engine: &mut Connection) {
        let Some(Pair { sender, .. }) = self.cbs else { return };
        let Some(token) = self.token.take() else { return };
        let number = self.number();
        let message = told::put_token(number, &self.who.resource, &token);
        if engine.send(sender, message, false).is_ok() {
            self.tokens.push(number);
        }
    }

    fn attach_twin(&mut self, engine: &mut Connection) {
        let about = told::twin_properties(&self.who);
        self.twin = self.pair(&self.address(HubNode::Twin), "twin", &about, engine);
        self.stage = Stage::Attaching;
    }

    /// A link of this side's stands.
    fn attached(&mut self, link: LinkId, engine: &mut Connection) {
        for pair in [&mut self.cbs, &mut self.twin].into_iter().flatten() {
            if link == pair.receiver {
                engine.grant(link, CREDIT);
            }
            if link == pair.receiver || link == pair.sender {
                pair.standing += 1;
            }
        }
        let twin_stands = self.twin.is_some_and(|pair| pair.standing == 2);
        if self.stage == Stage::Attaching && twin_stands {
            self.request(Wish::Changes, Asked::Changes, engine);
        }
    }

    /// Sends a request on the link of the twin.
    fn request(&mut self, wish: Wish, asked: Asked<W>, engine: &mut Connection) {
        let number = self.number();
        let sent = self
            .twin
            .is_some_and(|twin| engine.send(twin.sender, wish.message(number), true).is_ok());
        // Who asks a session that has no link for it waits no longer: the waiter is dropped.
        if sent {
            self.requests.insert(number, asked);
        }
    }

    fn message(&mut self, body: Vec<u8>, waiter: W, engine: &mut Connection) {
        if self.events.is_none()
            && let Some(channel) = self.channel
        {
            let address = self.address(HubNode::Events);
            let about = told::link_properties(&self.who);
            let attach = told::attach(Role::Sender, "events", &address, about);
            self.events = engine.attach(channel, attach);
        }
        let Some(link) = self.events else { return };
        let message = Message { body: Body::Data(body), ..Message::default() };
        if let Ok(delivery) = engine.send(link, message, false) {
            self.messages.insert(delivery, waiter);
        }
    }

    /// The hub has sent a message.
    fn heard(&mut self, link: LinkId, message: Message, engine: &mut Connection) {
        let is_of = |pair: Option<Pair>| pair.is_some_and(|pair| pair.receiver == link);
        if is_of(self.cbs) {
            self.token_answered(&message, engine);
        } else if is_of(self.twin) {
            let heard = self.twin_said(message);
            self.happened.extend(heard);
        }
    }

    fn token_answered(&mut self, message: &Message, engine: &mut Connection) {
        let number = told::number_of(message);
        let Some(at) = self.tokens.iter().position(|put| Some(*put) == number) else { return };
        self.tokens.remove(at);
        let (status, description) = told::token_status(message);
        let is_taken = (200..300).contains(&status);
        if self.stage == Stage::SigningIn {
            match is_taken {
                true => self.attach_twin(engine),
                false => self.fail(HubError::Token { status, description }),
            }
        } else if !is_taken {
            // The hub ends the session when the old one ends.
            let says = description.unwrap_or_default();
            tracing::warn!("hub: it did not take the next token: status {status} ({says})");
        }
    }

    fn twin_said(&mut self, message: Message) -> Option<Happened<W>> {
        let Body::Data(body) = &message.body else { return Some(Happened::Heard(Heard::Stray)) };
        if message.properties.correlation_id.is_none() {
            return Some(Happened::Heard(desired(body)));
        }
        let asked = told::number_of(&message).and_then(|number| self.requests.remove(&number));
        let (status, version) = told::twin_status(&message);
        match asked {
            Some(Asked::Question(expected, waiter)) => {
                let answer = answer(expected, status, version, body);
                Some(Happened::Heard(Heard::Answer(waiter, answer)))
            }
            Some(Asked::Changes) if (200..300).contains(&status) => {
                self.stage = Stage::Open;
                None
            }
            Some(Asked::Changes) => {
                Some(Happened::Failed(HubError::Breach(HubBreach::SubscriptionRefused)))
            }
            None => Some(Happened::Heard(Heard::Stray)),
        }
    }

    /// The hub says what became of a message.
    fn became(&mut self, delivery: Delivery, outcome: Outcome) {
        let Some(waiter) = self.messages.remove(&delivery) else { return };
        let answer = match outcome {
            Outcome::Accepted => Ok(Answer::Taken),
            Outcome::Rejected(Some(failure)) => Err(told::denied(MESSAGE, failure)),
            Outcome::Rejected(None) => Err(told::denied(MESSAGE, Failure::new("rejected", ""))),
            // It is nobody's yet, and the device does not keep it.
            _ => Err(told::denied(MESSAGE, Failure::new("released", ""))),
        };
        self.happened.push_back(Happened::Heard(Heard::Answer(waiter, answer)));
    }

    fn detached(&mut self, link: LinkId, failure: Option<Failure>) {
        if self.events == Some(link) {
            self.events = None;
            let failure = failure.unwrap_or_else(|| Failure::new("amqp:link:detach-forced", ""));
            for (_, waiter) in std::mem::take(&mut self.messages) {
                let denied = Err(told::denied(MESSAGE, failure.clone()));
                self.happened.push_back(Happened::Heard(Heard::Answer(waiter, denied)));
            }
            return;
        }
        self.ended(failure);
    }

    /// A link without which there is no session has ended, or the session, or the connection.
    fn ended(&mut self, failure: Option<Failure>) {
        let what = match self.stage {
            Stage::Open => {
                let why = failure.map(|failure| failure.condition.to_string()).unwrap_or_default();
                tracing::debug!("hub: it ended the session: {why:?}");
                return self.happened.push_back(Happened::Ended);
            }
            Stage::Opening => "the connection",
            Stage::SigningIn => "the link to sign in by",
            Stage::Attaching => "the link to the twin",
        };
        self.fail(match failure {
            Some(failure) => told::denied(what, failure),
            None => HubError::Lost(Loss::Closed),
        });
    }
}

/// A change of the desired properties; its version stands in the patch.
fn desired<W>(body: &[u8]) -> Heard<W> {
    let Ok(patch) = from_json_object::<Map<String, serde_json::Value>>(body) else {
        return Heard::Stray;
    };
    match patch.get("$version").and_then(serde_json::Value::as_u64) {
        Some(version) => Heard::Desired(DesiredChange { version, patch }),
        None => Heard::Stray,
    }
}
