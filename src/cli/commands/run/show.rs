//! What happens while a file is played, as it happens: printed, and collected.

use std::collections::{BTreeSet, VecDeque};

use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::lines::{self, of_device};
use super::played::THE_FILE;
use super::scenarios::Names;
use crate::cli::output::failure;
use crate::cli::output::kept::Kept;
use crate::cli::output::logging;
use crate::cli::output::printer::{Mark, Printer};
use crate::cli::output::transcript::Transcript;
use crate::device::Error;
use crate::explain::Context;
use crate::scenario::{Ended, Event, Reach};
use crate::text::Secrets;
use crate::verdicts::{Case, Outcome, Part, PartKind};

/// Prints what happens, and collects what came of it.
pub(super) struct Show<'a> {
    /// The file, as it was named.
    pub(super) file: String,
    /// What its cases belong to.
    pub(super) class: String,
    pub(super) secrets: Secrets,
    pub(super) printer: &'a mut Printer,
    /// What stands before the first case that is shown.
    header: Kept,
    /// Where events come from, while there are any.
    told: Option<mpsc::UnboundedReceiver<Event>>,
    /// How devices get to where it is played.
    reach: Option<Reach>,
    /// What happened elsewhere while a device was shown.
    later: VecDeque<Event>,
    /// The devices that have been shown with their verdict, and in which step.
    shown: BTreeSet<(usize, String)>,
    /// The steps of which at least one case has been decided.
    pub(super) decided: BTreeSet<usize>,
    names: Names,
    pub(super) cases: Vec<Case>,
    /// The verdicts on its devices, for programs.
    pub(super) devices: Vec<Box<RawValue>>,
    /// What was printed; of those that passed only if that is wanted.
    pub(super) kept: Kept,
}

impl<'a> Show<'a> {
    pub(super) fn new(
        file: String,
        class: String,
        secrets: &Secrets,
        printer: &'a mut Printer,
    ) -> Self {
        let header = printer.take_kept();
        Self {
            file,
            class,
            secrets: secrets.clone(),
            printer,
            header,
            told: None,
            reach: None,
            later: VecDeque::new(),
            shown: BTreeSet::new(),
            decided: BTreeSet::new(),
            names: Names::default(),
            cases: Vec::new(),
            devices: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// Calls what is another each time by a name that is the same each time.
    pub(super) fn call(&mut self, names: &[(String, String)]) {
        names.iter().for_each(|(text, name)| self.secrets.call(text, name));
        self.printer.hide(&self.secrets);
    }

    /// Where it is played, and who tells of it.
    pub(super) fn listen(&mut self, reach: Reach, told: mpsc::UnboundedReceiver<Event>) {
        (self.reach, self.told) = (Some(reach), Some(told));
    }

    /// Shows all that happens, until nobody tells any more.
    pub(super) async fn all(&mut self) {
        while let Some(event) = self.next().await {
            match event {
                Event::Began { name, is_device } => {
                    if self.printer.is_text() && !is_device {
                        self.printer.line(format!("=== {name}"));
                    }
                }
                Event::Registering { step, device } => self.device(step, &device).await,
                Event::Decided { step, device, case } => self.decided(step, device, case),
                Event::AtHub { device, hub, twin } => {
                    if self.printer.is_text() {
                        self.printer.line(format!("{device} is connected to hub {hub}"));
                        let twin = serde_json::to_string(&twin).unwrap_or_default();
                        self.printer.line(format!("Its twin: {twin}"));
                        self.printer.line("");
                    }
                }
                Event::Notice { .. } | Event::Registered(_) => {}
            }
        }
    }

    async fn next(&mut self) -> Option<Event> {
        match self.later.pop_front() {
            Some(event) => Some(event),
            None => self.told.as_mut()?.recv().await,
        }
    }

    /// A device registers. What other steps do meanwhile is shown afterwards.
    async fn device(&mut self, step: usize, device: &str) {
        let is_text = self.printer.is_text();
        if is_text {
            self.printer.line(format!("--- {device}"));
        }
        let mut waiting = std::mem::take(&mut self.later);
        let mut transcript = is_text.then(|| Transcript::new(self.printer));
        let ended = loop {
            let event = match (waiting.pop_front(), &mut self.told) {
                (Some(event), _) => Some(event),
                (None, Some(told)) => told.recv().await,
                (None, None) => None,
            };
            match event {
                Some(Event::Notice { step: of, device: other, notice })
                    if of == step && other == device =>
                {
                    if let Some(transcript) = &mut transcript {
                        transcript.notice(&notice);
                    }
                }
                Some(Event::Registered(ended)) if ended.step == step && ended.device == device => {
                    break ended;
                }
                Some(event) => self.later.push_back(event),
                // It was stopped in the middle.
                None => return,
            }
        };
        self.later.append(&mut waiting);
        match (transcript, &ended.result) {
            (None, _) => {}
            (Some(transcript), Ok(registered)) => transcript.print(registered, None),
            (Some(transcript), Err(error)) => transcript.print_failure(error),
        }
        if is_text {
            self.show_end(&ended);
        }
        self.shown.insert((step, device.to_owned()));
        let line = of_device(&self.file, &ended);
        self.printer.event(&line);
        self.devices.push(line);
    }

    fn show_end(&mut self, ended: &Ended) {
        let holds = ended.verdict.holds();
        if let (Err(error), Some(reach)) = (&ended.result, &self.reach) {
            let context = Context {
                // Only a service of its own has one.
                is_local: reach.gateway.is_some(),
                ..Context::of_own_service(
                    reach.mqtt(),
                    reach.id_scope.clone(),
                    ended.registration_id.clone(),
                )
            };
            let mut report = failure::report(error, &context);
            if matches!(error, Error::Failed { .. }) {
                report.causes.splice(0..0, ended.reason.clone());
            }
            if holds {
                // Expected, so nothing is to be tried.
                report.remedies.clear();
                self.printer.explain_wanted(&report);
            } else {
                self.printer.explain(&report);
            }
        }
        let id = &ended.device;
        self.printer.line("");
        let text = if holds {
            format!("{id}: {}, as expected", ended.verdict.summary())
        } else {
            format!("{id}: {}", ended.verdict.differences.join("; "))
        };
        self.printer.verdict(holds, &text);
        self.printer.line("");
    }

    /// A case has been decided; that of a device may have been shown.
    fn decided(&mut self, step: usize, device: Option<String>, case: Case) {
        self.decided.insert(step);
        let is_shown = device.is_some_and(|device| self.shown.remove(&(step, device)));
        self.add(case, is_shown);
    }

    /// One more case.
    pub(super) fn add(&mut self, mut case: Case, is_shown: bool) {
        let is_of_service = !matches!(case.outcome, Outcome::Broken(_));
        case.name = self.names.unique(&case.name);
        if self.printer.is_text() && !is_shown {
            let (mark, word) = match &case.outcome {
                Outcome::Skipped(_) | Outcome::NotObserved(_) => (Mark::Neutral, "SKIP"),
                outcome if outcome.is_bad() => (Mark::Bad, "FAIL"),
                _ => (Mark::Good, "PASS"),
            };
            let rest = match case.outcome.reason() {
                reason if reason.is_empty() => format!(" {}", case.name),
                reason => format!(" {}: {reason}", case.name),
            };
            self.printer.marked(mark, "", word, &rest);
            self.printer.line("");
        }
        if case.outcome.is_bad() && is_of_service {
            let log = logging::kept();
            if !log.is_empty() {
                case.conversation.push(Part::new(PartKind::Log, log));
            }
        }
        case.hide(&self.secrets);
        if !is_shown {
            self.printer.event(&lines::Step { scenario: &self.file, case: &case });
        }
        let printed = self.printer.take_kept();
        if !self.printer.is_text() || !self.printer.is_quiet() || case.outcome.is_bad() {
            self.kept.append(std::mem::take(&mut self.header));
            self.kept.append(printed);
        }
        self.cases.push(case);
    }

    /// The file cannot be played.
    pub(super) fn broken(&mut self, why: &str) {
        self.printer.event(&lines::Broken { scenario: &self.file, error: why });
        if self.printer.is_text() {
            self.printer.verdict(false, why);
            self.printer.line("");
        }
        let outcome = Outcome::Broken(why.to_owned());
        self.add(Case::new(self.class.clone(), THE_FILE, outcome), true);
    }
}
