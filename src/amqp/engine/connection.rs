//! The connection and its sessions.

use std::collections::{BTreeMap, VecDeque};

use super::super::{
    Attach, Begin, Close, Failure, Frame, Kind, MIN_MAX_FRAME, Message, Open, Outcome,
    Performative, Value, Violation, next_frame,
};
use super::event::{Delivery, Event, LinkId};
use super::limits::Limits;
use super::link::Refused;
use super::session::{Said, Session, SessionStage};

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
    own: Open,
    ours: Halves,
    theirs: Halves,
    peer_frame: usize,
    peer_channel_max: u16,
    sessions: BTreeMap<u16, Session>,
    /// Links that the peer has asked for and that are not answered yet.
    asked: BTreeMap<LinkId, Attach>,
    events: VecDeque<Event>,
    output: Vec<u8>,
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
            own,
            ours: Halves::default(),
            theirs: Halves::default(),
            peer_frame: MIN_MAX_FRAME,
            peer_channel_max: 0,
            sessions: BTreeMap::new(),
            asked: BTreeMap::new(),
            events: VecDeque::new(),
            output: Vec::new(),
        }
    }

    /// Says who this side is, unless that was said.
    pub fn open(&mut self) {
        if !self.ours.open {
            self.ours.open = true;
            self.say(0, Performative::Open(self.own.clone()));
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
            let condition = match violation {
                Violation::State { .. } => "amqp:illegal-state",
                Violation::FrameSize { .. } => "amqp:connection:framing-error",
                _ => "amqp:decode-error",
            };
            self.close(Some(Failure::new(
                condition,
                format!("{violation} [{}]", violation.rule()),
            )));
        }
        result
    }

    /// What has happened and was not told yet.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be sent, once.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// A sign of life.
    pub fn beat(&mut self) {
        if self.ours.open && !self.ours.close {
            Frame::Empty.write(&mut self.output);
        }
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
        let channel =
            (0..=self.peer_channel_max).find(|channel| !self.sessions.contains_key(channel))?;
        let session = Session::new(channel, self.limits, self.peer_frame);
        let begin = session.begin();
        self.sessions.insert(channel, session);
        self.say(channel, begin);
        Some(channel)
    }

    /// Asks for a link in a session; its handle is chosen here. Nothing if there are as many as may be.
    pub fn attach(&mut self, channel: u16, attach: Attach) -> Option<LinkId> {
        self.with(channel, |session, said| session.attach(attach, said)).flatten()
    }

    /// Takes a link that the peer asked for, with what there is to be said of it.
    pub fn accept(&mut self, link: LinkId, properties: Vec<(Value, Value)>) {
        if let Some(asked) = self.asked.remove(&link) {
            self.with(link.channel, |session, said| {
                session.accept(link.handle, &asked, properties, said)
            });
        }
    }

    /// Refuses a link that the peer asked for.
    pub fn refuse(&mut self, link: LinkId, error: Failure) {
        if let Some(asked) = self.asked.remove(&link) {
            self.with(link.channel, |session, said| {
                session.refuse(link.handle, &asked, error, said)
            });
        }
    }

    /// Lets the peer send so many messages at a time on a link.
    pub fn grant(&mut self, link: LinkId, credit: u32) {
        self.with(link.channel, |session, said| session.grant(link.handle, credit, said));
    }

    /// Sends a message on a link as soon as the peer lets this side.
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
        self.with(link.channel, |session, said| session.send(link.handle, message, settled, said))
            .unwrap_or(Err(Refused::NoLink))
    }

    /// Says what became of a message of the peer's.
    pub fn settle(&mut self, link: LinkId, delivery: Delivery, outcome: Outcome) {
        self.with(link.channel, |session, said| session.settle(delivery, outcome, said));
    }

    /// Ends a link.
    pub fn detach(&mut self, link: LinkId, error: Option<Failure>) {
        self.with(link.channel, |session, said| session.detach(link.handle, error, said));
    }

    /// Ends a session.
    pub fn end(&mut self, channel: u16, error: Option<Failure>) {
        self.with(channel, |session, said| session.end(error, said));
    }

    /// Ends the connection.
    pub fn close(&mut self, error: Option<Failure>) {
        if !self.ours.close {
            self.open();
            self.ours.close = true;
            self.sessions.clear();
            self.asked.clear();
            self.write(0, Performative::Close(Close { error }));
        }
    }

    /// Lets a session do something, and says what it says.
    fn with<T>(
        &mut self,
        channel: u16,
        act: impl FnOnce(&mut Session, &mut Said) -> T,
    ) -> Option<T> {
        let mut said = Said::new();
        let done = act(self.sessions.get_mut(&channel)?, &mut said);
        said.into_iter().for_each(|performative| self.say(channel, performative));
        Some(done)
    }

    fn say(&mut self, channel: u16, performative: Performative) {
        if !self.ours.close {
            self.write(channel, performative);
        }
    }

    fn write(&mut self, channel: u16, performative: Performative) {
        Frame::Amqp(channel, performative).write(&mut self.output);
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
                if let Some(session) = self.sessions.remove(&own)
                    && session.stage != SessionStage::Ending
                {
                    self.say(own, Performative::End(super::super::End { error: None }));
                }
                self.asked.retain(|link, _| link.channel != own);
                self.events.push_back(Event::Ended { channel: own, error: end.error });
                Ok(())
            }
            other => {
                let own = self.by_remote(channel, other.name())?;
                let (mut said, mut events) = (Said::new(), Vec::new());
                let Some(session) = self.sessions.get_mut(&own) else { return Ok(()) };
                let result = session.take(other, &mut said, &mut events);
                said.into_iter().for_each(|performative| self.say(own, performative));
                for event in events {
                    match &event {
                        Event::Asked(link, attach) => {
                            self.asked.insert(*link, attach.clone());
                        }
                        Event::Detached(link, _) => {
                            self.asked.remove(link);
                        }
                        _ => {}
                    }
                    self.events.push_back(event);
                }
                result
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
        let frame =
            open.max_frame_size.map_or(usize::MAX, |size| size.try_into().unwrap_or(usize::MAX));
        self.peer_frame =
            frame.max(MIN_MAX_FRAME).min(usize::try_from(self.limits.frame).unwrap_or(usize::MAX));
        self.peer_channel_max = open.channel_max.unwrap_or(u16::MAX).min(self.limits.channel_max);
        self.open();
        self.events.push_back(Event::Opened(open));
        Ok(())
    }

    fn take_begin(&mut self, channel: u16, begin: &Begin) -> Result<(), Violation> {
        if self.sessions.values().any(|session| session.remote_channel == Some(channel)) {
            return Err(Violation::State {
                what: format!("a session stands on channel {channel} already"),
                rule: "AMQP 1.0 part 2, 2.5.1",
            });
        }
        let own = match begin.remote_channel {
            Some(own) => {
                let session = self.sessions.get_mut(&own);
                session.filter(|session| session.stage == SessionStage::Beginning).ok_or_else(
                    || Violation::State {
                        what: format!("nobody has begun a session on channel {own}"),
                        rule: "AMQP 1.0 part 2, 2.5.1",
                    },
                )?;
                own
            }
            None => {
                let free =
                    (0..=self.limits.channel_max).find(|own| !self.sessions.contains_key(own));
                free.filter(|_| channel <= self.limits.channel_max).ok_or_else(|| {
                    Violation::State {
                        what: format!("channels go up to {} here", self.limits.channel_max),
                        rule: "AMQP 1.0 part 2, 2.7.1",
                    }
                })?
            }
        };
        let session = self
            .sessions
            .entry(own)
            .or_insert_with(|| Session::new(own, self.limits, self.peer_frame));
        session.begun(channel, begin);
        let answer = begin.remote_channel.is_none().then(|| session.begin());
        answer.into_iter().for_each(|answer| self.say(own, answer));
        self.events.push_back(Event::Begun { channel: own });
        Ok(())
    }

    fn by_remote(&self, channel: u16, what: &str) -> Result<u16, Violation> {
        let session =
            self.sessions.values().find(|session| session.remote_channel == Some(channel));
        session.map(|session| session.channel).ok_or_else(|| Violation::State {
            what: format!("{what} came on channel {channel}, on which no session stands"),
            rule: "AMQP 1.0 part 2, 2.5",
        })
    }
}
