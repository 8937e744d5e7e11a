//! `run`: play scenarios and judge them.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc;

use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::input::{plain, variable};
use crate::cli::output::failure;
use crate::cli::output::printer::Printer;
use crate::cli::output::transcript::Transcript;
use crate::cli::report::Report;
use crate::cli::runtime::small_runtime;
use crate::device::Error;
use crate::explain::Context;
use crate::net::ProxyVariables;
use crate::scenario::{
    Actual, Around, Ended, Event, LocalPlan, LocalStage, Play, Reach, Scenario, Stage, Verdict,
    play as play_steps,
};
use crate::service::WebhookSettings;
use crate::text::{MAX_FILE, read_bytes, read_file};
use crate::verdicts::Case;

/// Run scenarios: serve what a file describes, register its devices, check what comes out
#[derive(Debug, Args)]
#[command(after_help = "\
All real: TLS, MQTT and HTTP on free loopback ports. Exits 0 only if everything is as expected, 5 if
not.

Example:
  provision-sim run fixtures/contoso/scenario.toml")]
pub(crate) struct Run {
    /// Scenario files (TOML)
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// A variable of the files, `${NAME}`; goes before the environment. May be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable_of)]
    variables: Vec<(String, String)>,
}

fn variable_of(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// A device's verdict, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    scenario: String,
    registration_id: &'a str,
    passed: bool,
    actual: &'a Actual,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    differences: &'a [String],
}

/// The end of `-o json`.
#[derive(Serialize)]
struct Total {
    devices: Vec<Box<RawValue>>,
    passed: usize,
    failed: usize,
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    lines: Vec<Box<RawValue>>,
}

impl Run {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        // All are read before any is played: a mistake in the last should not cost the time of the
        // first.
        let named = self.variables.into_iter().collect();
        let scenarios =
            self.scenarios.iter().map(|path| read(path, &named)).collect::<Result<Vec<_>, _>>()?;
        let runtime = small_runtime()?;
        let mut tally = Tally::default();
        for (path, scenario) in self.scenarios.iter().zip(&scenarios) {
            runtime.block_on(play(path, scenario, printer, &mut tally))?;
        }
        runtime.shutdown_background();
        let Tally { passed, failed, lines } = tally;
        match printer.format {
            Output::Text => printer.line(format!("{passed} passed, {failed} failed")),
            Output::Json => {
                printer.json(&Total { devices: lines, passed, failed });
            }
            Output::Jsonl => {}
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::NotAssigned })
    }
}

fn read(path: &Path, named: &BTreeMap<String, String>) -> Result<Scenario, Report> {
    let shown = path.display();
    let text = read_file(path, MAX_FILE)
        .map_err(|error| Report::usage(format!("cannot read {shown}: {}", plain(&error))))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let around = Around {
        named,
        environment: &variable,
        read_file: &|name| read_bytes(&folder.join(name), MAX_FILE),
        prefix: "",
    };
    Scenario::read(&text, &around).map_err(|error| Report::usage(format!("{shown}, {error}")))
}

async fn play(
    path: &Path,
    scenario: &Scenario,
    printer: &mut Printer,
    tally: &mut Tally,
) -> Result<(), Report> {
    let name = path.display().to_string();
    let webhooks =
        WebhookSettings { proxies: ProxyVariables::read(variable), ..Default::default() };
    let stage = LocalStage::start(LocalPlan::of(scenario, webhooks)).await;
    let stage = Arc::new(stage.map_err(|error| Report::usage(format!("{name}: {error}")))?);
    printer.hide(&scenario.secrets);
    let (events, told) = mpsc::unbounded_channel();
    let playing = play_steps(stage.clone(), Play::of(scenario, path), events);
    let mut show =
        Show { name, reach: stage.reach(), told, later: VecDeque::new(), printer, tally };
    let ((), shown) = tokio::join!(playing, show.all());
    stage.end().await;
    shown
}

/// Prints what happens.
struct Show<'a> {
    name: String,
    reach: Reach,
    told: mpsc::UnboundedReceiver<Event>,
    /// What happened elsewhere while a device was shown.
    later: VecDeque<Event>,
    printer: &'a mut Printer,
    tally: &'a mut Tally,
}

impl Show<'_> {
    async fn all(&mut self) -> Result<(), Report> {
        while let Some(event) = self.next().await {
            match event {
                Event::Began { name, is_device, .. } => {
                    if self.printer.is_text() && !is_device {
                        self.printer.line(format!("=== {name}"));
                    }
                }
                Event::Registering { step, device } => self.device(step, &device).await?,
                Event::Decided { device, case, .. } => self.decided(&case, device.is_some()),
                Event::Notice { .. } | Event::Registered(_) | Event::AtHub { .. } => {}
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Event> {
        match self.later.pop_front() {
            Some(event) => Some(event),
            None => self.told.recv().await,
        }
    }

    /// A device registers. What other steps do meanwhile is shown afterwards.
    async fn device(&mut self, step: usize, device: &str) -> Result<(), Report> {
        let is_text = self.printer.is_text();
        if is_text {
            self.printer.line(format!("--- {device}"));
        }
        let mut waiting = std::mem::take(&mut self.later);
        let mut transcript = is_text.then(|| Transcript::new(self.printer));
        let ended = loop {
            let event = match waiting.pop_front() {
                Some(event) => Some(event),
                None => self.told.recv().await,
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
                None => return Ok(()),
            }
        };
        self.later.append(&mut waiting);
        if let Some(transcript) = transcript {
            transcript_end(transcript, &ended);
        }
        if is_text {
            self.show_end(&ended);
        }
        let Verdict { actual, differences } = &ended.verdict;
        let line = Line {
            scenario: self.name.clone(),
            registration_id: &ended.device,
            passed: ended.verdict.holds(),
            actual,
            differences,
        };
        self.printer.event(&line);
        self.tally.lines.push(to_raw_value(&line).map_err(Report::internal)?);
        Ok(())
    }

    fn show_end(&mut self, ended: &Ended) {
        if let Err(error) = &ended.result {
            let context = Context {
                group: None,
                endpoint: self.reach.mqtt(),
                id_scope: self.reach.id_scope.clone(),
                registration_id: ended.registration_id.clone(),
                proof: None,
                skew: None,
                is_local: true,
                proxy: None,
                ca_file: None,
            };
            let mut report = failure::report(error, &context);
            if matches!(error, Error::Failed { .. }) {
                report.causes.splice(0..0, ended.reason.clone());
            }
            if ended.verdict.holds() {
                // Expected, so nothing is to be tried.
                report.remedies.clear();
            }
            self.printer.explain(&report);
        }
        let id = &ended.device;
        self.printer.line("");
        let text = if ended.verdict.holds() {
            format!("{id}: {}, as expected", ended.verdict.summary())
        } else {
            format!("{id}: {}", ended.verdict.differences.join("; "))
        };
        self.printer.verdict(ended.verdict.holds(), &text);
        self.printer.line("");
    }

    /// A case has been decided; that of a device has been shown.
    fn decided(&mut self, case: &Case, is_shown: bool) {
        *(if case.outcome.is_bad() { &mut self.tally.failed } else { &mut self.tally.passed }) += 1;
        if self.printer.is_text() && !is_shown {
            let word = case.outcome.word();
            let reason = case.outcome.reason();
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            self.printer.verdict(!case.outcome.is_bad(), &format!("{}: {word}{why}", case.name));
            self.printer.line("");
        }
    }
}

fn transcript_end(transcript: Transcript<'_>, ended: &Ended) {
    match &ended.result {
        Ok(registered) => transcript.print(registered, None),
        Err(error) => transcript.print_failure(error),
    }
}
