//! `run`: play scenarios and judge them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::input::{plain, variable};
use crate::cli::output::failure;
use crate::cli::output::printer::Printer;
use crate::cli::output::transcript::Transcript;
use crate::cli::report::Report;
use crate::cli::runtime::small_runtime;
use crate::device::{Error, Registered};
use crate::explain::Context;
use crate::net::ProxyVariables;
use crate::scenario::{Actual, Around, Bench, DeviceSpec, LastAnswer, Scenario, Verdict};
use crate::service::WebhookSettings;
use crate::text::{MAX_FILE, read_bytes, read_file};

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
            runtime.block_on(play(&path.display().to_string(), scenario, printer, &mut tally))?;
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
    name: &str,
    scenario: &Scenario,
    printer: &mut Printer,
    tally: &mut Tally,
) -> Result<(), Report> {
    let webhooks =
        WebhookSettings { proxies: ProxyVariables::read(variable), ..Default::default() };
    let bench = Bench::start(scenario, webhooks)
        .await
        .map_err(|error| Report::usage(format!("{name}: {error}")))?;
    printer.hide(&scenario.secrets);
    for device in &scenario.devices {
        let verdict = register(&bench, device, printer).await;
        let line = Line {
            scenario: name.to_owned(),
            registration_id: device.registration_id.as_str(),
            passed: verdict.holds(),
            actual: &verdict.actual,
            differences: &verdict.differences,
        };
        printer.event(&line);
        tally.lines.push(to_raw_value(&line).map_err(Report::internal)?);
        *(if verdict.holds() { &mut tally.passed } else { &mut tally.failed }) += 1;
        if printer.is_text() {
            print_verdict(printer, device, &verdict);
        }
    }
    bench.stop().await;
    Ok(())
}

/// In text, what the device prints; for programs only the verdict counts.
async fn register(bench: &Bench, device: &DeviceSpec, printer: &mut Printer) -> Verdict {
    let (mut last, since) = (LastAnswer::default(), Instant::now());
    if !printer.is_text() {
        let result = bench.register(device, &mut |notice| last.notice(&notice)).await;
        return judge(device, &result, &last, since);
    }
    printer.line(format!("--- {}", device.registration_id));
    let mut transcript = Transcript::new(printer);
    let mut notify = |notice| {
        last.notice(&notice);
        transcript.notice(&notice);
    };
    let result = bench.register(device, &mut notify).await;
    let verdict = judge(device, &result, &last, since);
    match result {
        Ok(registered) => transcript.print(&registered, None),
        Err(error) => {
            transcript.print_failure(&error);
            let context = Context {
                group: None,
                endpoint: bench.endpoint().clone(),
                id_scope: bench.id_scope().clone(),
                registration_id: device.registration_id.clone(),
                proof: None,
                skew: None,
                is_local: true,
                proxy: None,
                ca_file: None,
            };
            let mut report = failure::report(&error, &context);
            if matches!(error, Error::Failed { .. }) {
                report.causes.splice(0..0, bench.reason(&device.registration_id));
            }
            if verdict.holds() {
                // Expected, so nothing is to be tried.
                report.remedies.clear();
            }
            printer.explain(&report);
        }
    }
    verdict
}

fn judge(
    device: &DeviceSpec,
    result: &Result<Registered, Error>,
    last: &LastAnswer,
    since: Instant,
) -> Verdict {
    let mut actual = Actual::of(result);
    actual.took = Some(since.elapsed());
    actual.answer = last.json();
    Verdict::new(&device.expect, actual)
}

fn print_verdict(printer: &mut Printer, device: &DeviceSpec, verdict: &Verdict) {
    let id = &device.registration_id;
    printer.line("");
    let text = if verdict.holds() {
        format!("{id}: {}, as expected", verdict.summary())
    } else {
        format!("{id}: {}", verdict.differences.join("; "))
    };
    printer.verdict(verdict.holds(), &text);
    printer.line("");
}
