//! The command line of `run`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use serde_json::json;

use super::file::How;
use super::jobs::{Finished, play_all};
use super::lines::Total;
use super::played::Played;
use super::results::ResultsArgs;
use super::scenarios::{Away, File};
use crate::cli::args::against::{Against, AgainstArgs};
use crate::cli::args::sameness::Sameness;
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::scenario::against::Prefix;
use crate::text::{Glob, nearest};
use crate::verdicts::Results;

/// Run scenarios: serve what a file describes, register its devices, check what comes out
#[derive(Debug, Args)]
#[command(after_help = "\
All real: TLS, MQTT and HTTP on free loopback ports. Exits 0 only if everything is as expected, 5 if
not, 2 if a file cannot be read; the others are played all the same. With -q only what failed is
printed, and the last line. Ctrl-C: what is open ends, the rest is skipped, everything is written,
and the exit code is 130.

Examples:
  provision-sim run fixtures/contoso/scenario.toml
  provision-sim run scenarios/*.toml -q --jobs 4 --junit results.xml --artifacts failed
  provision-sim run scenarios/*.toml --filter 'pump-*' --report results.html
  provision-sim run scenarios/*.toml --against azure --connection-string @dps.txt \\
      --id-scope 0ne00012345")]
pub(crate) struct Run {
    /// Scenario files (TOML)
    #[arg(required_unless_present = "clean", value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Play only the devices whose names fit, and all of a file whose path, title or one of its steps fits;
    /// * and ? stand for others
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    filter: Option<Glob>,
    /// Play so many files at once; each is shown whole, in the order given
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = jobs)]
    jobs: usize,
    /// Do the steps of a file even after one that failed; devices without steps all register anyway
    #[arg(long)]
    keep_going: bool,
    /// Print the names of what would be played, and play nothing
    #[arg(long)]
    list: bool,
    /// A variable of the files, `${NAME}`; goes before the environment. May be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable_of)]
    variables: Vec<(String, String)>,
    #[command(flatten)]
    sameness: Sameness,
    #[command(flatten)]
    results: ResultsArgs,
    #[command(flatten)]
    against: AgainstArgs,
}

fn variable_of(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn glob(text: &str) -> Result<Glob, String> {
    Glob::new(text).ok_or_else(|| "it is empty, and means nothing".to_owned())
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=256) => Ok(jobs),
        _ => Err("expected a number from 1 to 256".to_owned()),
    }
}

impl Run {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let against = self.against.open()?;
        if let (Some(prefix), Some(against)) = (self.against.clean(), &against) {
            return run_to_end(against.clean(prefix, printer))?;
        }
        let files = self.files(against.as_ref())?;
        for scenario in files.iter().filter_map(|file| file.scenario.as_ref().ok()) {
            printer.hide(&scenario.secrets);
        }
        if self.list {
            return list(&files, printer);
        }
        self.results.check()?;
        let whole = self.sameness.of_a_scenario(against.is_some());
        let (began, since) = (whole.now(), whole.instant());
        if files.iter().all(|file| file.scenario.is_err()) {
            return self.nothing_to_play(&files, began, printer);
        }
        let how = How { is_one_of_many: files.len() > 1, keep_going: self.keep_going };
        let Finished { played, is_stopped } = play_all(files, self.jobs, how, printer)?;
        // Files have their own clocks, where these stand.
        let took = match whole.clock.stands() {
            true => played.iter().map(|file| file.suite.took).sum(),
            false => whole.since(since),
        };
        let suites = played.iter().map(|file| file.suite.clone()).collect();
        let results = Results { name: "Scenarios".to_owned(), began, took, suites };
        let totals = results.totals();
        match printer.format {
            Output::Text => printer.line(totals.to_string()),
            Output::Json => printer.json(&Total::of(&played, totals, took)),
            Output::Jsonl => {}
        }
        self.results.write(&results)?;
        Ok(match () {
            () if is_stopped => Exit::Interrupted,
            () if totals.failed > 0 => Exit::NotAssigned,
            () if totals.broken > 0 => Exit::Usage,
            () => Exit::Done,
        })
    }

    /// All are read before any is played: a mistake in the last should be known before the first has
    /// taken its time.
    fn files(&self, against: Option<&Against>) -> Result<Vec<File>, Report> {
        let named = self.variables.iter().cloned().collect();
        let read = |path: &PathBuf| {
            // Each its own, so that it does not matter which others are played, and when.
            let sources = self.sameness.of_a_scenario(against.is_some());
            let prefix = || Prefix::new(&sources.chance, &path.display().to_string());
            let away = against.map(|against| Away { against: against.anew(), prefix: prefix() });
            File::read(path, &named, away, sources)
        };
        let mut files: Vec<_> = self.scenarios.iter().map(read).collect();
        self.check_variables(&files)?;
        if let Some(filter) = &self.filter {
            files.iter_mut().for_each(|file| file.keep(filter));
            files.retain(|file| !file.is_empty());
            if files.is_empty() {
                return Err(Report::usage(format!("--filter: nothing is called {filter}"))
                    .remedy("--list without --filter prints all names"));
            }
        }
        Ok(files)
    }

    /// A variable that no file has is a slip of the pen; of a file that cannot be read nobody knows.
    fn check_variables(&self, files: &[File]) -> Result<(), Report> {
        let scenarios = files.iter().map(|file| file.scenario.as_ref().ok());
        let Some(scenarios) = scenarios.collect::<Option<Vec<_>>>() else { return Ok(()) };
        let known = || scenarios.iter().flat_map(|scenario| &scenario.variables);
        match self.variables.iter().find(|(name, _)| !known().any(|known| known == name)) {
            None => Ok(()),
            Some((name, _)) => {
                let report = Report::usage(format!("--var: no file has a variable {name}"));
                Err(match nearest(name, known().map(String::as_str)) {
                    Some(near) => report.remedy(format!("did you mean --var {near}=…?")),
                    None => report,
                })
            }
        }
    }

    /// No file can be read: that is a mistake in the command, and told as one.
    fn nothing_to_play(
        &self,
        files: &[File],
        began: SystemTime,
        printer: &mut Printer,
    ) -> Result<Exit, Report> {
        let played: Vec<_> = files.iter().map(Played::unread).collect();
        let suites = played.iter().map(|file| file.suite.clone()).collect();
        let name = "Scenarios".to_owned();
        self.results.write(&Results { name, began, took: Default::default(), suites })?;
        let mut faults = played.iter().filter_map(|file| file.fault.as_deref()).map(Report::usage);
        let first = faults.next().unwrap_or_else(|| Report::internal("no file"));
        if printer.is_text() {
            let rest: Vec<_> = faults.collect();
            let Some((last, others)) = rest.split_last() else { return Err(first) };
            printer.explain(&first);
            others.iter().for_each(|fault| printer.explain(fault));
            return Err(last.clone());
        }
        Err(first)
    }
}

fn list(files: &[File], printer: &mut Printer) -> Result<Exit, Report> {
    if let Some(why) = files.iter().find_map(|file| file.scenario.as_ref().err()) {
        return Err(Report::usage(why));
    }
    let mut all = Vec::new();
    for file in files {
        let names = file.names();
        if printer.is_text() {
            names.iter().for_each(|name| printer.line(format!("{}: {name}", file.name())));
        }
        let entry = json!({ "file": file.name(), "cases": names });
        printer.event(&entry);
        all.push(entry);
    }
    if printer.format == Output::Json {
        printer.json(&all);
    }
    Ok(Exit::Done)
}
