//! `register`: one device provisions itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::Resettable;
use serde::Serialize;

use super::cache::Cache;
use super::device_args::{DeviceArgs, PayloadArgs};
use super::explain::{self, Context};
use super::hub::HubArgs;
use super::narration::Narrator;
use super::output::Printer;
use super::progress::Progress;
use super::provision::Job;
use super::timings::{Ended, Stopwatch, Timings, milliseconds, with_timings};
use super::{Exit, Output, Report, local, small_runtime};
use crate::device::{Error, Notice, Registered};

/// Register a device with the Device Provisioning Service
#[derive(Debug, Args)]
#[command(after_help = "\
Connects, registers, polls until there is a result, and prints the transitions and the assigned hub
as the Azure IoT C SDK's prov_dev_client_sample does. A flag beats its variable. The proxy's are
read as curl reads them, and never count for a service on this machine. Keys and payloads are given
as VALUE, @FILE, or - for standard input; durations as 30s, 2m or 1h 30m.

With --connect it then signs in to the hub with the same credential, reports, sends, and prints the
twin. With --cache it goes to the hub of the last time at once, and registers only where it has to;
without --connect it always registers, and --cache only keeps the result.

If time is up while the service is still at it, the command is printed that asks for the result.

With -o json the result is the service's own object and `timings` in milliseconds, with -o jsonl an
event a line as it happens, with -v the timings are one line on standard error.

Examples:
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --group-key @group.key
  provision-sim register --local --reg-id contoso-toaster-007 \\
      --payload '{\"MyDeviceFirmwareVersion\":\"12.0.2.5\"}'
  provision-sim register --local --reg-id contoso-toaster-007 --explain
  provision-sim register --local --reg-id contoso-toaster-007 --connect \\
      --report '{\"fw\":\"1.0\"}' --telemetry 3 --cache toaster.json
  provision-sim register --id-scope 0ne00012345 --cert my-device-chain.pem \\
      --cert-key my-device-key.pem
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --device-key @device.key \\
      --transport auto --proxy http://proxy.example.net:3128
  provision-sim register --id-scope 0ne00002193 --reg-id my-device --device-key @device.key \\
      --connect-to global.azure-devices-provisioning.net:8883:127.0.0.1:18883 --ca-file ca.pem

Exit codes: 0 assigned, 2 bad input, 3 network or TLS, 4 identity refused, 5 not assigned,
6 deadline passed; with --connect the hub's count too")]
pub(super) struct Register {
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Keep the assigned hub here. With --connect the device tries that hub first, and provisions
    /// itself again only if the hub refuses it or is gone
    #[arg(long, value_name = "FILE", help_heading = Resettable::Reset)]
    cache: Option<PathBuf>,
    /// Tell each step as it happens, on standard error, in words that teach the protocol; keys and
    /// signatures are never shown
    #[arg(long, help_heading = Resettable::Reset)]
    explain: bool,
    #[command(flatten)]
    hub: HubArgs,
}

impl Register {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let report = ("--report", self.hub.report.as_deref());
        self.device.check_given(&[self.payload.given(), report])?;
        let local = self.device.local.then(local::find).transpose()?;
        let (settings, context) = self.device.resolve(local.as_ref(), self.payload.resolve()?)?;
        let errand = self.hub.errand()?;
        let job = Job {
            device: &self.device,
            local,
            cache: self.cache.as_deref().map(Cache::new),
            progress: Progress::new(printer),
            narrator: self.explain.then(|| Narrator::new(&settings)),
            settings,
            context,
        };
        let runtime = small_runtime()?;
        let result = runtime.block_on(job.run(errand.as_ref(), printer));
        // A name lookup that hangs cannot be called off; it must not hold up the end.
        runtime.shutdown_background();
        result
    }
}

/// Prints a registration as the C SDK's sample does, line for line.
pub(super) struct Transcript<'a> {
    printer: &'a mut Printer,
    /// Whether the network has let something through only at a later try.
    is_detour: bool,
    since: Instant,
    stopwatch: Stopwatch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
enum Event<'a> {
    Connected,
    Phase {
        phase: &'static str,
        ms: f64,
    },
    #[serde(rename_all = "camelCase")]
    Assigning {
        operation_id: &'a str,
        wait_ms: u128,
    },
    #[serde(rename_all = "camelCase")]
    Transport {
        transport: &'static str,
        works: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    #[serde(rename_all = "camelCase")]
    Assigned {
        assigned_hub: &'a str,
        device_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Waiting {
        reason: String,
        wait_ms: u128,
    },
}

impl<'a> Transcript<'a> {
    /// Begins with the sample's header.
    pub(super) fn new(printer: &'a mut Printer) -> Self {
        if printer.is_text() {
            printer.line(concat!("Provisioning API Version: ", env!("CARGO_PKG_VERSION")));
            printer.line("");
            printer.line("Registering Device");
            printer.line("");
        }
        let (since, stopwatch) = (Instant::now(), Stopwatch::default());
        Self { printer, is_detour: false, since, stopwatch }
    }

    /// One line per transition; what the sample does not show is logged.
    pub(super) fn notice(&mut self, notice: &Notice) {
        if let Some(ended) = self.stopwatch.notice(self.since.elapsed(), notice) {
            self.phase(ended);
        }
        match notice {
            Notice::Reached { .. }
            | Notice::Secured(_)
            | Notice::Signed(_)
            | Notice::Sent(_)
            | Notice::Received(_) => {}
            Notice::Blocked { transport, why } => {
                self.is_detour = true;
                tracing::warn!("{transport} does not get through: {why}");
                let (transport, reason) = (transport.name(), Some(why.as_str()));
                self.printer.event(&Event::Transport { transport, works: false, reason });
            }
            Notice::Through { transport } => {
                let text = format!("the network lets {transport} through: --transport {transport}");
                // Who saw the warnings wants to know how they ended.
                if self.is_detour {
                    tracing::warn!("{text}")
                } else {
                    tracing::info!("{text}")
                }
                let transport = transport.name();
                self.printer.event(&Event::Transport { transport, works: true, reason: None });
            }
            Notice::Connected => self.status("CONNECTED", &Event::Connected),
            Notice::Assigning { operation_id, wait } => {
                let operation_id = operation_id.as_str();
                self.status(
                    "ASSIGNING",
                    &Event::Assigning { operation_id, wait_ms: wait.as_millis() },
                );
            }
            Notice::Busy { rejection, wait } => {
                self.waiting(format!("the service is busy: {rejection}"), *wait)
            }
            Notice::Unavailable { wait } => {
                self.waiting(
                    "CONNACK 3: the service is unavailable, or does not know the ID scope"
                        .to_owned(),
                    *wait,
                );
            }
            Notice::Lost { why, wait } => self.waiting(why.clone(), *wait),
            Notice::Forgotten => {
                tracing::warn!("the service forgot the operation (404203); registering anew")
            }
            Notice::ForeignAnswer { rid } => {
                tracing::warn!("an answer came with the $rid {rid:?}, which is not waited for")
            }
        }
    }

    fn phase(&mut self, (phase, took): Ended) {
        tracing::debug!("{phase} took {took:?}");
        self.printer.event(&Event::Phase { phase, ms: milliseconds(took) });
    }

    fn status(&mut self, word: &str, event: &Event<'_>) {
        if self.printer.is_text() {
            self.printer.line(format!("Provisioning Status: PROV_DEVICE_REG_STATUS_{word}"));
        }
        self.printer.event(event);
    }

    fn waiting(&mut self, reason: String, wait: Duration) {
        tracing::warn!("{reason}; trying again in {}", humantime::format_duration(wait));
        self.printer.event(&Event::Waiting { reason, wait_ms: wait.as_millis() });
    }

    /// Prints the result, and explains a failure.
    pub(super) fn end(
        mut self,
        result: Result<Registered, Error>,
        context: &Context,
    ) -> Result<(Registered, Timings), Report> {
        let timings = self.stop(result.is_ok());
        match result {
            Ok(registered) => {
                self.print(&registered);
                Ok((registered, timings))
            }
            Err(error) => {
                self.print_failure(&error);
                let mut report = explain::report(&error, context);
                report.timings = Some(Box::new(timings));
                Err(report)
            }
        }
    }

    /// The device has a hub and goes on to it: what programs read comes at the end, so that now they
    /// are only told of it.
    pub(super) fn go_on(mut self, registered: &Registered) -> Timings {
        let timings = self.stop(true);
        let Registered { assigned_hub, device_id, .. } = registered;
        if self.printer.is_text() {
            self.print(registered);
        } else {
            self.printer.event(&Event::Assigned { assigned_hub, device_id });
        }
        timings
    }

    /// The registration is over.
    fn stop(&mut self, is_assigned: bool) -> Timings {
        for ended in self.stopwatch.stop(self.since.elapsed(), is_assigned) {
            self.phase(ended);
        }
        let timings = self.stopwatch.timings().clone();
        tracing::info!("timings: {}", timings.line());
        timings
    }

    /// The sample's last lines on success.
    pub(super) fn print(self, registered: &Registered) {
        match self.printer.format {
            Output::Text => {}
            Output::Json => {
                let object = with_timings(&registered.body, self.stopwatch.timings());
                return self.printer.line(object);
            }
            Output::Jsonl => return self.printer.line(&registered.body),
        }
        let Registered { assigned_hub, device_id, payload, .. } = registered;
        self.printer.line("");
        self.printer.line(format!(
            "Registration Information received from service: {assigned_hub}, deviceId: {device_id}"
        ));
        if let Some(payload) = payload {
            self.printer.line(format!("Payload received from service: {}", payload.as_json()));
        }
    }

    /// The sample's last lines on failure.
    pub(super) fn print_failure(self, error: &Error) {
        if self.printer.is_text() {
            self.printer.line("");
            self.printer.line(format!("Failure registering device: {}", error.c_sdk_result()));
        }
    }
}
