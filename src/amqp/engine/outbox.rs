//! What is to be sent: frames, none larger than the peer takes.

use super::super::{Close, Failure, Frame, MIN_MAX_FRAME, Performative};

/// Frames that wait for whoever has the socket.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// The largest frame that the peer takes.
    pub(super) frame: usize,
    /// Whether something had to be said that no frame of the peer's can hold.
    is_overfull: bool,
    is_shut: bool,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), frame: MIN_MAX_FRAME, is_overfull: false, is_shut: false }
    }

    /// Says something, unless `close` was said.
    ///
    /// Words for people are cut to what the peer takes; what is too large without them is not said, and
    /// the connection cannot go on (part 2, section 2.8.15, `frame-size-too-small`).
    pub(super) fn say(&mut self, channel: u16, mut performative: Performative) {
        if self.is_shut {
            return;
        }
        let begin = self.bytes.len();
        let shorter = performative.failure_mut().is_some().then(|| performative.clone());
        Frame::Amqp(channel, performative).write(&mut self.bytes);
        let excess = (self.bytes.len() - begin).saturating_sub(self.frame);
        if excess == 0 {
            return;
        }
        self.bytes.truncate(begin);
        let Some(mut shorter) = shorter else {
            self.is_overfull = true;
            return;
        };
        if let Some(failure) = shorter.failure_mut() {
            shorten(failure, excess);
        }
        Frame::Amqp(channel, shorter).write(&mut self.bytes);
        if self.bytes.len() - begin > self.frame {
            self.bytes.truncate(begin);
            self.is_overfull = true;
        }
    }

    /// Says that all is over; nothing is said after it.
    pub(super) fn shut(&mut self, error: Option<Failure>) {
        self.say(0, Performative::Close(Close { error }));
        self.is_shut = true;
    }

    /// Whether something could not be said, once.
    pub(super) fn was_overfull(&mut self) -> bool {
        std::mem::take(&mut self.is_overfull)
    }

    /// A sign of life.
    pub(super) fn beat(&mut self) {
        if !self.is_shut {
            Frame::Empty.write(&mut self.bytes);
        }
    }

    /// All of it, once.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Takes so many bytes off a failure: of its words, and all that is there for programs if these are not
/// enough.
fn shorten(failure: &mut Failure, excess: usize) {
    let Some(words) = &mut failure.description else {
        failure.info.clear();
        return;
    };
    if words.len() < excess {
        failure.info.clear();
    }
    words.truncate(words.floor_char_boundary(words.len().saturating_sub(excess)));
}
