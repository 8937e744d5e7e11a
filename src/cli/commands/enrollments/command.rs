//! `enrollment-group` and `enrollment`: one kind of record each, the same actions.

use clap::{ArgAction, Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::arguments::{self, Change, EnrollmentOnly, Etag, GroupOnly, KindArgs};
use super::compute_key::ComputeDeviceKey;
use super::query::QueryArg;
use super::registration::RegistrationAction;
use super::target::Target;
use super::words::{ID_ALIASES, yes_or_no};
use super::{body, show};
use crate::api_client::{Kind, Record};
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::output::call_failure::{EXIT_CODES, explained};
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::wire::RegistrationId;

/// Create, list, show, update and delete enrollment groups
#[derive(Debug, Args)]
#[command(after_help = format!("\
The flags are those of `az iot dps enrollment-group`, its short ones too. --local asks the service
that `provision-sim serve` runs; a connection string any other, Azure's too.

Examples:
  provision-sim enrollment-group create --local --enrollment-id pumps --show-keys
  provision-sim enrollment-group create --local --enrollment-id toasters \\
      --allocation-policy custom --webhook-url contoso:HttpTrigger1 \\
      --webhook-api-version 2019-03-31 \\
      --iot-hubs contoso-toasters-hub-1098.azure-devices.net
  provision-sim enrollment-group show --local --enrollment-id pumps --show-keys
  provision-sim enrollment-group list --connection-string @dps.txt -o json

{EXIT_CODES}"))]
pub(crate) struct EnrollmentGroup {
    #[command(subcommand)]
    action: GroupAction,
}

#[derive(Debug, Subcommand)]
enum GroupAction {
    #[command(flatten)]
    Record(Action<GroupOnly>),
    ComputeDeviceKey(ComputeDeviceKey),
}

/// Create, list, show, update and delete individual enrollments
#[derive(Debug, Args)]
#[command(after_help = format!("\
The flags are those of `az iot dps enrollment`, its short ones too. --local asks the service that
`provision-sim serve` runs; a connection string any other, Azure's too.

Examples:
  provision-sim enrollment create --local --enrollment-id pump-0042 \\
      --attestation-type symmetricKey --device-id pump-north --show-keys
  provision-sim enrollment create --local --enrollment-id pump-0043 \\
      --attestation-type x509 --certificate-path pki/devices/pump-0043-cert.pem
  provision-sim enrollment update --local --enrollment-id pump-0042 --provisioning-status disabled

{EXIT_CODES}"))]
pub(crate) struct Enrollment {
    #[command(subcommand)]
    action: Action<EnrollmentOnly>,
}

#[derive(Debug, Subcommand)]
enum Action<S: KindArgs> {
    /// Create one; keys that are not given are made by the service
    Create(Box<Change<S>>),
    /// List all, without keys
    List(List),
    /// Show one
    Show(Show),
    /// Change what the flags name, and leave the rest as it is
    Update(Box<Update<S>>),
    /// Delete one; devices that are provisioned stay on their hubs
    Delete(Delete),
    /// How the devices are registered
    #[command(subcommand)]
    Registration(RegistrationAction),
}

#[derive(Debug, Args)]
struct List {
    /// List no more than so many
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    top: usize,
    #[command(flatten)]
    query: QueryArg,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Show {
    /// Name of the record
    #[arg(long, value_name = "ID", aliases = ID_ALIASES)]
    enrollment_id: RegistrationId,
    /// Also show symmetric keys
    #[arg(long, alias = "keys", value_name = "BOOL", num_args = 0..=1, action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = yes_or_no(), hide_default_value = true)]
    show_keys: bool,
    #[command(flatten)]
    query: QueryArg,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Update<S: KindArgs> {
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    change: Change<S>,
}

#[derive(Debug, Args)]
struct Delete {
    /// Name of the record
    #[arg(long, value_name = "ID", aliases = ID_ALIASES)]
    enrollment_id: RegistrationId,
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    target: Target,
}

impl EnrollmentGroup {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        match self.action {
            GroupAction::Record(action) => action.run(printer),
            GroupAction::ComputeDeviceKey(command) => command.run(printer),
        }
    }
}

impl Enrollment {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.action.run(printer)
    }
}

impl<S: KindArgs> Action<S> {
    fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let kind = S::KIND;
        match self {
            Self::Create(change) => create(&change, printer),
            Self::Update(update) => change(&update, printer),
            Self::List(list) => list.run(kind, printer),
            Self::Registration(action) => action.run(printer),
            Self::Show(show) => show.run(kind, printer),
            Self::Delete(delete) => delete.run(kind, printer),
        }
    }
}

fn create<S: KindArgs>(change: &Change<S>, printer: &mut Printer) -> Result<Exit, Report> {
    let (kind, id) = (S::KIND, change.enrollment_id.as_str());
    change.check_standard_input()?;
    change.query.check()?;
    let mut body = body::created(change)?;
    let session = change.target.open()?.naming_issuers(change.issuer.is_given());
    session.webhooks.place("--webhook-url", &mut body)?;
    let record = session.wait(session.client.put(kind, id, &body, None));
    let record = record.map_err(|error| explained(&error, Some((kind, id))))?;
    if !change.query.print(&record, printer)? {
        print_one(kind, &record, change.show_keys, printer);
    }
    Ok(Exit::Done)
}

/// Reads the record, changes it and writes it back, unless it is another one by then.
fn change<S: KindArgs>(update: &Update<S>, printer: &mut Printer) -> Result<Exit, Report> {
    let change = &update.change;
    let (kind, id) = (S::KIND, change.enrollment_id.as_str());
    change.check_standard_input()?;
    change.query.check()?;
    let given = update.etag.header()?;
    let changes = body::Changes::of(change)?;
    let session = change.target.open()?.naming_issuers(change.issuer.is_given());
    let record = session.wait(async {
        let mut record = session.client.get(kind, id).await?.value();
        session.fill_keys(kind, id, &mut record).await?;
        Ok(record)
    });
    let explain = |error| explained(&error, Some((kind, id)));
    let mut record = record.map_err(explain)?;
    let etag = match given {
        Some(etag) => etag,
        None => arguments::etag_of(&record)?,
    };
    changes.apply(kind, &mut record)?;
    session.webhooks.place("--webhook-url", &mut record)?;
    let stored = session.wait(session.client.put(kind, id, &record, Some(&etag)));
    let stored = stored.map_err(explain)?;
    if !change.query.print(&stored, printer)? {
        print_one(kind, &stored, change.show_keys, printer);
    }
    Ok(Exit::Done)
}

impl List {
    fn run(self, kind: Kind, printer: &mut Printer) -> Result<Exit, Report> {
        self.query.check()?;
        let session = self.target.open()?;
        let records = session.wait(session.client.list_first(kind, self.top));
        let records = records.map_err(|error| explained(&error, None))?;
        if !self.query.print(&records, printer)? {
            list(kind, &records, printer);
        }
        Ok(Exit::Done)
    }
}

impl Show {
    fn run(self, kind: Kind, printer: &mut Printer) -> Result<Exit, Report> {
        self.query.check()?;
        let (session, id) = (self.target.open()?, self.enrollment_id.as_str());
        let explain = |error| explained(&error, Some((kind, id)));
        let record = session.wait(session.client.get(kind, id)).map_err(explain)?;
        let mut shown = record.value();
        let filled = if self.show_keys {
            session.wait(session.fill_keys(kind, id, &mut shown)).map_err(explain)?
        } else {
            false
        };
        if self.query.print(&shown, printer)? {
            return Ok(Exit::Done);
        }
        match printer.format {
            Output::Text => show::record(kind, &shown, self.show_keys, printer),
            _ if filled => printer.json(&shown),
            _ => printer.raw_json(record.as_json()),
        }
        Ok(Exit::Done)
    }
}

/// What programs are told of a deletion, to which the service itself answers nothing.
#[derive(Serialize)]
struct Deleted<'a> {
    action: &'static str,
    kind: &'static str,
    id: &'a str,
}

impl Delete {
    fn run(self, kind: Kind, printer: &mut Printer) -> Result<Exit, Report> {
        let id = self.enrollment_id.as_str();
        let etag = self.etag.header()?;
        let session = self.target.open()?;
        let deleted = session.wait(session.client.delete(kind, id, etag.as_ref()));
        deleted.map_err(|error| explained(&error, Some((kind, id))))?;
        if printer.is_text() {
            printer.line(format!("{} {id} is deleted", show::capitalized(kind.noun())));
        } else {
            printer.json(&Deleted { action: "deleted", kind: kind.collection(), id });
        }
        Ok(Exit::Done)
    }
}

fn print_one(kind: Kind, record: &Record, show_keys: bool, printer: &mut Printer) {
    match printer.format {
        Output::Text => show::record(kind, &record.value(), show_keys, printer),
        Output::Json | Output::Jsonl => printer.raw_json(record.as_json()),
    }
}

fn list(kind: Kind, records: &[Record], printer: &mut Printer) {
    match printer.format {
        Output::Text => {
            let records: Vec<Value> = records.iter().map(Record::value).collect();
            show::table(kind, &records, printer);
        }
        Output::Json => printer.json(&records),
        Output::Jsonl => records.iter().for_each(|record| printer.raw_json(record.as_json())),
    }
}
