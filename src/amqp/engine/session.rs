//! One session and its links.

use std::collections::BTreeMap;

use super::super::{
    Attach, Begin, Detach, Disposition, End, Failure, Flow, Message, Outcome, Performative, Role,
    Transfer, Value, Violation,
};
use super::event::{Delivery, Event, LinkId};
use super::limits::{Held, Limits};
use super::link::{Brought, Link, Owed, Refused, Stage};
use super::turn::Turn;
use super::window::Window;

/// Bytes that a transfer needs besides what it carries: its frame's header and itself.
const TRANSFER_ROOM: usize = 64;

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionStage {
    /// This side asked; the peer has not answered.
    Beginning,
    /// It stands.
    Begun,
    /// This side has ended it; the peer has not.
    Ending,
}

/// The tag of a message: its number, in the sixteen bytes that .NET takes for a UUID when it receives
/// from a hub (azure-iot-sdk-csharp `AmqpIotReceivingLink.cs`).
fn tag(delivery: u32) -> Vec<u8> {
    u128::from(delivery).to_be_bytes().to_vec()
}

/// A message of this side's of which nothing was heard yet.
#[derive(Debug, Clone, Copy)]
struct Unsettled {
    link: LinkId,
    number: u32,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) stage: SessionStage,
    pub(super) remote_channel: Option<u16>,
    /// The highest handle that the peer takes.
    handle_max: u32,
    window: Window,
    links: Vec<Link>,
    /// The number of the next message that is handed over.
    next_number: u32,
    /// The delivery-id of the next message that is sent: they go in order (section 2.6.12).
    next_delivery: u32,
    unsettled: BTreeMap<u32, Unsettled>,
}

impl Session {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            stage: SessionStage::Beginning,
            remote_channel: None,
            handle_max: u32::MAX,
            window: Window::new(limits.window),
            links: Vec::new(),
            next_number: 0,
            next_delivery: 0,
            unsettled: BTreeMap::new(),
        }
    }

    /// What this side says to begin it, or to answer the peer.
    pub(super) fn begin(&self, limits: &Limits) -> Performative {
        Performative::Begin(Begin {
            remote_channel: self.remote_channel,
            next_outgoing_id: 0,
            incoming_window: limits.window,
            outgoing_window: u32::MAX >> 1,
            handle_max: Some(limits.links.saturating_sub(1)),
        })
    }

    /// The peer's `begin` has come.
    pub(super) fn begun(&mut self, channel: u16, begin: &Begin) {
        self.remote_channel = Some(channel);
        if self.stage == SessionStage::Beginning {
            self.stage = SessionStage::Begun;
        }
        self.handle_max = begin.handle_max.unwrap_or(u32::MAX);
        self.window.begun(begin.next_outgoing_id, begin.incoming_window);
    }

    /// What it makes this side keep.
    pub(super) fn held(&self) -> Held {
        let unsettled = Held { messages: self.unsettled.len(), ..Held::default() };
        self.links.iter().fold(unsettled, |held, link| held.plus(link.held()))
    }

    /// The lowest handle that is free, of those that both take.
    fn free_handle(&self, limits: &Limits) -> Option<u32> {
        (0..limits.links)
            .take_while(|handle| *handle <= self.handle_max)
            .find(|handle| !self.links.iter().any(|link| link.id.handle == *handle))
    }

    fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id)
    }

    fn by_remote(&mut self, remote: u32) -> Result<&mut Link, Violation> {
        self.links.iter_mut().find(|link| link.remote_handle == Some(remote)).ok_or_else(|| {
            Violation::State {
                what: format!("the handle {remote} stands for no link"),
                rule: "AMQP 1.0 part 2, 2.6.2",
            }
        })
    }

    /// Asks for a link.
    pub(super) fn attach(&mut self, mut attach: Attach, turn: &mut Turn<'_>) -> Option<LinkId> {
        if self.stage == SessionStage::Ending || turn.left.links == 0 {
            return None;
        }
        let handle = self.free_handle(turn.limits)?;
        attach.handle = handle;
        if attach.role == Role::Sender {
            attach.initial_delivery_count.get_or_insert(0);
        }
        let id = turn.id(handle);
        self.links.push(Link::asking(id, &attach));
        turn.say(Performative::Attach(attach));
        Some(id)
    }

    /// Takes a link that the peer asked for.
    pub(super) fn accept(
        &mut self,
        id: LinkId,
        properties: Vec<(Value, Value)>,
        turn: &mut Turn<'_>,
    ) {
        let told = self.window.told();
        let Some(link) = self.link(id) else { return };
        let ends = |asked: &Attach| [asked.source.clone(), asked.target.clone()];
        let size = u64::try_from(turn.limits.message).ok();
        let Some(answer) = link.answer(Stage::Attached, ends, size, properties) else { return };
        turn.say(Performative::Attach(answer));
        if let Some(Owed { drain }) = link.owed() {
            if drain && link.role == Role::Sender {
                link.drain();
            }
            turn.say(Performative::Flow(link.tell(told)));
        }
        self.pump(turn);
    }

    /// Refuses a link that the peer asked for: it is attached, and ends at once (section 2.6.3).
    pub(super) fn refuse(&mut self, id: LinkId, error: Failure, turn: &mut Turn<'_>) {
        let Some(link) = self.link(id) else { return };
        let Some(answer) = unwanted(link) else { return };
        turn.say(Performative::Attach(answer));
        let handle = id.handle;
        turn.say(Performative::Detach(Detach { handle, closed: true, error: Some(error) }));
    }

    /// Lets the peer send so many messages at a time.
    pub(super) fn grant(&mut self, id: LinkId, credit: u32, turn: &mut Turn<'_>) {
        let told = self.window.told();
        let Some(link) = self.link(id).filter(|link| link.role == Role::Receiver) else { return };
        link.grant(credit);
        match link.stage {
            Stage::Asked(_) => link.owe(Owed { drain: false }),
            Stage::Asking | Stage::Attached => turn.say(Performative::Flow(link.tell(told))),
            Stage::Detaching => {}
        }
    }

    /// Ends a link.
    pub(super) fn detach(&mut self, id: LinkId, error: Option<Failure>, turn: &mut Turn<'_>) {
        let Some(link) = self.link(id) else { return };
        if link.stage == Stage::Detaching {
            return;
        }
        if let Some(answer) = unwanted(link) {
            turn.say(Performative::Attach(answer));
        }
        link.ending();
        let handle = id.handle;
        turn.say(Performative::Detach(Detach { handle, closed: true, error }));
    }

    /// Sends a message as soon as the peer lets this side.
    pub(super) fn send(
        &mut self,
        id: LinkId,
        message: Message,
        settled: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Delivery, Refused> {
        let waiting: usize = self.links.iter().map(Link::waiting).sum();
        let number = self.next_number;
        let link = self
            .link(id)
            .filter(|link| link.role == Role::Sender && link.stage != Stage::Detaching)
            .ok_or(Refused::NoLink)?;
        let bytes = message.write();
        if waiting >= turn.limits.waiting
            || turn.left.messages == 0
            || turn.left.bytes < bytes.len()
        {
            return Err(Refused::Full);
        }
        link.queue(number, bytes, settled);
        self.next_number = number.wrapping_add(1);
        self.pump(turn);
        Ok(Delivery::own(number))
    }

    /// Sends what may be sent, in parts that a frame of the peer's can hold.
    fn pump(&mut self, turn: &mut Turn<'_>) {
        let room = turn.outbox.frame.saturating_sub(TRANSFER_ROOM);
        for link in &mut self.links {
            while self.window.is_open() {
                let Some(part) = link.next_part(room) else { break };
                self.window.take();
                let delivery = self.next_delivery;
                let id = link.id;
                if part.is_first {
                    self.next_delivery = delivery.wrapping_add(1);
                }
                if part.is_first && !part.settled {
                    self.unsettled.insert(delivery, Unsettled { link: id, number: part.number });
                }
                turn.say(Performative::Transfer(Transfer {
                    handle: id.handle,
                    delivery_id: part.is_first.then_some(delivery),
                    delivery_tag: part.is_first.then(|| tag(delivery)),
                    message_format: part.is_first.then_some(0),
                    settled: Some(part.settled),
                    more: !part.is_last,
                    aborted: false,
                    payload: part.payload,
                }));
                if part.is_last && part.is_answered {
                    turn.tell(Event::Became(id, Delivery::own(part.number), Outcome::Accepted));
                }
            }
        }
    }

    /// Says what became of a message of the peer's.
    pub(super) fn settle(
        &mut self,
        id: LinkId,
        delivery: Delivery,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) {
        if delivery.is_settled || self.link(id).is_none() {
            return;
        }
        turn.say(Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: delivery.number,
            last: None,
            settled: true,
            state: Some(outcome),
        }));
    }

    /// Ends the session.
    pub(super) fn end(&mut self, error: Option<Failure>, turn: &mut Turn<'_>) {
        if self.stage != SessionStage::Ending {
            self.stage = SessionStage::Ending;
            self.links = Vec::new();
            self.unsettled = BTreeMap::new();
            turn.say(Performative::End(End { error }));
        }
    }

    /// Takes what the peer says in this session. Of one that this side has ended, nothing counts any
    /// more but its end, which is the connection's to see.
    pub(super) fn take(
        &mut self,
        performative: Performative,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        if self.stage == SessionStage::Ending {
            return Ok(());
        }
        match performative {
            Performative::Attach(attach) => self.take_attach(attach, turn),
            Performative::Flow(flow) => self.take_flow(&flow, turn),
            Performative::Transfer(transfer) => self.take_transfer(transfer, turn),
            Performative::Disposition(disposition) => {
                self.take_disposition(&disposition, turn);
                Ok(())
            }
            Performative::Detach(detach) => self.take_detach(detach, turn),
            other => Err(Violation::State {
                what: format!("{} does not belong into a session", other.name()),
                rule: "AMQP 1.0 part 2, 2.4.1",
            }),
        }
    }

    fn take_attach(&mut self, attach: Attach, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let limits = turn.limits;
        if attach.handle >= limits.links {
            return Err(Violation::State {
                what: format!("the handle {} is above handle-max", attach.handle),
                rule: "AMQP 1.0 part 2, 2.7.2",
            });
        }
        if attach.name.len() > limits.name {
            let (length, limit) = (attach.name.len(), limits.name);
            return Err(Violation::LinkName { length, limit });
        }
        if self.links.iter().any(|link| link.remote_handle == Some(attach.handle)) {
            return Err(Violation::State {
                what: format!("the handle {} already stands for a link", attach.handle),
                rule: "AMQP 1.0 part 2, 2.7.3",
            });
        }
        let same = |link: &&mut Link| {
            *link.name == attach.name
                && link.role == attach.role.other()
                && link.stage != Stage::Detaching
        };
        match self.links.iter_mut().find(same) {
            Some(link) if link.stage == Stage::Asking => {
                link.answered(&attach);
                turn.tell(Event::Attached(link.id, attach));
                self.pump(turn);
                return Ok(());
            }
            Some(_) => {
                return Err(Violation::State {
                    what: format!("there is a link {:?} already", attach.name),
                    rule: "AMQP 1.0 part 2, 2.6.1",
                });
            }
            None => {}
        }
        let handle = self
            .free_handle(limits)
            .filter(|_| turn.left.links > 0)
            .ok_or(Violation::TooMany { what: "links", limit: self.links.len() })?;
        let id = turn.id(handle);
        self.links.push(Link::asked(id, attach.clone()));
        turn.tell(Event::Asked(id, attach));
        Ok(())
    }

    fn take_flow(&mut self, flow: &Flow, turn: &mut Turn<'_>) -> Result<(), Violation> {
        self.window.flow(flow);
        let Some(remote) = flow.handle else {
            self.pump(turn);
            if flow.echo {
                turn.say(Performative::Flow(self.window.told()));
            }
            return Ok(());
        };
        let link = self.by_remote(remote)?;
        if link.stage == Stage::Detaching {
            // It was on its way when this side ended the link.
            return Ok(());
        }
        let (id, role) = (link.id, link.role);
        if let Some(credit) = link.flow(flow) {
            turn.tell(Event::Credit(id, credit));
        }
        self.pump(turn);
        let told = self.window.told();
        let Some(link) = self.link(id) else { return Ok(()) };
        let drain = flow.drain && role == Role::Sender;
        if matches!(link.stage, Stage::Asked(_)) {
            // A flow must not name a link that was not attached yet.
            if drain || flow.echo {
                link.owe(Owed { drain });
            }
            return Ok(());
        }
        if drain {
            link.drain();
        }
        if link.replenish() || drain || flow.echo {
            turn.say(Performative::Flow(link.tell(told)));
        }
        Ok(())
    }

    fn take_transfer(&mut self, transfer: Transfer, turn: &mut Turn<'_>) -> Result<(), Violation> {
        if self.window.received()? {
            turn.say(Performative::Flow(self.window.told()));
        }
        let limit = turn.limits.message;
        let told = self.window.told();
        let link = self.by_remote(transfer.handle)?;
        if link.stage == Stage::Detaching {
            // It was on its way when this side ended the link.
            return Ok(());
        }
        let id = link.id;
        let brought = link.transfer(transfer, limit, turn.left.bytes)?;
        if link.replenish() {
            turn.say(Performative::Flow(link.tell(told)));
        }
        match brought {
            Brought::Part => {}
            Brought::TooLarge => {
                let words = format!("a message may have {limit} bytes");
                let error = Failure::new("amqp:link:message-size-exceeded", words);
                self.detach(id, Some(error), turn);
            }
            Brought::TooMany => {
                let limit = turn.limits.held.bytes;
                let words = format!("messages that are not whole may have {limit} bytes together");
                let error = Failure::new("amqp:resource-limit-exceeded", words);
                self.detach(id, Some(error), turn);
            }
            Brought::Whole(delivery, format, bytes) => {
                let message = Message::read_as(&bytes, format)?;
                turn.tell(Event::Message(id, delivery, message));
            }
        }
        Ok(())
    }

    fn take_disposition(&mut self, disposition: &Disposition, turn: &mut Turn<'_>) {
        // What the peer says as a sender is about messages that were settled here when they came.
        if disposition.role == Role::Sender {
            return;
        }
        let outcome = match &disposition.state {
            Some(Outcome::Received) => return,
            Some(outcome) => outcome,
            // Settled without a word: all is well.
            None if disposition.settled => &Outcome::Accepted,
            None => return,
        };
        let (first, last) = (disposition.first, disposition.last.unwrap_or(disposition.first));
        let known: Vec<u32> = if first <= last {
            self.unsettled.range(first..=last).map(|(id, _)| *id).collect()
        } else {
            // The numbers have begun anew in between (RFC 1982).
            let behind = self.unsettled.range(first..).map(|(id, _)| *id);
            behind.chain(self.unsettled.range(..=last).map(|(id, _)| *id)).collect()
        };
        for id in known {
            let Some(Unsettled { link, number }) = self.unsettled.remove(&id) else { continue };
            turn.tell(Event::Became(link, Delivery::own(number), outcome.clone()));
            if !disposition.settled {
                turn.say(Performative::Disposition(Disposition {
                    role: Role::Sender,
                    first: id,
                    last: None,
                    settled: true,
                    state: None,
                }));
            }
        }
        if self.unsettled.is_empty() {
            // An empty map may keep its memory.
            self.unsettled = BTreeMap::new();
        }
    }

    fn take_detach(&mut self, detach: Detach, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let link = self.by_remote(detach.handle)?;
        let id = link.id;
        let is_answer = link.stage == Stage::Detaching;
        if let Some(answer) = unwanted(link) {
            turn.say(Performative::Attach(answer));
        }
        self.links.retain(|link| link.id != id);
        self.unsettled.retain(|_, unsettled| unsettled.link != id);
        if !is_answer {
            let (handle, closed) = (id.handle, detach.closed);
            turn.say(Performative::Detach(Detach { handle, closed, error: None }));
        }
        turn.tell(Event::Detached(id, detach.error));
        Ok(())
    }
}

/// The answer to a link that will not stand, and ends with what is said next; nothing if it was
/// answered. The end that this side would have had is left out: so the peer knows what is coming.
fn unwanted(link: &mut Link) -> Option<Attach> {
    let role = link.role;
    let ends = |asked: &Attach| match role {
        Role::Sender => [None, Some(asked.target.clone().unwrap_or_default())],
        Role::Receiver => [Some(asked.source.clone().unwrap_or_default()), None],
    };
    link.answer(Stage::Detaching, ends, None, Vec::new())
}
