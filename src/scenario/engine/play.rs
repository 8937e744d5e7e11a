//! Plays the steps of a scenario, one after the other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::timeout;

use super::core::Engine;
use super::event::Event;
use super::state::Devices;
use crate::scenario::device::DeviceSpec;
use crate::scenario::file::Scenario;
use crate::scenario::stage::Stage;
use crate::scenario::step::{Condition, OnAzure, Power, Step, Verb};
use crate::sources::{Sources, Turn};
use crate::text::spoken;
use crate::verdicts::{Case, Outcome};

/// What is played.
#[derive(Debug, Clone)]
pub struct Play {
    /// The devices.
    pub devices: Vec<DeviceSpec>,
    /// What is done with them, in order.
    pub steps: Vec<Step>,
    /// The folder of the file, in which its commands run; without one it is that of this process.
    pub folder: Option<PathBuf>,
    /// What its cases belong to.
    pub class: String,
    /// What becomes of steps that cannot be done, unless they say so themselves.
    pub on_azure: OnAzure,
    /// Whether steps are done after one that failed.
    pub keep_going: bool,
    /// What time it is, and what is left to chance.
    pub sources: Sources,
}

impl Play {
    /// All of a scenario that stands in the file of this path. Where the file has no steps, each device
    /// registers, whatever became of those before it.
    pub fn of(scenario: &Scenario, path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let class = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            devices: scenario.devices.clone(),
            steps: scenario.steps.clone(),
            folder: folder.map(Path::to_owned),
            class,
            on_azure: scenario.on_azure,
            keep_going: !scenario.has_steps,
            sources: scenario.sources.clone(),
        }
    }
}

/// Plays it, and tells `events` what happens. Every step has ended when this returns, those in the
/// background too; if it is dropped, they end at once.
pub async fn play<S: Stage>(stage: Arc<S>, play: Play, events: UnboundedSender<Event>) {
    let Play { devices, steps, folder, class, on_azure, keep_going, sources } = play;
    let devices = Devices::new(devices);
    let (begun, turn) = Default::default();
    let engine = Engine { stage, devices, folder, class, events, sources, turn, begun };
    let mut player = Player {
        engine: Arc::new(engine),
        background: Background::default(),
        on_azure,
        keep_going,
        has_failed: false,
    };
    drop(player.engine.hold_clock(player.engine.sources.clock.turn()));
    for (index, step) in steps.into_iter().enumerate() {
        player.step(index, step).await;
    }
    drop(player.engine.hold_clock(None));
    player.background.join_all().await;
    player.engine.sign_out_all().await;
}

struct Player<S> {
    engine: Arc<Engine<S>>,
    background: Background,
    on_azure: OnAzure,
    keep_going: bool,
    has_failed: bool,
}

impl<S: Stage> Player<S> {
    async fn step(&mut self, index: usize, step: Step) {
        let engine = &self.engine;
        let reason = engine.stage.cannot(&step.verb);
        let outcome = match (self.has_failed && !self.keep_going, reason) {
            (true, _) => Some(Outcome::Skipped("a step before it failed".to_owned())),
            (false, Some(reason)) => Some(match step.on_azure.unwrap_or(self.on_azure) {
                OnAzure::Skip => Outcome::Skipped(format!("cannot be done here: {reason}")),
                OnAzure::Fail => Outcome::Failed(vec![format!("cannot be done here: {reason}")]),
            }),
            (false, None) => None,
        };
        if let Some(outcome) = outcome {
            self.has_failed |= outcome.is_bad();
            let case = Case::new(engine.class.clone(), step.name, outcome);
            return engine.tell(Event::Decided { step: index, device: None, case });
        }
        engine.note_begin(&step.name, engine.begin());
        let is_device = match &step.verb {
            Verb::Register(how) => how.devices.is_single(),
            _ => false,
        };
        engine.tell(Event::Began { name: step.name.clone(), is_device });
        if step.background {
            let (engine, name) = (engine.clone(), step.name.clone());
            let turn = engine.sources.clock.turn();
            self.background.spawn(name, turn, async move { run(&engine, index, &step).await });
            // What it does at once is done before the next step, where the order has to be the same.
            self.engine.lull().await;
            return;
        }
        if let Verb::Wait(condition) = &step.verb
            && condition.step.is_some()
        {
            let case = self.join(&step, condition).await;
            self.has_failed |= case.outcome.is_bad();
            return self.engine.tell(Event::Decided { step: index, device: None, case });
        }
        self.has_failed |= run(engine, index, &step).await;
    }

    /// Waits for a step in the background, and for the rest of the condition. Whether that step was good is
    /// told in its own case; here it only counts for whether the next ones are done.
    async fn join(&mut self, step: &Step, condition: &Condition) -> Case {
        let begin = self.engine.begin();
        let name = condition.step.clone().unwrap_or_default();
        let joined = async {
            while self.engine.sources.clock.stands() && self.background.goes_on(&name) {
                self.engine.next_lull().await;
            }
            let is_bad = self.background.join(&name).await;
            self.engine.wait(condition).await;
            is_bad
        };
        let outcome = match timeout(step.within, joined).await {
            Ok(is_bad) => {
                self.has_failed |= is_bad;
                Outcome::Passed
            }
            Err(_) => Outcome::Failed(vec![late(step.within), self.engine.hindrance(condition)]),
        };
        self.engine.case(&step.name, begin, outcome, None, Vec::new(), |_| true)
    }
}

/// Does a step, and tells what came out; whether that is bad.
async fn run<S: Stage>(engine: &Engine<S>, index: usize, step: &Step) -> bool {
    let begin = engine.begin();
    let (mut seen, mut parts) = (None, Vec::new());
    let outcome = match &step.verb {
        Verb::Register(how) => return engine.register(index, step, how).await,
        Verb::Command(command) => {
            let ran = engine.command(command, step.within).await;
            (seen, parts) = (Some(ran.seen), ran.parts);
            Outcome::of_differences(ran.differences)
        }
        verb => match timeout(step.within, simple(engine, verb)).await {
            Ok(differences) => Outcome::of_differences(differences),
            Err(_) => {
                let mut reasons = vec![late(step.within)];
                if let Verb::Wait(condition) = verb {
                    reasons.push(engine.hindrance(condition));
                }
                Outcome::Failed(reasons)
            }
        },
    };
    let case = engine.case(&step.name, begin, outcome, seen, parts, |_| true);
    let is_bad = case.outcome.is_bad();
    engine.tell(Event::Decided { step: index, device: None, case });
    is_bad
}

/// A step that is done by one call; what was not as expected.
async fn simple<S: Stage>(engine: &Engine<S>, verb: &Verb) -> Vec<String> {
    let trouble = |done: Result<(), crate::scenario::stage::StageError>| {
        done.err().map(|error| error.to_string()).into_iter().collect()
    };
    match verb {
        Verb::Connect(devices, expect) => engine.connect(devices, expect.as_ref()).await,
        Verb::Report(devices, properties) => engine.report(devices, properties).await,
        Verb::Twin(step) => engine.twin(step).await,
        Verb::Enrollment(step) => engine.enrollment(step).await,
        Verb::Record(devices, change) => engine.record(devices, change).await,
        Verb::Function(name, script) => trouble(engine.stage.set_function(name, script.clone())),
        Verb::Fault(rules) => match engine.stage.watched() {
            Some(watched) => {
                rules.iter().cloned().for_each(|rule| watched.add_fault(rule));
                Vec::new()
            }
            None => vec!["faults cannot be asked for here".to_owned()],
        },
        Verb::FaultsOff => {
            if let Some(watched) = engine.stage.watched() {
                watched.clear_faults();
            }
            Vec::new()
        }
        Verb::Service(power) => power_of(engine, *power).await,
        Verb::Wait(condition) => {
            engine.wait(condition).await;
            Vec::new()
        }
        Verb::Journal(step) => engine.journal(step),
        Verb::Register(_) | Verb::Command(_) => Vec::new(),
    }
}

async fn power_of<S: Stage>(engine: &Engine<S>, power: Power) -> Vec<String> {
    let done = engine.stage.power(power).await;
    done.err().map(|error| error.to_string()).into_iter().collect()
}

fn late(within: Duration) -> String {
    format!("it was not done within {}", spoken(within))
}

/// The steps that go on while others are done. Dropping it ends them.
#[derive(Default)]
struct Background {
    tasks: JoinSet<bool>,
    names: Vec<(String, AbortHandle)>,
    /// Those that have done all they do, though they may not be joined yet.
    done: Arc<Mutex<Vec<String>>>,
    ended: Vec<(Id, bool)>,
}

impl Background {
    fn spawn(
        &mut self,
        name: String,
        turn: Option<Turn>,
        step: impl Future<Output = bool> + Send + 'static,
    ) {
        let (done, own) = (self.done.clone(), name.clone());
        let task = self.tasks.spawn(async move {
            let is_bad = step.await;
            done.lock().unwrap_or_else(PoisonError::into_inner).push(own);
            // Only now may a clock that stands be moved by others: who waits for this step sees first.
            drop(turn);
            is_bad
        });
        self.names.push((name, task));
    }

    /// Whether the step of this name is there and not done.
    fn goes_on(&self, name: &str) -> bool {
        let is_there = self.names.iter().any(|(it, task)| it == name && !task.is_finished());
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        is_there && !done.iter().any(|it| it == name)
    }

    /// Waits until the step of this name has ended; whether it was bad. May be given up.
    async fn join(&mut self, name: &str) -> bool {
        let Some(id) = self.names.iter().find(|(it, _)| it == name).map(|(_, task)| task.id())
        else {
            return false;
        };
        loop {
            if let Some((_, is_bad)) = self.ended.iter().find(|(ended, _)| *ended == id) {
                return *is_bad;
            }
            match self.tasks.join_next_with_id().await {
                Some(Ok(ended)) => self.ended.push(ended),
                // A panic is a defect, and told as such by the task itself.
                Some(Err(error)) => self.ended.push((error.id(), true)),
                None => return true,
            }
        }
    }

    async fn join_all(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
