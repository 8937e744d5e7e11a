//! `diagnose`: what keeps a device from registering.

use clap::Args;

use crate::cli::args::device::DeviceArgs;
use crate::cli::args::payload::PayloadArgs;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::diagnose::{Outcome, Subject, diagnose};

/// Find out, step by step, what keeps a device from registering
#[derive(Debug, Args)]
#[command(
    about = "Find out, step by step, what keeps a device from registering",
    after_help = "\
Checks the input, the name, TCP and TLS on the ports of MQTT (8883) and HTTPS (443), and of AMQP
(5671) for amqp and auto, the clock and CONNECT, and at last registers the device for real. Each
check is a line: ok, warn, fail or skip, what was found, and what to do about it. --timeout bounds
the registration; no connection takes longer than 10 s. What the chosen --transport does not need is
a warning only; with --proxy or --connect-to, it is the proxy or the other address whose name and
TCP are checked.

Examples:
  provision-sim diagnose --id-scope 0ne00012345 --reg-id my-device --group-key @group.key
  provision-sim diagnose --local --reg-id contoso-toaster-007 --no-register
  provision-sim diagnose --host localhost:8883 --https-port 8443 --ca-file ca.pem \\
      --id-scope 0ne00002193 --reg-id my-device --device-key @device.key -o jsonl
  provision-sim diagnose --id-scope 0ne00012345 --cert my-device-chain.pem \\
      --cert-key my-device-key.pem --transport auto --proxy http://proxy.example.net:3128

Exit codes: 0 nothing failed; else that of the first failure: 3 network or TLS, 4 identity,
5 not assigned, 6 no answer in time; 2 bad input"
)]
pub(crate) struct Diagnose {
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Port of HTTPS, and of MQTT and AMQP over WebSocket, if --host has another or none [default: 443, or that of the local service]
    #[arg(long, value_name = "PORT")]
    https_port: Option<u16>,
    /// Port of AMQP, if --host has another or none [default: 5671, or that of the local service]
    #[arg(long, value_name = "PORT")]
    amqp_port: Option<u16>,
    /// Stop before the registration; keys are judged only by registering
    #[arg(long)]
    no_register: bool,
}

impl Diagnose {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.device.check_given(&[self.payload.given()])?;
        let local = self.device.service.local.find()?;
        let (mut settings, context) =
            self.device.resolve(local.as_ref(), self.payload.resolve()?)?;
        self.device.note_assumed(&context, printer);
        settings.ports.https = self.https_port.unwrap_or(settings.ports.https);
        settings.ports.amqp = self.amqp_port.unwrap_or(settings.ports.amqp);
        let subject = Subject { settings, context, may_register: !self.no_register };
        let outcomes = run_to_end(diagnose(subject, |outcome| tell(outcome, printer)))?;
        if !printer.is_text() && !printer.is_lines() {
            printer.json(&outcomes);
        }
        let first_failure = outcomes.iter().find_map(|outcome| outcome.finding.class);
        Ok(first_failure.map_or(Exit::Done, Exit::from))
    }
}

fn tell(outcome: &Outcome, printer: &mut Printer) {
    if printer.is_text() {
        let (status, finding) = (outcome.finding.status, &outcome.finding.finding);
        printer.finding(status, outcome.check, finding, outcome.finding.advice.as_deref());
    } else {
        printer.event(outcome);
    }
}
