//! The connection and its sessions.

use std::collections::{BTreeMap, VecDeque};

use super::super::{
    Attach, Begin, End, Failure, Frame, Kind, MIN_MAX_FRAME, Message, Open, Outcome, Performative,
    Value, Violation, next_frame,
};
use super::event::{Delivery, Event, LinkId};
use super::limits::{Held, Limits};
use super::link::Refused;
use super::outbox::Outbox;
use super::session::{Session, SessionStage};
use super::turn::Turn;

/// How far the connection is, as this side and as the peer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Halves {
    open: bool,
    close: bool,
}

/// A connection, from behind the protocol header on.
///
/// [`read`](Self::read) takes bytes of the peer's, [`next_event`](Self::next_event) gives what came of
/// them, and [`output`](Self::output) what is to be sent. All of it is at once: nothing waits inside.
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    /// What is still to be said of this side.
    own: Option<Box<Open>>,
    ours: Halves,
    theirs: Halves,
    peer_channel_max: u16,
    sessions: BTreeMap<u16, Box<Session>>,
    /// What all sessions together hold.
    held: Held,
    next_serial: u32,
    events: VecDeque<Event>,
    outbox: Outbox,
}

impl Connection {
    /// A connection that begins when the peer, or [`open`](Self::open), says so. `own` is what this
    /// side says of itself; frame size and channels are those of the limits.
    pub fn new(own: Open, limits: Limits) -> Self {
        let own = Open {
            max_frame_size: Some(limits.frame),
            channel_max: Some(limits.channel_max),
            ..own
        };
        Self {
            limits,
            own: Some(Box::new(own)),
            ours: Halves::default(),
            theirs: Halves::default(),
            peer_channel_max: 0,
            sessions: BTreeMap::new(),
            held: Held::default(),
            next_serial: 0,
            events: VecDeque::new(),
            outbox: Outbox::new(),
        }
    }

    /// Says who this side is, unless that was said.
    pub fn open(&mut self) {
        if let Some(own) = self.own.take() {
            self.ours.open = true;
            self.outbox.say(0, Performative::Open(*own));
        }
    }

    /// Takes the frames that are whole, and leaves the rest.
    ///
    /// # Errors
    ///
    /// Says which rule of the standard the peer breaks; the connection is closed with it, which is
    /// still to be sent.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> Result<(), Violation> {
        let mut used = 0;
        let result = loop {
            // Nothing is heard any more after `close` (section 2.4.3).
            if self.theirs.close {
                used = buffer.len();
                break Ok(());
            }
            let limit = usize::try_from(self.limits.frame).unwrap_or(usize::MAX);
            match next_frame(&buffer[used..], Kind::Amqp, limit) {
                Ok(Some((frame, size))) => {
                    used += size;
                    if let Err(violation) = self.take(frame) {
                        break Err(violation);
                    }
                }
                Ok(None) => break Ok(()),
                Err(violation) => break Err(violation),
            }
        };
        buffer.drain(..used);
        if let Err(violation) = &result {
            self.close(Some(Failure::new(violation.condition(), violation.cited())));
        }
        result
    }

    /// What has happened and was not told yet.
    pub fn next_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_none() {
            // Thousands of connections wait most of the time, and need no room for events.
            self.events = VecDeque::new();
        }
        event
    }

    /// What is to be sent, once. It is of the size of what was read, times a small number: who sends it
    /// before more is read never has much of it.
    pub fn output(&mut self) -> Vec<u8> {
        self.outbox.take()
    }

    /// A sign of life.
    pub fn beat(&mut self) {
        if self.ours.open {
            self.outbox.beat();
        }
    }

    /// What is held on behalf of the peer.
    pub fn held(&self) -> Held {
        self.held
    }

    /// Whether both sides have closed it.
    pub fn is_over(&self) -> bool {
        self.ours.close && self.theirs.close
    }

    /// Whether this side has closed it.
    pub fn is_closing(&self) -> bool {
        self.ours.close
    }

    /// Begins a session; nothing if there are as many as the peer takes.
    pub fn begin(&mut self) -> Option<u16> {
        let channel = self.free_channel(0)?;
        let session = Session::new(&self.limits);
        let begin = session.begin(&self.limits);
        self.sessions.insert(channel, Box::new(session));
        self.say(channel, begin);
        Some(channel)
    }

    /// Asks for a link in a session; its handle is chosen here. Nothing if there are as many as may be.
    pub fn attach(&mut self, channel: u16, attach: Attach) -> Option<LinkId> {
        self.with(channel, |session, turn| session.attach(attach, turn)).flatten()
    }

    /// Takes a link that the peer asked for, with what there is to be said of it.
    pub fn accept(&mut self, link: LinkId, properties: Vec<(Value, Value)>) {
        self.with(link.channel, |session, turn| session.accept(link, properties, turn));
    }

    /// Refuses a link that the peer asked for.
    pub fn refuse(&mut self, link: LinkId, error: Failure) {
        self.with(link.channel, |session, turn| session.refuse(link, error, turn));
    }

    /// Lets the peer send so many messages at a time on a link.
    pub fn grant(&mut self, link: LinkId, credit: u32) {
        self.with(link.channel, |session, turn| session.grant(link, credit, turn));
    }

    /// Sends a message on a link as soon as the peer lets this side.
    ///
    /// Where the peer wants to have all messages of the link settled, it is sent so, and
    /// [`Event::Became`] says when it has gone.
    ///
    /// # Errors
    ///
    /// If there is no such link, or too many messages wait.
    pub fn send(
        &mut self,
        link: LinkId,
        message: Message,
        settled: bool,
    ) -> Result<Delivery, Refused> {
        self.with(link.channel, |session, turn| session.send(link, message, settled, turn))
            .unwrap_or(Err(Refused::NoLink))
    }

    /// Says what became of a message of the peer's, unless it waits for no word.
    pub fn settle(&mut self, link: LinkId, delivery: Delivery, outcome: Outcome) {
        self.with(link.channel, |session, turn| session.settle(link, delivery, outcome, turn));
    }

    /// Ends a link.
    pub fn detach(&mut self, link: LinkId, error: Option<Failure>) {
        self.with(link.channel, |session, turn| session.detach(link, error, turn));
    }

    /// Ends a session.
    pub fn end(&mut self, channel: u16, error: Option<Failure>) {
        self.with(channel, |session, turn| session.end(error, turn));
    }

    /// Ends the connection.
    pub fn close(&mut self, error: Option<Failure>) {
        if !self.ours.close {
            self.open();
            self.ours.close = true;
            self.sessions.clear();
            self.held = Held::default();
            self.outbox.shut(error);
        }
    }

    /// Lets a session do something, and counts what is held afterwards.
    fn with<T>(
        &mut self,
        channel: u16,
        act: impl FnOnce(&mut Session, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let session = self.sessions.get_mut(&channel)?;
        let others = self.held.less(session.held());
        let mut turn = Turn {
            channel,
            limits: &self.limits,
            left: self.limits.held.less(self.held),
            next_serial: &mut self.next_serial,
            outbox: &mut self.outbox,
            events: &mut self.events,
        };
        let done = act(session, &mut turn);
        self.held = others.plus(session.held());
        self.close_if_overfull();
        Some(done)
    }

    fn say(&mut self, channel: u16, performative: Performative) {
        self.outbox.say(channel, performative);
        self.close_if_overfull();
    }

    /// Ends the connection if something had to be said for which the peer's frames are too small.
    fn close_if_overfull(&mut self) {
        if self.outbox.was_overfull() {
            self.close(Some(Failure::new(
                "amqp:frame-size-too-small",
                "an answer is larger than the frames that you take",
            )));
        }
    }

    /// The lowest channel that is free, of those that both take; `wish` if that is.
    fn free_channel(&self, wish: u16) -> Option<u16> {
        let all = 0..=self.peer_channel_max;
        let is_free = |channel: &u16| !self.sessions.contains_key(channel);
        if all.contains(&wish) && is_free(&wish) {
            return Some(wish);
        }
        all.into_iter().find(is_free)
    }

    fn take(&mut self, frame: Frame) -> Result<(), Violation> {
        let (channel, performative) = match frame {
            Frame::Empty => return Ok(()),
            Frame::Sasl(_) => return Err(Violation::FrameType { expected: 0, seen: 1 }),
            Frame::Amqp(channel, performative) => (channel, performative),
        };
        match performative {
            Performative::Open(open) => self.take_open(open),
            other if !self.theirs.open => Err(Violation::State {
                what: format!("open must come first, but {} has", other.name()),
                rule: "AMQP 1.0 part 2, 2.4.1",
            }),
            Performative::Close(close) => {
                self.theirs.close = true;
                self.close(None);
                self.events.push_back(Event::Closed(close.error));
                Ok(())
            }
            // What was on its way when this side closed.
            _ if self.ours.close => Ok(()),
            Performative::Begin(begin) => self.take_begin(channel, &begin),
            Performative::End(end) => {
                let own = self.by_remote(channel, "end")?;
                if let Some(session) = self.sessions.remove(&own) {
                    self.held = self.held.less(session.held());
                    if session.stage != SessionStage::Ending {
                        self.say(own, Performative::End(End { error: None }));
                    }
                }
                self.events.push_back(Event::Ended { channel: own, error: end.error });
                Ok(())
            }
            other => {
                let own = self.by_remote(channel, other.name())?;
                self.with(own, |session, turn| session.take(other, turn)).unwrap_or(Ok(()))
            }
        }
    }

    fn take_open(&mut self, open: Open) -> Result<(), Violation> {
        if self.theirs.open {
            return Err(Violation::State {
                what: "open must come once, but has come again".to_owned(),
                rule: "AMQP 1.0 part 2, 2.4.1",
            });
        }
        self.theirs.open = true;
        let size = |size: u32| usize::try_from(size).unwrap_or(usize::MAX);
        let frame = open.max_frame_size.map_or(usize::MAX, size);
        self.outbox.frame = frame.max(MIN_MAX_FRAME).min(size(self.limits.frame));
        self.peer_channel_max = open.channel_max.unwrap_or(u16::MAX).min(self.limits.channel_max);
        self.open();
        self.events.push_back(Event::Opened(open));
        Ok(())
    }

    fn take_begin(&mut self, channel: u16, begin: &Begin) -> Result<(), Violation> {
        if self.by_remote(channel, "begin").is_ok() {
            return Err(Violation::State {
                what: format!("a session stands on channel {channel} already"),
                rule: "AMQP 1.0 part 2, 2.5.1",
            });
        }
        let Some(own) = begin.remote_channel else { return self.take_new(channel, begin) };
        let session =
            self.sessions.get_mut(&own).filter(|session| session.remote_channel.is_none());
        let session = session.ok_or_else(|| Violation::State {
            what: format!("nobody has begun a session on channel {own}"),
            rule: "AMQP 1.0 part 2, 2.5.1",
        })?;
        session.begun(channel, begin);
        self.events.push_back(Event::Begun { channel: own });
        Ok(())
    }

    /// The peer has begun a session.
    fn take_new(&mut self, channel: u16, begin: &Begin) -> Result<(), Violation> {
        if channel > self.limits.channel_max {
            return Err(Violation::State {
                what: format!("channels go up to {} here", self.limits.channel_max),
                rule: "AMQP 1.0 part 2, 2.7.1",
            });
        }
        let own = self
            .free_channel(channel)
            .ok_or(Violation::TooMany { what: "sessions", limit: self.sessions.len() })?;
        let mut session = Session::new(&self.limits);
        session.begun(channel, begin);
        let answer = session.begin(&self.limits);
        self.sessions.insert(own, Box::new(session));
        self.say(own, answer);
        self.events.push_back(Event::Begun { channel: own });
        Ok(())
    }

    /// This side's number of a session. It is the peer's, mostly.
    fn by_remote(&self, channel: u16, what: &str) -> Result<u16, Violation> {
        let is_it = |session: &Session| session.remote_channel == Some(channel);
        if self.sessions.get(&channel).is_some_and(|session| is_it(session)) {
            return Ok(channel);
        }
        let found = self.sessions.iter().find(|(_, session)| is_it(session));
        found.map(|(own, _)| *own).ok_or_else(|| Violation::State {
            what: format!("{what} came on channel {channel}, on which no session stands"),
            rule: "AMQP 1.0 part 2, 2.5",
        })
    }
}
