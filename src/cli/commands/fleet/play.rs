//! Runs a fleet to its end: takes the results as they come, and writes everything that was asked
//! for, however it ends.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::reporting;
use super::results::{Outputs, Results, unwritable};
use super::show::{Line, ProgressLine};
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::stop::{Asked, StopSignal};
use crate::fleet::report::{self, RunInfo, Tally};
use crate::fleet::{DeviceResult, Ended, Fleet, Outcome, Running};
use crate::text::{Source, spoken};

/// How often the progress is shown and the results are flushed.
const TICK: Duration = Duration::from_millis(200);

/// An event of `-o jsonl`.
#[derive(Serialize)]
struct Event<T> {
    event: &'static str,
    #[serde(flatten)]
    what: T,
}

/// What is known of a run beforehand.
pub(super) struct About {
    /// What was run, and where.
    pub(super) run: RunInfo,
    /// Where the list of devices comes from.
    pub(super) list: Option<Source>,
}

/// What has come of the devices so far.
struct Course<'a> {
    outputs: Outputs,
    printer: &'a mut Printer,
    about: About,
    tally: Tally,
    assigned: u64,
    failed: u64,
    refused: u64,
}

/// Runs `fleet`, of `total` devices, where that is known.
pub(super) async fn play(
    fleet: Fleet,
    total: Option<u64>,
    outputs: Outputs,
    about: About,
    printer: &mut Printer,
) -> Result<Exit, Report> {
    let mut stop = StopSignal::new()?;
    let mut course =
        Course { outputs, printer, about, tally: Tally::new(), assigned: 0, failed: 0, refused: 0 };
    let mut line = ProgressLine::new(total, course.printer.is_quiet());
    let running = fleet.start();
    let ended = follow(running, &mut course, &mut line, &mut stop).await?;
    course.end(ended)
}

/// Takes results until there are no more, or the user has enough.
async fn follow(
    mut running: Running,
    course: &mut Course<'_>,
    line: &mut ProgressLine,
    stop: &mut StopSignal,
) -> Result<Ended, Report> {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            result = running.next() => match result {
                Some(result) => course.take(&result),
                None => break,
            },
            asked = stop.received() => {
                if is_stopping || asked == Asked::Terminate {
                    break;
                }
                is_stopping = true;
                running.stop_launching();
                line.clear();
                tracing::warn!(
                    "no more devices begin; {} are still open (interrupt again to end at once)",
                    running.progress().open
                );
            }
            _ = tick.tick() => {
                let ended = (course.assigned, course.failed, course.refused);
                line.draw(running.progress(), ended);
                course.flush();
            }
        }
    }
    line.clear();
    Ok(running.end().await)
}

impl Course<'_> {
    fn take(&mut self, result: &DeviceResult) {
        match &result.outcome {
            Outcome::Assigned { .. } => self.assigned += 1,
            Outcome::Refused { .. } => self.refused += 1,
            Outcome::Failed { code, message } => {
                self.failed += 1;
                tracing::info!("{}: {code}: {message}", result.registration_id);
            }
        }
        self.tally.record(result);
        if self.outputs.results.is_none() && !self.printer.is_lines() {
            return;
        }
        let line = Line::of(result);
        if let Some(results) = &mut self.outputs.results {
            results.add(&line);
        }
        self.printer.event(&Event { event: "device", what: line });
    }

    fn flush(&mut self) {
        if let Some(results) = &mut self.outputs.results {
            results.flush();
        }
    }

    /// Writes everything, and decides how it ended.
    fn end(mut self, ended: Ended) -> Result<Exit, Report> {
        self.flush();
        let Ended { elapsed, generator, launches } = ended;
        if !launches.held.is_zero() {
            tracing::warn!(
                "the service was busy (429): for {} in all, no devices began",
                spoken(launches.held)
            );
        }
        let runs = vec![self.about.run];
        let report = report::Report { tally: self.tally, elapsed, generator, runs };
        match self.printer.format {
            Output::Text | Output::Json => reporting::print(&report, self.printer),
            Output::Jsonl => {
                self.printer.event(&Event { event: "report", what: report.to_json() });
            }
        }
        if let Some(path) = &self.outputs.report {
            reporting::write_page(path, &report.html())?;
        }
        if let Some(Results { path, fault: Some(error), .. }) = &self.outputs.results {
            return Err(unwritable("--results", path, error));
        }
        if let Some(fault) = launches.fault {
            let list = self.about.list.map(|list| format!("{list}, ")).unwrap_or_default();
            return Err(Report::usage(format!("--reg-ids: {list}{fault}"))
                .remedy("the devices above it were registered"));
        }
        let conditions = &self.outputs.fail_if;
        reporting::judge(&report, conditions)?;
        let is_short = self.failed > 0 || !launches.are_all;
        Ok(if conditions.is_empty() && is_short { Exit::NotAssigned } else { Exit::Done })
    }
}
