//! `register`: one device provisions itself.

use std::path::PathBuf;

use clap::Args;
use clap::builder::Resettable;

use super::cache::Cache;
use super::hub::HubArgs;
use super::job::Job;
use crate::cli::args::device::DeviceArgs;
use crate::cli::args::payload::PayloadArgs;
use crate::cli::args::request::CertificateRequestArgs;
use crate::cli::exit::Exit;
use crate::cli::output::narration::Narrator;
use crate::cli::output::printer::Printer;
use crate::cli::output::progress::Progress;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;

/// Register a device with the Device Provisioning Service
#[derive(Debug, Args)]
#[command(after_help = "\
Connects, registers, polls until there is a result, and prints the transitions and the assigned hub
as the Azure IoT C SDK's prov_dev_client_sample does. A flag beats its variable. The proxy's are
read as curl reads them, and never count for a service on this machine. Keys and payloads are given
as VALUE, @FILE, or - for standard input; durations as 30s, 2m or 1h 30m.

With --new-key or --csr it asks for a certificate along with its registration, and keeps what it is
issued as --issued-cert.

With --connect it then signs in to the hub with the same credential, or with the certificate that it
was issued, reports, sends, and prints the twin. With --cache it goes to the hub of the last time at
once, and registers only where it has to; without --connect it always registers, and --cache only
keeps the result.

If time is up while the service is still at it, the command is printed that asks for the result.

With -o json the result is the service's own object and `timings` in milliseconds, with -o jsonl an
event a line as it happens, with -v the timings are one line on standard error.

Examples:
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --group-key @group.key
  provision-sim register --local --reg-id contoso-toaster-007 \\
      --payload '{\"MyDeviceFirmwareVersion\":\"12.0.2.5\"}'
  provision-sim register --local --reg-id contoso-toaster-007 --explain
  provision-sim register --local --reg-id contoso-toaster-007 --connect \\
      --reported '{\"fw\":\"1.0\"}' --telemetry 3 --cache toaster.json
  provision-sim register --local --reg-id my-device --new-key my-device.key --connect
  provision-sim register --id-scope 0ne00012345 --cert my-device-chain.pem \\
      --cert-key my-device-key.pem
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --device-key @device.key \\
      --transport auto --proxy http://proxy.example.net:3128
  provision-sim register --id-scope 0ne00002193 --reg-id my-device --device-key @device.key \\
      --connect-to global.azure-devices-provisioning.net:8883:127.0.0.1:18883 --ca-file ca.pem

Exit codes: 0 assigned, 2 bad input, 3 network or TLS, 4 identity refused, 5 not assigned,
6 deadline passed; with --connect the hub's count too")]
pub(crate) struct Register {
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
    request: CertificateRequestArgs,
    #[command(flatten)]
    hub: HubArgs,
}

impl Register {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let reported = ("--reported", self.hub.reported.as_deref());
        let csr = ("--csr", self.request.csr.as_deref());
        self.device.check_given(&[self.payload.given(), reported, csr])?;
        if self.request.is_given() {
            self.device.service.check_issues_certificates()?;
        }
        if self.hub.connect {
            self.request.check_key_at_hand("--connect")?;
        }
        let local = self.device.service.local.find()?;
        let (mut settings, context) =
            self.device.resolve(local.as_ref(), self.payload.resolve()?)?;
        let tasks = self.hub.tasks()?;
        let asking = self.request.resolve(&settings.registration_id, printer)?;
        if let Some(asking) = &asking {
            settings = settings.asking_for(asking.csr().clone());
        }
        self.device.note_assumed(&context, printer);
        let job = Job {
            device: &self.device,
            local,
            cache: self.cache.as_deref().map(Cache::new),
            progress: Progress::new(printer),
            narrator: self.explain.then(|| Narrator::new(&settings)),
            settings,
            context,
            asking,
        };
        run_to_end(job.run(tasks.as_ref(), printer))?
    }
}
