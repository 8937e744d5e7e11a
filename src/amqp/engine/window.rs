//! How many transfers may go either way in a session (part 2, section 2.5.6).

use super::super::{Flow, Violation};

/// The numbers of transfers, in both directions.
#[derive(Debug)]
pub(super) struct Window {
    /// How many this side takes at once.
    size: u32,
    incoming_left: u32,
    next_incoming: u32,
    next_outgoing: u32,
    outgoing_left: u32,
}

impl Window {
    /// The transfers of this side are numbered from 0.
    pub(super) fn new(size: u32) -> Self {
        Self { size, incoming_left: size, next_incoming: 0, next_outgoing: 0, outgoing_left: 0 }
    }

    /// The peer's `begin`: from which number it counts, and how many it takes.
    pub(super) fn begun(&mut self, next_outgoing_id: u32, incoming_window: u32) {
        self.next_incoming = next_outgoing_id;
        self.outgoing_left = incoming_window;
    }

    /// The peer says how many more it takes.
    pub(super) fn flow(&mut self, flow: &Flow) {
        let seen = flow.next_incoming_id.unwrap_or(0);
        // What is on its way is counted by the peer when it arrives, so it is taken off.
        let on_the_way = self.next_outgoing.wrapping_sub(seen);
        self.outgoing_left = flow.incoming_window.saturating_sub(on_the_way);
    }

    /// A transfer has come. Says whether the peer is to hear that more are taken.
    pub(super) fn received(&mut self) -> Result<bool, Violation> {
        self.next_incoming = self.next_incoming.wrapping_add(1);
        self.incoming_left = self.incoming_left.checked_sub(1).ok_or_else(|| Violation::State {
            what: format!("more transfers were sent than the window of {} allows", self.size),
            rule: "AMQP 1.0 part 2, 2.5.6",
        })?;
        if self.incoming_left > self.size / 2 {
            return Ok(false);
        }
        self.incoming_left = self.size;
        Ok(true)
    }

    /// A transfer is sent.
    pub(super) fn take(&mut self) {
        self.outgoing_left = self.outgoing_left.saturating_sub(1);
        self.next_outgoing = self.next_outgoing.wrapping_add(1);
    }

    /// Whether a transfer may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.outgoing_left > 0
    }

    /// What is to be told of it, of no link.
    pub(super) fn told(&self) -> Flow {
        Flow {
            next_incoming_id: Some(self.next_incoming),
            incoming_window: self.incoming_left,
            next_outgoing_id: self.next_outgoing,
            outgoing_window: u32::MAX >> 1,
            ..Flow::default()
        }
    }
}
