//! How long each step takes in which a connection is opened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::device::exchange::Notice;
use crate::device::phase::ConnectPhase;
use crate::sources::Clock;

/// A step, and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Which one.
    pub(super) phase: ConnectPhase,
    /// Since when it is under way.
    pub(super) since: Instant,
}

/// The step that is under way, or was last, for who waits for its end.
#[derive(Debug, Clone)]
pub(super) struct UnderWay(Arc<Mutex<Step>>);

impl UnderWay {
    /// It.
    pub(super) fn step(&self) -> Step {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, step: Step) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }
}

/// Tells the observer of each phase when it ends, and its driver which one is under way.
pub(in crate::device) struct Progress<'a> {
    notify: &'a mut (dyn FnMut(Notice) + Send),
    clock: &'a Clock,
    under_way: UnderWay,
    /// Whether that has not ended.
    goes_on: bool,
}

impl<'a> Progress<'a> {
    /// Nothing is under way yet.
    pub(in crate::device) fn new(
        notify: &'a mut (dyn FnMut(Notice) + Send),
        clock: &'a Clock,
    ) -> Self {
        let first = Step { phase: ConnectPhase::Dns, since: clock.instant() };
        Self { notify, clock, under_way: UnderWay(Arc::new(Mutex::new(first))), goes_on: false }
    }

    /// `phase` begins, so the one before it has ended.
    pub(in crate::device) fn begin(&mut self, phase: ConnectPhase) {
        self.end();
        self.under_way.begin(Step { phase, since: self.clock.instant() });
        self.goes_on = true;
    }

    /// The phase that is under way has come to its end.
    pub(in crate::device) fn end(&mut self) {
        if std::mem::take(&mut self.goes_on) {
            let Step { phase, since } = self.under_way.step();
            let took = self.clock.instant().saturating_duration_since(since);
            (self.notify)(Notice::Reached { phase, took });
        }
    }

    /// Tells the observer something else.
    pub(super) fn tell(&mut self, notice: Notice) {
        (self.notify)(notice);
    }

    /// The phase that is under way, or was last.
    pub(in crate::device) fn phase(&self) -> ConnectPhase {
        self.under_way.step().phase
    }

    /// The step that is under way, for who waits beside.
    pub(super) fn under_way(&self) -> UnderWay {
        self.under_way.clone()
    }
}
