//! `registration`: how devices are registered, as the service API tells it (E.5).

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::Etag;
use super::query::QueryArg;
use super::show;
use super::target::Target;
use super::words::ID_ALIASES;
use crate::api_client::{Kind, Record};
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::output::call_failure::{EXIT_CODES, explained, of_registration};
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::wire::RegistrationId;

/// List, show and delete registrations of devices
#[derive(Debug, Args)]
#[command(after_help = format!("\
The flags are those of `az iot dps registration`.

Examples:
  provision-sim registration list --local --enrollment-id pumps
  provision-sim registration show --local --registration-id pump-0042
  provision-sim registration delete --local --registration-id pump-0042

{EXIT_CODES}"))]
pub(crate) struct Registration {
    #[command(subcommand)]
    action: RegistrationAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum RegistrationAction {
    /// List those of an enrollment group
    List(List),
    /// Show that of a device
    Show(Show),
    /// Delete that of a device, which then registers as if for the first time
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Name of the enrollment group
    #[arg(long, value_name = "ID", aliases = ID_ALIASES)]
    enrollment_id: RegistrationId,
    /// List no more than so many
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    top: usize,
    #[command(flatten)]
    query: QueryArg,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Registration ID of the device
    #[arg(long, value_name = "ID", aliases = DEVICE_ALIASES)]
    registration_id: RegistrationId,
    #[command(flatten)]
    query: QueryArg,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Registration ID of the device
    #[arg(long, value_name = "ID", aliases = DEVICE_ALIASES)]
    registration_id: RegistrationId,
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    target: Target,
}

/// `az iot dps enrollment registration` calls the device by its enrollment.
const DEVICE_ALIASES: [&str; 4] = ["rid", "reg-id", "enrollment-id", "eid"];

impl Registration {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.action.run(printer)
    }
}

impl RegistrationAction {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        match self {
            Self::List(list) => list.run(printer),
            Self::Show(show) => show.run(printer),
            Self::Delete(delete) => delete.run(printer),
        }
    }
}

impl List {
    fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.query.check()?;
        let (session, group) = (self.target.open()?, self.enrollment_id.as_str());
        let states = session.wait(session.client.registrations(group, self.top));
        let states = states.map_err(|error| explained(&error, Some((Kind::Group, group))))?;
        if self.query.print(&states, printer)? {
            return Ok(Exit::Done);
        }
        match printer.format {
            Output::Text => {
                let states: Vec<Value> = states.iter().map(Record::value).collect();
                show::registrations(&states, printer);
            }
            Output::Json => printer.json(&states),
            Output::Jsonl => states.iter().for_each(|state| printer.line(state.as_json())),
        }
        Ok(Exit::Done)
    }
}

impl Show {
    fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.query.check()?;
        let (session, id) = (self.target.open()?, self.registration_id.as_str());
        let state = session.wait(session.client.registration(id));
        let state = state.map_err(|error| of_registration(&error, id))?;
        if self.query.print(&state, printer)? {
            return Ok(Exit::Done);
        }
        match printer.format {
            Output::Text => show::registration(&state.value(), printer),
            Output::Json | Output::Jsonl => printer.line(state.as_json()),
        }
        Ok(Exit::Done)
    }
}

impl Delete {
    fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let (etag, id) = (self.etag.header()?, self.registration_id.as_str());
        let session = self.target.open()?;
        let deleted = session.wait(session.client.delete_registration(id, etag.as_ref()));
        deleted.map_err(|error| of_registration(&error, id))?;
        if printer.is_text() {
            printer.line(format!("Registration {id} is deleted"));
        } else {
            printer.json(&json!({ "action": "deleted", "kind": "registrations", "id": id }));
        }
        Ok(Exit::Done)
    }
}
