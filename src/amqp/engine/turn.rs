//! What a session may do in its turn: say something, tell of something, and hold no more than there is
//! room for.

use std::collections::VecDeque;

use super::super::Performative;
use super::event::{Event, LinkId};
use super::limits::{Held, Limits};
use super::outbox::Outbox;

/// One turn of one session.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) channel: u16,
    pub(super) limits: &'a Limits,
    /// What may still be held besides what is held.
    pub(super) left: Held,
    pub(super) next_serial: &'a mut u32,
    pub(super) outbox: &'a mut Outbox,
    pub(super) events: &'a mut VecDeque<Event>,
}

impl Turn<'_> {
    /// Says something to the peer.
    pub(super) fn say(&mut self, performative: Performative) {
        self.outbox.say(self.channel, performative);
    }

    /// Tells of something that the peer did.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// A new link of a handle.
    pub(super) fn id(&mut self, handle: u32) -> LinkId {
        let serial = *self.next_serial;
        *self.next_serial = serial.wrapping_add(1);
        LinkId { channel: self.channel, handle, serial }
    }
}
