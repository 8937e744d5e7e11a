//! One session and its links.

use std::collections::BTreeMap;

use super::super::{
    Attach, Begin, Detach, Disposition, End, Failure, Flow, Message, Outcome, Performative, Role,
    Terminus, Transfer, Value, Violation,
};
use super::event::{Delivery, Event, LinkId};
use super::limits::Limits;
use super::link::{Brought, Link, Refused, Stage, Waiting};
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

/// What this side is to say.
pub(super) type Said = Vec<Performative>;

/// The tag of a message: its number, in the sixteen bytes that .NET takes for a UUID when it receives
/// from a hub (azure-iot-sdk-csharp `AmqpIotReceivingLink.cs`).
fn tag(delivery: u32) -> Vec<u8> {
    u128::from(delivery).to_be_bytes().to_vec()
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) channel: u16,
    pub(super) stage: SessionStage,
    pub(super) remote_channel: Option<u16>,
    limits: Limits,
    /// What the peer takes in one transfer.
    room: usize,
    window: Window,
    links: BTreeMap<u32, Link>,
    next_delivery: u32,
    /// Messages of this side's of which nothing was heard yet, and their links.
    unsettled: BTreeMap<u32, u32>,
}

impl Session {
    pub(super) fn new(channel: u16, limits: Limits, peer_frame: usize) -> Self {
        Self {
            channel,
            stage: SessionStage::Beginning,
            remote_channel: None,
            limits,
            room: peer_frame.saturating_sub(TRANSFER_ROOM).max(TRANSFER_ROOM),
            window: Window::new(limits.window),
            links: BTreeMap::new(),
            next_delivery: 0,
            unsettled: BTreeMap::new(),
        }
    }

    /// What this side says to begin it, or to answer the peer.
    pub(super) fn begin(&self) -> Performative {
        Performative::Begin(Begin {
            remote_channel: self.remote_channel,
            next_outgoing_id: 0,
            incoming_window: self.limits.window,
            outgoing_window: u32::MAX >> 1,
            handle_max: Some(self.limits.links.saturating_sub(1)),
        })
    }

    /// The peer's `begin` has come.
    pub(super) fn begun(&mut self, channel: u16, begin: &Begin) {
        self.remote_channel = Some(channel);
        self.stage = SessionStage::Begun;
        self.window.begun(begin.next_outgoing_id, begin.incoming_window);
    }

    fn id(&self, handle: u32) -> LinkId {
        LinkId { channel: self.channel, handle }
    }

    /// The lowest handle that is free.
    fn free_handle(&self) -> Option<u32> {
        (0..self.limits.links).find(|handle| !self.links.contains_key(handle))
    }

    fn by_remote(&mut self, remote: u32) -> Result<(u32, &mut Link), Violation> {
        self.links
            .iter_mut()
            .find(|(_, link)| link.remote_handle == Some(remote))
            .map(|(handle, link)| (*handle, link))
            .ok_or_else(|| Violation::State {
                what: format!("the handle {remote} stands for no link"),
                rule: "AMQP 1.0 part 2, 2.6.2",
            })
    }

    /// Asks for a link.
    pub(super) fn attach(&mut self, mut attach: Attach, said: &mut Said) -> Option<LinkId> {
        let handle = self.free_handle()?;
        attach.handle = handle;
        if attach.role == Role::Sender {
            attach.initial_delivery_count.get_or_insert(0);
        }
        self.links.insert(handle, Link::asking(attach.name.clone(), attach.role));
        said.push(Performative::Attach(attach));
        Some(self.id(handle))
    }

    /// Takes a link that the peer asked for.
    pub(super) fn accept(
        &mut self,
        handle: u32,
        asked: &Attach,
        properties: Vec<(Value, Value)>,
        said: &mut Said,
    ) {
        let Some(link) = self.links.get_mut(&handle).filter(|link| link.stage == Stage::Asked)
        else {
            return;
        };
        link.stage = Stage::Attached;
        said.push(Performative::Attach(Attach {
            name: link.name.clone(),
            handle,
            role: link.role,
            snd_settle_mode: asked.snd_settle_mode,
            // Second is answered as first, which is all that there is here.
            rcv_settle_mode: Some(0),
            source: asked.source.clone(),
            target: asked.target.clone(),
            initial_delivery_count: (link.role == Role::Sender).then_some(0),
            max_message_size: u64::try_from(self.limits.message).ok(),
            properties,
        }));
    }

    /// Refuses a link that the peer asked for: it is attached, and ends at once (section 2.6.3).
    pub(super) fn refuse(&mut self, handle: u32, asked: &Attach, error: Failure, said: &mut Said) {
        let Some(link) = self.links.get_mut(&handle).filter(|link| link.stage == Stage::Asked)
        else {
            return;
        };
        link.stage = Stage::Detaching;
        // The end that this side would have had is left out: so the peer knows what is coming.
        let (source, target) = match link.role {
            Role::Sender => (None, asked.target.clone().or(Some(Terminus::default()))),
            Role::Receiver => (asked.source.clone().or(Some(Terminus::default())), None),
        };
        said.push(Performative::Attach(Attach {
            name: link.name.clone(),
            handle,
            role: link.role,
            snd_settle_mode: asked.snd_settle_mode,
            rcv_settle_mode: Some(0),
            source,
            target,
            initial_delivery_count: (link.role == Role::Sender).then_some(0),
            max_message_size: None,
            properties: Vec::new(),
        }));
        said.push(Performative::Detach(Detach { handle, closed: true, error: Some(error) }));
    }

    /// Lets the peer send so many messages at a time.
    pub(super) fn grant(&mut self, handle: u32, credit: u32, said: &mut Said) {
        let flow = self.window.told();
        if let Some(link) = self.links.get_mut(&handle) {
            link.grant(credit);
            said.push(Performative::Flow(link.tell(handle, flow)));
        }
    }

    /// Ends a link.
    pub(super) fn detach(&mut self, handle: u32, error: Option<Failure>, said: &mut Said) {
        let Some(link) = self.links.get_mut(&handle) else { return };
        if link.stage != Stage::Detaching {
            link.stage = Stage::Detaching;
            link.waiting.clear();
            said.push(Performative::Detach(Detach { handle, closed: true, error }));
        }
    }

    /// Sends a message as soon as the peer lets this side.
    pub(super) fn send(
        &mut self,
        handle: u32,
        message: Message,
        settled: bool,
        said: &mut Said,
    ) -> Result<Delivery, Refused> {
        let waiting: usize = self.links.values().map(|link| link.waiting.len()).sum();
        let link = self
            .links
            .get_mut(&handle)
            .filter(|link| link.role == Role::Sender && link.stage != Stage::Detaching)
            .ok_or(Refused::NoLink)?;
        if waiting >= self.limits.waiting {
            return Err(Refused::Full);
        }
        let delivery = Delivery(self.next_delivery);
        self.next_delivery = self.next_delivery.wrapping_add(1);
        link.waiting.push_back(Waiting { delivery, settled, bytes: message.write() });
        self.pump(said);
        Ok(delivery)
    }

    /// Sends what may be sent.
    fn pump(&mut self, said: &mut Said) {
        for (handle, link) in &mut self.links {
            while link.may_send() {
                let Some(waiting) = link.waiting.front() else { break };
                let parts = waiting.bytes.len().div_ceil(self.room).max(1);
                // A message larger than the peer's whole window goes part by part as it opens, which
                // nobody's window here asks for.
                if !self.window.allows(parts) {
                    return;
                }
                let Some(Waiting { delivery: Delivery(id), settled, bytes }) =
                    link.waiting.pop_front()
                else {
                    break;
                };
                link.sent();
                if !settled {
                    self.unsettled.insert(id, *handle);
                }
                let mut rest = bytes.as_slice();
                for part in 0..parts {
                    self.window.take();
                    let (payload, behind) = rest.split_at(rest.len().min(self.room));
                    rest = behind;
                    let is_first = part == 0;
                    said.push(Performative::Transfer(Transfer {
                        handle: *handle,
                        delivery_id: is_first.then_some(id),
                        delivery_tag: is_first.then(|| tag(id)),
                        message_format: is_first.then_some(0),
                        settled: Some(settled),
                        more: !rest.is_empty(),
                        aborted: false,
                        payload: payload.to_vec(),
                    }));
                }
            }
        }
    }

    /// Says what became of a message of the peer's.
    pub(super) fn settle(&self, Delivery(first): Delivery, outcome: Outcome, said: &mut Said) {
        said.push(Performative::Disposition(Disposition {
            role: Role::Receiver,
            first,
            last: None,
            settled: true,
            state: Some(outcome),
        }));
    }

    /// Ends the session.
    pub(super) fn end(&mut self, error: Option<Failure>, said: &mut Said) {
        if self.stage != SessionStage::Ending {
            self.stage = SessionStage::Ending;
            self.links.clear();
            self.unsettled.clear();
            said.push(Performative::End(End { error }));
        }
    }

    /// Takes what the peer says in this session. Of one that this side has ended, nothing counts any
    /// more but its end, which is the connection's to see.
    pub(super) fn take(
        &mut self,
        performative: Performative,
        said: &mut Said,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        if self.stage == SessionStage::Ending {
            return Ok(());
        }
        match performative {
            Performative::Attach(attach) => self.take_attach(attach, said, events),
            Performative::Flow(flow) => self.take_flow(&flow, said, events),
            Performative::Transfer(transfer) => self.take_transfer(transfer, said, events),
            Performative::Disposition(disposition) => {
                self.take_disposition(&disposition, said, events);
                Ok(())
            }
            Performative::Detach(detach) => self.take_detach(detach, said, events),
            other => Err(Violation::State {
                what: format!("{} does not belong into a session", other.name()),
                rule: "AMQP 1.0 part 2, 2.4.1",
            }),
        }
    }

    fn take_attach(
        &mut self,
        attach: Attach,
        said: &mut Said,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        if attach.handle >= self.limits.links {
            return Err(Violation::State {
                what: format!("the handle {} is above handle-max", attach.handle),
                rule: "AMQP 1.0 part 2, 2.7.2",
            });
        }
        if self.links.values().any(|link| link.remote_handle == Some(attach.handle)) {
            return Err(Violation::State {
                what: format!("the handle {} already stands for a link", attach.handle),
                rule: "AMQP 1.0 part 2, 2.6.2",
            });
        }
        let answer = self.links.iter_mut().find(|(_, link)| {
            link.stage == Stage::Asking
                && link.name == attach.name
                && link.role == attach.role.other()
        });
        if let Some((handle, link)) = answer {
            let handle = *handle;
            link.answered(&attach);
            events.push(Event::Attached(self.id(handle), attach));
            self.pump(said);
            return Ok(());
        }
        let twice = self.links.values().any(|link| {
            link.name == attach.name
                && link.role == attach.role.other()
                && link.stage != Stage::Detaching
        });
        if twice {
            return Err(Violation::State {
                what: format!("there is a link {:?} already", attach.name),
                rule: "AMQP 1.0 part 2, 2.6.1",
            });
        }
        let Some(handle) = self.free_handle() else {
            return Err(Violation::State {
                what: format!("there are {} links already", self.limits.links),
                rule: "AMQP 1.0 part 2, 2.7.2",
            });
        };
        self.links.insert(handle, Link::asked(&attach));
        events.push(Event::Asked(self.id(handle), attach));
        Ok(())
    }

    fn take_flow(
        &mut self,
        flow: &Flow,
        said: &mut Said,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        self.window.flow(flow);
        let mut echo = flow.echo.then(|| self.window.told());
        if let Some(remote) = flow.handle {
            let told = self.window.told();
            let (handle, link) = self.by_remote(remote)?;
            let credit = link.flow(flow);
            if flow.echo {
                echo = Some(link.tell(handle, told));
            }
            let id = self.id(handle);
            events.extend(credit.map(|credit| Event::Credit(id, credit)));
        }
        self.pump(said);
        if flow.drain
            && let Some(remote) = flow.handle
        {
            let told = self.window.told();
            let (handle, link) = self.by_remote(remote)?;
            if link.role == Role::Sender {
                link.drain();
                echo = Some(link.tell(handle, told));
            }
        }
        said.extend(echo.map(Performative::Flow));
        Ok(())
    }

    fn take_transfer(
        &mut self,
        transfer: Transfer,
        said: &mut Said,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        if self.window.received()? {
            said.push(Performative::Flow(self.window.told()));
        }
        let limit = self.limits.message;
        let told = self.window.told();
        let (handle, link) = self.by_remote(transfer.handle)?;
        if link.stage == Stage::Detaching {
            // It was on its way when this side ended the link.
            return Ok(());
        }
        let brought = link.transfer(transfer, limit)?;
        if link.replenish() {
            said.push(Performative::Flow(link.tell(handle, told)));
        }
        match brought {
            Brought::Part => {}
            Brought::TooLarge => {
                let error = Failure::new(
                    "amqp:link:message-size-exceeded",
                    format!("a message may have {limit} bytes"),
                );
                self.detach(handle, Some(error), said);
            }
            Brought::Whole { delivery, format, bytes, .. } => {
                let message = Message::read_as(&bytes, format)?;
                events.push(Event::Message(self.id(handle), Delivery(delivery), message));
            }
        }
        Ok(())
    }

    fn take_disposition(
        &mut self,
        disposition: &Disposition,
        said: &mut Said,
        events: &mut Vec<Event>,
    ) {
        // What the peer says as a sender is about messages that were settled here when they came.
        if disposition.role == Role::Sender {
            return;
        }
        let last = disposition.last.unwrap_or(disposition.first);
        let known: Vec<u32> = if disposition.first <= last {
            self.unsettled.range(disposition.first..=last).map(|(id, _)| *id).collect()
        } else {
            // The numbers have begun anew in between (RFC 1982).
            let behind = self.unsettled.range(disposition.first..).map(|(id, _)| *id);
            behind.chain(self.unsettled.range(..=last).map(|(id, _)| *id)).collect()
        };
        for id in known {
            let outcome = match &disposition.state {
                Some(Outcome::Received) => continue,
                Some(outcome) => outcome.clone(),
                // Settled without a word: all is well.
                None if disposition.settled => Outcome::Accepted,
                None => continue,
            };
            let Some(handle) = self.unsettled.remove(&id) else { continue };
            events.push(Event::Became(self.id(handle), Delivery(id), outcome));
            if !disposition.settled {
                said.push(Performative::Disposition(Disposition {
                    role: Role::Sender,
                    first: id,
                    last: None,
                    settled: true,
                    state: None,
                }));
            }
        }
    }

    fn take_detach(
        &mut self,
        detach: Detach,
        said: &mut Said,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        let (handle, link) = self.by_remote(detach.handle)?;
        let is_answer = link.stage == Stage::Detaching;
        self.links.remove(&handle);
        self.unsettled.retain(|_, of| *of != handle);
        if !is_answer {
            said.push(Performative::Detach(Detach { handle, closed: detach.closed, error: None }));
        }
        events.push(Event::Detached(self.id(handle), detach.error));
        Ok(())
    }
}
