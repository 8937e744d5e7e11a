//! What happened on a connection, for those to whom it means something.

use super::super::{Attach, Failure, Message, Open, Outcome};

/// A link: the channel of its session and its handle, both as this side numbers them, and a number that
/// no other link of the connection has. So what is said of a link that has ended never meets the one
/// that has taken its handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId {
    pub(super) channel: u16,
    pub(super) handle: u32,
    pub(super) serial: u32,
}

impl LinkId {
    /// The channel of its session, as this side numbers it.
    pub fn channel(self) -> u16 {
        self.channel
    }
}

/// A message in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery {
    /// Of a message of the peer's its delivery-id. Of one of this side's the number in which it was
    /// handed over: its delivery-id is known when it is sent.
    pub(super) number: u32,
    /// Whether the peer waits for no word of it.
    pub(super) is_settled: bool,
}

impl Delivery {
    /// Whether the peer waits for no word of it.
    pub fn is_settled(self) -> bool {
        self.is_settled
    }

    /// A message that this side sends.
    pub(super) fn own(number: u32) -> Self {
        Self { number, is_settled: false }
    }
}

/// Something that the peer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It has opened the connection.
    Opened(Open),
    /// A session stands.
    Begun {
        /// Its channel, as this side numbers it.
        channel: u16,
    },
    /// It asks for a link, as it sees it: [`accept`](super::Connection::accept) or
    /// [`refuse`](super::Connection::refuse) it.
    Asked(LinkId, Attach),
    /// It has answered a link that this side asked for.
    Attached(LinkId, Attach),
    /// It lets this side send so many messages on a link.
    Credit(LinkId, u32),
    /// It has sent a message.
    Message(LinkId, Delivery, Message),
    /// It says what became of a message of this side's.
    Became(LinkId, Delivery, Outcome),
    /// A link has ended.
    Detached(LinkId, Option<Failure>),
    /// A session has ended, with all its links.
    Ended {
        /// Its channel, as this side numbers it.
        channel: u16,
        /// Why, if it failed.
        error: Option<Failure>,
    },
    /// The connection has ended.
    Closed(Option<Failure>),
}
