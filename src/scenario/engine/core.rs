//! What all steps have in common while they are played.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::event::Event;
use super::evidence;
use super::state::Devices;
use crate::scenario::stage::{Moment, Stage};
use crate::sources::{Sources, Turn};
use crate::verdicts::{Case, Outcome, Part, Seen};

/// A scenario that is played.
#[derive(Debug)]
pub(super) struct Engine<S> {
    pub(super) stage: Arc<S>,
    pub(super) devices: Devices,
    /// The folder of the file, in which its commands run.
    pub(super) folder: Option<PathBuf>,
    /// What its cases belong to.
    pub(super) class: String,
    /// Who prints.
    pub(super) events: UnboundedSender<Event>,
    /// Where the journal stood when a step began.
    /// What time it is, and what is left to chance.
    pub(super) sources: Sources,
    /// As long as it is there, others do not move a clock that stands: it is given away to wait.
    pub(super) turn: Mutex<Option<Turn>>,
    pub(super) begun: Mutex<HashMap<String, Moment>>,
}

/// The beginning of a case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    pub(super) at: Instant,
    pub(super) moment: Moment,
}

impl<S: Stage> Engine<S> {
    /// Tells whoever prints; if nobody does any more, nothing is told.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    pub(super) fn begin(&self) -> Begin {
        let moment = self.stage.watched().map(|watched| watched.now()).unwrap_or_default();
        Begin { at: self.sources.instant(), moment }
    }

    /// Lets nobody move a clock that stands until this is given away; what it had before.
    pub(super) fn hold_clock(&self, turn: Option<Turn>) -> Option<Turn> {
        std::mem::replace(&mut *self.turn.lock().unwrap_or_else(PoisonError::into_inner), turn)
    }

    /// Waits until nothing can go on at this time; a clock that stands stays held.
    pub(super) async fn lull(&self) {
        let held = self.hold_clock(None);
        drop(self.hold_clock(self.sources.clock.lull(held).await));
    }

    /// Lets a clock that stands be moved, and waits for the next such time.
    pub(super) async fn next_lull(&self) {
        let held = self.hold_clock(None);
        drop(self.hold_clock(self.sources.clock.next_lull(held).await));
    }

    /// A step begins, from which others may count.
    pub(super) fn note_begin(&self, name: &str, begin: Begin) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.entry(name.to_owned()).or_insert(begin.moment);
    }

    /// Where the journal stood when the step of this name began.
    pub(super) fn begun(&self, name: &str) -> Moment {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(name).copied().unwrap_or_default()
    }

    /// What came out of a step, or of one device of it. Where it is bad, it comes with what everybody has
    /// left: `own` parts first.
    pub(super) fn case(
        &self,
        name: &str,
        begin: Begin,
        outcome: Outcome,
        seen: Option<String>,
        own: Vec<Part>,
        takes: impl Fn(&str) -> bool,
    ) -> Case {
        let mut case = Case::new(self.class.clone(), name, outcome);
        case.took = self.sources.since(begin.at);
        case.seen = seen.map(|text| Seen::new(case.took, text)).into_iter().collect();
        if case.outcome.is_bad() {
            case.conversation = own;
            if let Some(watched) = self.stage.watched() {
                case.conversation.extend(evidence::of_service(watched, begin.moment, takes));
            }
        }
        case
    }
}
