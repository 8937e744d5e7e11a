//! `fleet`: many devices provision themselves, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::pace::PaceArgs;
use super::source::Sources;
use super::who::WhoArgs;
use super::{play, source};
use crate::cli::input::{read, timeout, token_lifetime};
use crate::cli::local::{self, Local};
use crate::cli::output::Printer;
use crate::cli::route::RouteArgs;
use crate::cli::{Exit, Report, instance};
use crate::fleet::report::FailIf;
use crate::fleet::{Blueprint, Identity, PayloadTemplate};
use crate::net::{Endpoint, client_config, with_resumption};
use crate::wire::{ApiVersion, IdScope};

/// What stands behind the flags in the help.
pub(super) const HELP: &str = "\
Devices are named by a pattern or a list; each registers as `register` does. Without --rate, --stage
or --start, the next begins when another has ended, --concurrency at a time. What the service asks
for is kept: each device waits as it is told, and after a 429 on a register no more devices begin
until it is over. Failures of the network are tried again until --timeout. Times count from when a
device was meant to begin. Ctrl-C lets no more devices begin, and the open ones end; a second one
ends at once. Either way everything is written.

A list has a name a line; or is CSV whose header has registrationId and any of payload, deviceKey,
certificate, certificateKey, expectedHub; or has a JSON object with these members a line.
Certificates and their keys are PEM, or files beside the list; a key may stand in its certificate's.

Examples:
  provision-sim fleet --local --count 20000 --concurrency 200
  provision-sim fleet --local --count 5000 --reg-id-pattern 'pump-{n:06}' --rate 100/s --ramp 30s
  provision-sim fleet --local --count 15000 --start boot-storm --report storm.html
  provision-sim fleet --id-scope 0ne00012345 --group-key @group.key --reg-ids devices.csv \\
      --rate 900/m --results results.jsonl --fail-if 'failed>0.1%'
  provision-sim fleet --local --count 100 --test-ca intermediate-cert.pem \\
      --test-ca-key intermediate-key.pem --payload '{\"serial\":\"{reg_id}\"}'
  provision-sim fleet --local --count 100000 --shard 0/4 -o json

Exit codes: 0 all assigned, 2 bad input, 3 no local service, 5 not all assigned; with --fail-if,
5 if one of its conditions holds, else 0";

/// Which devices, how fast, and where the results go.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    who: WhoArgs,
    // Clap takes the shorter form of the number for a line end.
    /// What the devices have to say to a custom allocation webhook: JSON, in which {reg_id} and {n:1}
    /// stand for the device's name and number
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    payload: Option<String>,
    /// ID scope of the DPS instance [env: IOTHUB_DEVICE_DPS_ID_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    id_scope: Option<IdScope>,
    /// The service [env: IOTHUB_DEVICE_DPS_ENDPOINT] [default: global.azure-devices-provisioning.net]
    #[arg(long, value_name = "HOST[:PORT]")]
    host: Option<Endpoint>,
    /// The service that `provision-sim serve` runs on this machine: fills host, port, CA, ID scope and
    /// the key of its group simulated-devices
    #[arg(long)]
    local: bool,
    /// Which shape of replies to ask for
    #[arg(long, default_value_t = ApiVersion::DEFAULT, value_name = "DATE")]
    api_version: ApiVersion,
    /// CA certificates to trust in place of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    /// Each device must end within this, all its tries together
    #[arg(long, default_value = "2m", value_parser = timeout, value_name = "DURATION")]
    timeout: Duration,
    /// How long a SAS token is valid
    #[arg(long, default_value = "1h", value_parser = token_lifetime, value_name = "DURATION")]
    ttl: Duration,
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
    outputs: Outputs,
}

/// Where the results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(super) struct Outputs {
    /// Write a line of JSON for each device as it ends
    #[arg(long, value_name = "FILE")]
    pub(super) results: Option<PathBuf>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// What makes the exit code 5, in place of any device that is not assigned, such as
    /// 'failed>0.1%'; may be given again
    #[arg(long, value_name = "CONDITION")]
    pub(super) fail_if: Vec<FailIf>,
}

impl Run {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.check_stdin()?;
        let local = self.local.then(local::find).transpose()?;
        let devices = self.who.devices()?;
        let identity = self.who.identity(local.as_ref(), &devices)?;
        let (plan, concurrency) = self.pace.plan(devices.count)?;
        let blueprint = self.blueprint(local.as_ref(), identity)?;
        devices.check_payloads(&blueprint)?;
        let outputs = play::Outputs::open(&self.outputs)?;
        let total = devices.count;
        let fleet = crate::fleet::Fleet {
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
        let result = runtime.block_on(play::play(fleet, total, outputs, printer));
        // What was given up must not hold up the end.
        runtime.shutdown_background();
        result
    }

    fn blueprint(&self, local: Option<&Local>, identity: Identity) -> Result<Blueprint, Report> {
        let endpoint = instance::endpoint(self.host.as_ref(), local)?;
        let ports = local.map(Local::ports).transpose()?.unwrap_or_default();
        let tls = client_config(&instance::trust(self.ca_file.as_deref(), local))
            .map_err(|error| Report::usage(format!("--ca-file: {error}")))?;
        let payload = self.payload.as_deref().map(|argument| read("--payload", argument));
        Ok(Blueprint {
            route: self.route.route(&endpoint, ports, self.local)?,
            endpoint,
            ports,
            transport: self.route.transport(),
            sources: source::all(&self.source)?,
            id_scope: instance::id_scope(self.id_scope.as_ref(), local)?,
            api_version: self.api_version.clone(),
            tls: if self.tls_resume { with_resumption(&tls) } else { Arc::clone(&tls) },
            timeout: self.timeout,
            token_lifetime: self.ttl,
            identity,
            payload: payload.transpose()?.as_deref().map(PayloadTemplate::new),
        })
    }

    fn check_stdin(&self) -> Result<(), Report> {
        let from_stdin: Vec<_> = [
            ("--group-key", self.who.group_key.as_deref() == Some("-")),
            ("--reg-ids", self.who.is_from_stdin()),
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
