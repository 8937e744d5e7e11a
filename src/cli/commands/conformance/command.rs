//! The arguments of `conformance`, and what it does.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::files::Files;
use super::show;
use crate::attestation::TpmPublic;
use crate::cli::args::duration::timeout;
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::small_runtime;
use crate::cli::stop::StopSignal;
use crate::conformance::{self, Case, Test, chosen};
use crate::sources::Clock;
use crate::verdicts::{Case as Verdict, Outcome, Results, Rule, Suite};

/// How long a client may run in one case: longer than the SDKs wait for an answer.
const TIMEOUT: &str = "75s";

/// Put a client of your own to the test: run it once a case against a service that behaves in one
/// certain way, and judge what it does
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Conformance {
    /// Play these cases alone; may be given again, or with commas
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    only: Vec<String>,
    /// List the cases, and run nothing
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    files: Files,
    /// How many clients run at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// How long a client may run in one case
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = timeout)]
    timeout: Duration,
    /// Endorsement key of the client's TPM, Base64; without it, it has a key or a certificate
    #[arg(long, alias = "ek", value_name = "KEY", value_parser = TpmPublic::from_base64)]
    endorsement_key: Option<TpmPublic>,
    /// The client and its arguments, behind `--`
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "list")]
    command: Vec<String>,
}

const HELP: &str = "\
In COMMAND these are replaced, and the client finds them in its environment too:
  {mqtt} {https} {amqp}         DPS_MQTT DPS_HTTPS DPS_AMQP   localhost:PORT
  {host} {mqtt-port} …          DPS_HOST DPS_MQTT_PORT …      the same in parts
  {gateway}                     DPS_GATEWAY            a proxy that leads Azure's names there
  {ca-file}                     DPS_CA_FILE            the CA that it has to trust, PEM
  {id-scope} {registration-id}  DPS_ID_SCOPE DPS_REGISTRATION_ID
  {device-key}                  DPS_DEVICE_KEY         its symmetric key, or:
  {cert} {cert-key}             DPS_CERT DPS_CERT_KEY  its certificate, with its issuer; its key
  {payload}                     DPS_PAYLOAD            what it may send; it must, if named here

A client registers once, and ends: with 0 if it has a hub, else with another code. One that goes on
running is judged as far as it can be. Nothing is asked of a shell: quote the braces where yours
wants it.

Each case is pass, fail, warn (it should do better), or not observed, with the reason. Exits 0 if
none failed, 5 otherwise, 2 if the client cannot be run; 130 after Ctrl-C, with what was judged.

Examples:
  provision-sim conformance -- provision-sim register --host {mqtt} --ca-file {ca-file} \\
      --id-scope {id-scope} --reg-id {registration-id} --device-key {device-key}
  provision-sim conformance --only assigned,certificate-wrong-name --junit dps.xml -- ./my-client
  provision-sim conformance --list";

/// All of it, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    cases: &'a [Verdict],
    passed: usize,
    warned: usize,
    failed: usize,
    skipped: usize,
    not_observed: usize,
    broken: usize,
}

/// A case that could be played.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
    level: &'static str,
    rule: Rule,
}

impl Conformance {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let cases = chosen(&self.only).map_err(|error| {
            Report::usage(format!("{error}; `provision-sim conformance --list` has all of them"))
        })?;
        if self.list {
            list(printer, &cases);
            return Ok(Exit::Done);
        }
        self.files.check()?;
        let runtime = small_runtime()?;
        let played = runtime.block_on(self.play(&cases, printer));
        // Clients that still run end with it.
        drop(runtime);
        played
    }

    async fn play(self, cases: &[&'static Case], printer: &mut Printer) -> Result<Exit, Report> {
        let mut stop = StopSignal::new()?;
        let (began, started) = (Clock::system().now(), Instant::now());
        let test = Test {
            command: self.command.clone(),
            jobs: self.jobs.into(),
            timeout: self.timeout,
            endorsement_key: self.endorsement_key.clone(),
        };
        let mut verdicts: Vec<Verdict> = Vec::new();
        let mut tell = |verdict: &Verdict| {
            if printer.is_text() && (verdict.outcome.is_bad() || !printer.is_quiet()) {
                show::verdict(printer, verdict);
            }
            printer.event(verdict);
            verdicts.push(verdict.clone());
        };
        let was_stopped = tokio::select! {
            played = conformance::play(cases, &test, &mut tell) => {
                played.map_err(|error| Report::usage(error.to_string()))?;
                false
            }
            _ = stop.received() => true,
        };
        let missing = cases.iter().skip(verdicts.len());
        verdicts.extend(missing.map(|case| {
            Verdict::new(
                "conformance",
                case.id(),
                Outcome::Skipped("stopped before its end".to_owned()),
            )
        }));
        let suite = Suite {
            name: "conformance".to_owned(),
            file: None,
            began,
            took: started.elapsed(),
            properties: self.properties(),
            cases: verdicts,
        };
        let results = Results {
            name: "provision-sim conformance".to_owned(),
            began,
            took: started.elapsed(),
            suites: vec![suite],
        };
        self.files.write(&results)?;
        Ok(end(printer, &results, was_stopped))
    }

    /// The program alone: its arguments may hold secrets.
    fn properties(&self) -> Vec<(String, String)> {
        let client = self.command.first().cloned().unwrap_or_default();
        vec![("client".to_owned(), client), ("jobs".to_owned(), self.jobs.to_string())]
    }
}

fn end(printer: &mut Printer, results: &Results, was_stopped: bool) -> Exit {
    let totals = results.totals();
    match printer.format {
        Output::Text => printer.line(format!("{totals}, in {:.1} s", results.took.as_secs_f64())),
        Output::Json => printer.json(&Told {
            cases: results.suites.first().map(|suite| &suite.cases[..]).unwrap_or_default(),
            passed: totals.passed,
            warned: totals.warned,
            failed: totals.failed,
            skipped: totals.skipped,
            not_observed: totals.not_observed,
            broken: totals.broken,
        }),
        Output::Jsonl => {}
    }
    match totals.are_good() {
        _ if was_stopped => Exit::Interrupted,
        true => Exit::Done,
        false => Exit::NotAssigned,
    }
}

fn list(printer: &mut Printer, cases: &[&'static Case]) {
    let listed = |case: &&'static Case| {
        let (id, text, source) = case.rule();
        Listed {
            name: case.id(),
            title: case.title(),
            level: case.level().as_str(),
            rule: Rule {
                id: id.to_owned(),
                text: text.to_owned(),
                source: source.map(str::to_owned),
            },
        }
    };
    match printer.format {
        Output::Text => {
            for case in cases {
                let (id, level, title) = (case.id(), case.level().as_str(), case.title());
                printer.line(format!("{id:<24} {level:<6}  {title}"));
            }
        }
        Output::Json => printer.json(&cases.iter().map(listed).collect::<Vec<_>>()),
        Output::Jsonl => cases.iter().map(listed).for_each(|case| printer.json(&case)),
    }
}
