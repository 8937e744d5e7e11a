//! A file is played.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::played::{Played, suite};
use super::scenarios::{Away, File};
use super::show::Show;
use crate::cli::input::variable;
use crate::cli::output::logging;
use crate::cli::output::printer::Printer;
use crate::cli::tidy::guarded;
use crate::net::ProxyVariables;
use crate::scenario::{
    LocalPlan, LocalStage, OnAzure, OnThread, Play, Scenario, Skipped, Stage, play as play_steps,
    told_apart,
};
use crate::service::WebhookSettings;
use crate::text::Secrets;
use crate::verdicts::{Case, Outcome};

/// What is said of a case to which it did not come.
const STOPPED: &str = "stopped by Ctrl-C";

/// What the case is called of what could not be removed.
const TIDYING_UP: &str = "tidying up";

/// Whether somebody wants it to end.
pub(super) type Stop = watch::Receiver<bool>;

/// How files are played.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Whether a file is one of several, and so has to be named.
    pub(super) is_one_of_many: bool,
    /// Whether steps are done after one that failed.
    pub(super) keep_going: bool,
}

/// Plays it to its end, or until it is stopped.
pub(super) async fn play(file: &File, how: How, printer: &mut Printer, stop: Stop) -> Played {
    let (began, since) = (file.sources.now(), file.sources.instant());
    logging::keep(&file.sources.clock);
    if how.is_one_of_many && printer.is_text() {
        printer.line(format!("=== {}", file.name()));
        printer.line("");
    }
    let none = Secrets::none();
    let secrets = file.scenario.as_ref().map_or(&none, |scenario| &scenario.secrets);
    printer.hide(secrets);
    let mut show = Show::new(file.name(), file.class(), secrets, printer);
    let played = match (&file.scenario, &file.away) {
        (Ok(scenario), None) => at_home(file, scenario, how, &mut show, stop).await,
        (Ok(scenario), Some(away)) => elsewhere(file, scenario, away, how, &mut show, stop).await,
        (Err(why), _) => Err(why.clone()),
    };
    let fault = played.err();
    if let Some(why) = &fault {
        show.broken(why);
    }
    let Show { cases, devices, kept, .. } = show;
    Played { suite: suite(file, began, file.sources.since(since), cases), devices, fault, kept }
}

/// At a service of its own.
async fn at_home(
    file: &File,
    scenario: &Scenario,
    how: How,
    show: &mut Show<'_>,
    stop: Stop,
) -> Result<(), String> {
    let webhooks =
        WebhookSettings { proxies: ProxyVariables::read(variable), ..Default::default() };
    let log = logging::keep_together();
    let plan =
        LocalPlan { on_thread: OnThread::new(move || log()), ..LocalPlan::of(scenario, webhooks) };
    let stage = LocalStage::start(plan).await;
    let stage = Arc::new(stage.map_err(|error| format!("{}: {error}", file.name()))?);
    if scenario.sources.chance.is_seeded() {
        show.call(&stage.roles());
    }
    on(stage.clone(), file, scenario, how, show, stop).await;
    stage.end().await;
    Ok(())
}

/// At a service that is there already, which is left as it was.
async fn elsewhere(
    file: &File,
    scenario: &Scenario,
    away: &Away,
    how: How,
    show: &mut Show<'_>,
    stop: Stop,
) -> Result<(), String> {
    let Away { against, prefix } = away;
    let host = against.account.client().host();
    show.printer.note(&format!("{}: at {host}, all names begin with {prefix}", file.name()));
    if let Some(text) = told_apart(&scenario.service) {
        show.printer.note(&text);
    }
    let playing = guarded(async {
        let stage = match against.stage(scenario, prefix).await {
            Ok(stage) => Arc::new(stage),
            Err(error) => return Err(against.not_staged(&error)),
        };
        for Skipped { name, why } in stage.skipped() {
            let why = format!("cannot be done here: {why}");
            let outcome = match scenario.on_azure {
                OnAzure::Skip => Outcome::Skipped(why),
                OnAzure::Fail => Outcome::Failed(vec![why]),
            };
            show.add(Case::new(file.class(), name.clone(), outcome), false);
        }
        on(stage, file, scenario, how, show, stop).await;
        Ok(())
    });
    let played = playing.await;
    let tidy = against.tidy_up(show.printer).await;
    if let Err(report) = &tidy {
        show.printer.explain(report);
        let left = Outcome::Failed(vec![report.message.clone()]);
        show.add(Case::new(file.class(), TIDYING_UP, left), false);
    }
    match played {
        Ok(Ok(())) => Ok(()),
        Ok(Err(report)) => {
            show.printer.explain(&report);
            Err(format!("{}: {}", file.name(), report.message))
        }
        Err(panic) => resume_unwind(panic),
    }
}

/// Somewhere.
async fn on<S: Stage>(
    stage: Arc<S>,
    file: &File,
    scenario: &Scenario,
    how: How,
    show: &mut Show<'_>,
    mut stop: Stop,
) {
    let (events, told) = mpsc::unbounded_channel();
    show.listen(stage.reach(), told);
    let play = Play::of(scenario, &file.path);
    let keep_going = play.keep_going || how.keep_going;
    let playing = play_steps(stage, Play { class: file.class(), keep_going, ..play }, events);
    let playing = async {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_stopped| *is_stopped) => true,
            () = playing => false,
        }
    };
    let (is_stopped, ()) = tokio::join!(playing, show.all());
    if is_stopped {
        for (index, step) in scenario.steps.iter().enumerate() {
            if !show.decided.contains(&index) {
                let outcome = Outcome::Skipped(STOPPED.to_owned());
                show.add(Case::new(file.class(), step.name.clone(), outcome), false);
            }
        }
    }
}
