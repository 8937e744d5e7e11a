//! `fleet`: many devices provision themselves, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Args};

use super::about::run_info;
use super::devices::DevicesArgs;
use super::enroll::EnrollArgs;
use super::pace::PaceArgs;
use super::play::{About, play};
use super::requests::RequestArgs;
use super::results::{Outputs, ResultsArgs};
use super::source::{self, Sources};
use super::tpms::Tpms;
use crate::cli::args::route::RouteArgs;
use crate::cli::args::service::{IdScopeArg, ServiceArgs};
use crate::cli::exit::Exit;
use crate::cli::input::read;
use crate::cli::local::Local;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::device::Transport;
use crate::fleet::{Blueprint, Fleet, Identity, PayloadTemplate, Plan};
use crate::net::with_resumption;
use crate::text::spoken;

/// What stands behind the flags in the help.
pub(super) const HELP: &str = "\
Devices are named by a pattern or a list; each registers as `register` does. Without --rate, --stage
or --start, the next begins when another has ended, --concurrency at a time. What the service asks
for is kept: each device waits as it is told, and after a 429 on a register no more devices begin
until it is over. Failures of the network are tried again until --timeout. Times count from when a
device was meant to begin. Ctrl-C lets no more devices begin, and the open ones end; a second one
ends at once. Either way everything is written.

A list has a name a line; or is CSV whose header has registrationId and any of payload, deviceKey,
certificate, certificateKey, expectedHub, expectedErrorCode; or has a JSON object with these members
a line. Certificates and their keys are PEM, or files beside the list; a key may stand in its
certificate's. A device that fails with its expectedErrorCode has not failed.

Examples:
  provision-sim fleet --local --count 20000 --concurrency 200
  provision-sim fleet --local --count 5000 --reg-id-pattern 'pump-{n:06}' --rate 100/s --ramp 30s
  provision-sim fleet --local --count 15000 --start boot-storm --report storm.html
  provision-sim fleet --id-scope 0ne00012345 --group-key @group.key --reg-ids devices.csv \\
      --rate 900/m --results results.jsonl --fail-if 'failed>0.1%'
  provision-sim fleet --local --count 100 --test-ca intermediate-cert.pem \\
      --test-ca-key intermediate-key.pem --payload '{\"serial\":\"{reg_id}\"}'
  provision-sim fleet --local --count 100 --cert 'certs/{reg_id}.pem' \\
      --cert-key 'certs/{reg_id}.key'
  provision-sim fleet --local --count 100 --tpm-state 'tpms/{reg_id}.pem' --enroll
  provision-sim fleet --local --count 1000 --new-keys --issued-cert 'issued/{reg_id}.pem'
  provision-sim fleet --local --count 100000 --shard 0/4 -o json

Exit codes: 0 all assigned or refused as expected, 2 bad input, 3 no local service, 5 not all
assigned; with --fail-if, 5 if one of its conditions holds, else 0";

/// Which devices, how fast, and where the results go.
#[derive(Debug, Args)]
#[command(mut_args(in_words_of_a_fleet))]
pub(super) struct Run {
    #[command(flatten)]
    devices: DevicesArgs,
    #[command(flatten)]
    enroll: EnrollArgs,
    #[command(flatten)]
    requests: RequestArgs,
    // Clap takes the shorter form of the number for a line end.
    /// What the devices have to say to a custom allocation webhook: JSON, in which {reg_id} and {n:1}
    /// stand for the device's name and number
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    payload: Option<String>,
    #[command(flatten)]
    id_scope: IdScopeArg,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    pace: PaceArgs,
    #[command(flatten)]
    route: RouteArgs,
    /// Addresses of this machine to connect from, in turn: one has some 28,000 ports for a destination;
    /// may be given again
    #[arg(long, value_name = "ADDR[-ADDR]", help_heading = "Network options")]
    source: Vec<Sources>,
    /// Resume TLS sessions; devices that boot have none to resume
    #[arg(long, help_heading = "Network options")]
    tls_resume: bool,
    #[command(flatten)]
    outputs: ResultsArgs,
}

/// What flags that `register` has as well mean where there are many devices.
fn in_words_of_a_fleet(flag: Arg) -> Arg {
    let words = match flag.get_id().as_str() {
        "local" => {
            "The service that `provision-sim serve` runs on this machine: fills host, port, CA, ID \
             scope and the key of the group that lets each device in: of the tutorial's for its \
             devices, else of simulated-devices"
        }
        "timeout" => "Each device must end within this, all its tries together",
        "ttl" => "How long a SAS token is valid",
        _ => return flag,
    };
    flag.help(words)
}

/// How long it takes if the service lets each device wait for `pause`; nothing if nobody would wonder
/// where it is.
fn forecast(count: u64, concurrency: usize, pause: Duration) -> Option<String> {
    const LONG: Duration = Duration::from_secs(10);
    let rounds = count.div_ceil(concurrency.max(1) as u64);
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    let takes = pause.saturating_mul(rounds);
    (takes >= LONG).then(|| {
        let (takes, pause) = (spoken(takes), spoken(pause));
        format!(
            "this takes {takes} at least: the service tells each device to wait {pause}, as Azure does, and {concurrency} are open at a time (`serve --retry-after 0s` lets none wait)"
        )
    })
}

impl Run {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.check_stdin()?;
        let local = self.service.local.find()?;
        let devices = self.devices.devices()?;
        let enroller = self.enroll.enroller(local.as_ref(), &self.service, &self.route)?;
        let identity = self.devices.identity(local.as_ref(), &devices)?;
        let (plan, concurrency) = self.pace.plan(devices.count)?;
        let requests = self.requests.requests(&devices, &self.service)?;
        let blueprint = Blueprint { requests, ..self.blueprint(local.as_ref(), identity)? };
        devices.check_payloads(&blueprint)?;
        let outputs = Outputs::open(&self.outputs)?;
        let tpms = self.devices.tpms(printer.is_quiet())?;
        if let Some(note) = tpms.as_ref().and_then(Tpms::note) {
            printer.note(&note);
        }
        if let (Some(enroller), Some(tpms)) = (enroller, tpms) {
            printer.note(&enroller.enroll(&tpms.all)?);
        }
        let total = devices.count;
        if let (Some(local), Plan::WhenFree, Some(count)) = (&local, &plan, total)
            && let Some(forecast) = forecast(count, concurrency, local.pause())
            && !printer.is_quiet()
        {
            tracing::warn!("{forecast}");
        }
        let about = About { run: run_info(&blueprint), list: self.devices.list() };
        let fleet = Fleet {
            blueprint,
            members: devices.members,
            plan,
            concurrency,
            ramp: self.pace.ramp(),
            duration: self.pace.duration(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // For name lookups, of which a fleet would start hundreds at once.
            .max_blocking_threads(16)
            .enable_all()
            .build()
            .map_err(Report::internal)?;
        let result = runtime.block_on(play(fleet, total, outputs, about, printer));
        // What was given up must not hold up the end.
        runtime.shutdown_background();
        result
    }

    fn blueprint(&self, local: Option<&Local>, identity: Identity) -> Result<Blueprint, Report> {
        let transport = self.transport()?;
        let endpoint = self.service.endpoint(local)?;
        let ports = ServiceArgs::ports(local)?;
        let tls = self.service.tls(local)?;
        let payload = self.payload.as_deref().map(|argument| read("--payload", argument));
        Ok(Blueprint {
            route: self.route.route(&endpoint, transport, ports, self.service.local.is_given())?,
            endpoint,
            ports,
            transport,
            sources: source::all(&self.source)?,
            id_scope: self.id_scope.resolve(local)?,
            api_version: self.service.api_version(),
            tls: if self.tls_resume { with_resumption(&tls) } else { Arc::clone(&tls) },
            timeout: self.service.timeout,
            token_lifetime: self.service.ttl,
            identity,
            payload: payload.transpose()?.map(|text| PayloadTemplate::new(&text)),
            requests: None,
        })
    }

    fn transport(&self) -> Result<Transport, Report> {
        self.route.transport_with(self.devices.tpm_state.as_ref().map(|_| "--tpm-state"))
    }

    fn check_stdin(&self) -> Result<(), Report> {
        let from_stdin: Vec<_> = [
            ("--group-key", self.devices.group_key.as_deref() == Some("-")),
            ("--reg-ids", self.devices.is_from_stdin()),
            ("--connection-string", self.enroll.connection_string.as_deref() == Some("-")),
            ("--payload", self.payload.as_deref() == Some("-")),
        ]
        .into_iter()
        .filter_map(|(flag, is_stdin)| is_stdin.then_some(flag))
        .collect();
        if let [first, second, ..] = from_stdin[..] {
            return Err(Report::usage(format!(
                "{first} and {second} cannot both be read from standard input"
            ))
            .remedy("put one of them into a file"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_says_beforehand_that_it_will_take_long() {
        let said = |count, pause| forecast(count, 200, Duration::from_secs(pause));

        assert!(said(20_000, 3).unwrap().starts_with("this takes 5 min at least"));
        assert_eq!(said(200, 3), None);
        assert_eq!(said(20_000, 0), None);
        assert!(forecast(u64::MAX, 1, Duration::MAX).is_some());
    }
}
