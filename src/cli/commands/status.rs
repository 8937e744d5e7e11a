//! `status`: how a device's registration stands, without registering it.

use clap::Args;

use crate::cli::args::device::DeviceArgs;
use crate::cli::exit::Exit;
use crate::cli::output::failure;
use crate::cli::output::printer::Printer;
use crate::cli::output::progress::Progress;
use crate::cli::output::transcript::Transcript;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::device::{Error, Looked, Notice, ProvisioningClient};
use crate::explain::Context;
use crate::text::spoken;
use crate::wire::{OperationId, Status as State};

/// Ask how a registration stands, without registering
#[derive(Debug, Args)]
#[command(after_help = "\
With --operation-id, takes up an operation that the service has accepted: polls until there is a
result and prints it as `register` does. `register` prints the command when its time is up.
Without, looks the registration up and prints how it stands: over amqp or amqp-ws if --transport
says so, else over https, for MQTT has no such question.

Examples:
  provision-sim status --local --reg-id contoso-toaster-007
  provision-sim status --id-scope 0ne00012345 --reg-id my-device --group-key @group.key \\
      --operation-id 5.4d0a671905ea5b2c8.e7173b7b-0e54-4aa0-9d20-aeb1b89e6c7d

Exit codes: 0 assigned, 2 bad input, 3 network or TLS, 4 identity refused, 5 not assigned (failed,
disabled, still being assigned, or never registered), 6 deadline passed")]
pub(crate) struct Status {
    /// The operation to see through, as `register` has printed it
    #[arg(long, value_name = "ID")]
    operation_id: Option<OperationId>,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Status {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.device.check_given(&[])?;
        let local = self.device.service.local.find()?;
        let (settings, context) = self.device.resolve(local.as_ref(), None)?;
        self.device.note_assumed(&context, printer);
        let client = ProvisioningClient::new(settings);
        let progress = Progress::new(printer);
        match &self.operation_id {
            Some(id) => {
                let mut transcript = Transcript::new(printer);
                let mut notify = |notice: Notice| {
                    progress.notice(&notice);
                    transcript.notice(&notice);
                };
                let resuming = client.resume(id.clone(), &mut notify);
                let result = run_to_end(progress.during(resuming))?;
                let ended = transcript.end(result, &context).map(|_| Exit::Done);
                ended.map_err(|report| self.device.with_follow_up(report, &context))
            }
            None => {
                let mut notify = |notice: Notice| {
                    progress.notice(&notice);
                    log(&notice);
                };
                let looking_up = client.look_up(&mut notify);
                let looked = run_to_end(progress.during(looking_up))?;
                looked
                    .map_err(|error| failure::report(&error, &context))
                    .and_then(|looked| print(printer, &looked, &context))
            }
        }
    }
}

fn log(notice: &Notice) {
    if let Notice::Busy { rejection, wait } = notice {
        let wait = spoken(*wait);
        tracing::warn!("the service is busy: {rejection}; trying again in {wait}");
    }
}

/// An assignment is printed, anything else explained.
fn print(printer: &mut Printer, looked: &Looked, context: &Context) -> Result<Exit, Report> {
    let Looked { state, assignment, body } = looked;
    let status = state.status.clone().unwrap_or(State::Unassigned);
    let error = match (&status, assignment) {
        (_, Some((hub, device_id))) => {
            if !printer.is_text() {
                printer.raw_json(body);
                return Ok(Exit::Done);
            }
            printer.line("Registration Status: assigned");
            printer.line(format!(
                "Registration Information received from service: {hub}, deviceId: {device_id}"
            ));
            if let Some(payload) = &state.payload {
                printer.line(format!("Payload received from service: {}", payload.as_json()));
            }
            return Ok(Exit::Done);
        }
        (State::Failed, ..) => Some(Error::Failed {
            operation_id: None,
            code: state.error_code,
            message: state.error_message.clone(),
            date: state.last_updated_date_time_utc.clone(),
        }),
        (State::Disabled, ..) => Some(Error::Disabled { operation_id: None }),
        _ => None,
    };
    if printer.is_text() {
        printer.line(format!("Registration Status: {}", status.as_str()));
    }
    Err(match error {
        Some(error) => failure::report(&error, context),
        None => Report::new(
            "unassigned",
            Exit::NotAssigned,
            format!(
                "{} has no hub: its registration is `{}`",
                context.registration_id,
                status.as_str()
            ),
        )
        .cause("an operation is under way, or the device has given up waiting for one")
        .remedy("ask again later; with --operation-id, `status` waits for the result")
        .remedy("register again: it is safe, the device keeps its enrollment"),
    })
}
