//! How long each step takes in which a connection is opened.

use std::time::Instant;

use crate::device::exchange::Notice;
use crate::device::phase::ConnectPhase;
use crate::sources::Clock;

/// Tells the observer of each phase when it ends, and its driver which one is under way.
pub(in crate::device) struct Progress<'a> {
    notify: &'a mut (dyn FnMut(Notice) + Send),
    clock: &'a Clock,
    phase: ConnectPhase,
    since: Option<Instant>,
}

impl<'a> Progress<'a> {
    /// Nothing is under way yet.
    pub(in crate::device) fn new(
        notify: &'a mut (dyn FnMut(Notice) + Send),
        clock: &'a Clock,
    ) -> Self {
        Self { notify, clock, phase: ConnectPhase::Dns, since: None }
    }

    /// `phase` begins, so the one before it has ended.
    pub(in crate::device) fn begin(&mut self, phase: ConnectPhase) {
        self.end();
        (self.phase, self.since) = (phase, Some(self.clock.instant()));
    }

    /// The phase that is under way has come to its end.
    pub(in crate::device) fn end(&mut self) {
        if let Some(since) = self.since.take() {
            (self.notify)(Notice::Reached {
                phase: self.phase,
                took: self.clock.instant().saturating_duration_since(since),
            });
        }
    }

    /// Tells the observer something else.
    pub(super) fn tell(&mut self, notice: Notice) {
        (self.notify)(notice);
    }

    /// The phase that is under way, or was last.
    pub(in crate::device) fn phase(&self) -> ConnectPhase {
        self.phase
    }
}
