//! `import`: records of a file, created or replaced in a service.

use std::path::PathBuf;

use clap::Args;
use hyper::header::HeaderValue;
use serde::Serialize;
use serde_json::Value;

use super::body::READ_ONLY;
use super::failure::{EXIT_CODES, explained};
use super::show;
use super::target::{Session, Target};
use crate::api_client::{CallError, Kind};
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::input::plain;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::text::Source;

/// Create or replace enrollment groups and enrollments from a file
#[derive(Debug, Args)]
#[command(after_help = format!("\
The file is what `provision-sim export` writes, or one record or an array of records as the REST API
and `az iot dps enrollment-group show --show-keys` have them. A record that is there already is
replaced, others are left alone.

Examples:
  provision-sim import --local dps.json
  az iot dps enrollment-group show --dps-name my-dps --eid pumps --show-keys \\
      | provision-sim import --local -

{EXIT_CODES}"))]
pub(crate) struct Import {
    /// File to read, or - for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// A record to be stored.
struct Item {
    kind: Kind,
    id: String,
    record: Value,
}

/// What became of it.
#[derive(Serialize)]
struct Imported<'a> {
    action: &'static str,
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Report>,
}

impl Import {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let items = self.items()?;
        let session = self.target.open()?;
        let (mut exit, mut all) = (Exit::Done, Vec::new());
        for item in &items {
            let Item { kind, id, .. } = item;
            let stored = session.wait(store(&session, item));
            let (action, error) = match stored {
                Ok(action) => (action, None),
                Err(error) => ("failed", Some(explained(&error, Some((*kind, id.as_str()))))),
            };
            // Whom the service does not let in, or cannot reach, need not try the next.
            let is_last = error
                .as_ref()
                .is_some_and(|error| matches!(error.exit, Exit::Network | Exit::Identity));
            if let Some(error) = error.as_ref().filter(|_| exit == Exit::Done) {
                exit = error.exit;
            }
            if printer.is_text() {
                match &error {
                    None => {
                        printer.line(format!("{} {id}: {action}", show::capitalized(kind.noun())))
                    }
                    Some(error) => printer.explain(error),
                }
            }
            let imported = Imported { action, kind: kind.collection(), id, error };
            printer.event(&imported);
            all.push(imported);
            if is_last {
                break;
            }
        }
        if printer.format == Output::Json {
            printer.json(&all);
        }
        Ok(exit)
    }

    fn items(&self) -> Result<Vec<Item>, Report> {
        let source = Source::of(&self.file);
        if source == Source::Stdin && self.target.reads_standard_input() {
            return Err(Report::usage("only one argument can be read from standard input"));
        }
        // Without the limit of other arguments: a service may have many records.
        let text = source
            .read(u64::MAX)
            .map_err(|error| Report::usage(format!("cannot read {source}: {}", plain(&error))))?;
        // Not in serde's words, which quote what they found: it may be a key.
        let value = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Report::usage(format!("the file is not JSON: see line {line}, column {column}"))
        })?;
        items_of(value)
    }
}

/// The records of a file, groups first. Nothing was sent yet, so a bad one spoils all.
fn items_of(value: Value) -> Result<Vec<Item>, Report> {
    let is_export =
        |value: &Value| Kind::ALL.iter().any(|kind| value[kind.collection()].is_array());
    let records = match value {
        mut value if is_export(&value) => {
            let lists = Kind::ALL.map(|kind| value[kind.collection()].take());
            lists
                .into_iter()
                .flat_map(|list| match list {
                    Value::Array(records) => records,
                    _ => Vec::new(),
                })
                .collect()
        }
        Value::Array(records) => records,
        one => vec![one],
    };
    let mut items = Vec::new();
    for (index, mut record) in records.into_iter().enumerate() {
        let named = Kind::ALL.into_iter().find_map(|kind| {
            Some((kind, record[kind.id_member()].as_str().filter(|id| !id.is_empty())?.to_owned()))
        });
        let (Some((kind, id)), Some(members)) = (named, record.as_object_mut()) else {
            return Err(Report::usage(format!(
                "record {} has neither enrollmentGroupId nor registrationId", index + 1
            )).remedy("give what `provision-sim export` or `az iot dps enrollment-group show --show-keys` prints"));
        };
        // `az` prints all that is not there as null; of the status null is a value (J-22).
        members.retain(|name, value| {
            !READ_ONLY.contains(&name.as_str())
                && (!value.is_null() || name == "provisioningStatus")
        });
        items.push(Item { kind, id, record });
    }
    Ok(items)
}

/// Creates it, or replaces what is there. Without keys in the file those of the service stay.
async fn store(session: &Session, item: &Item) -> Result<&'static str, CallError> {
    let Item { kind, id, record } = item;
    let created = session.client.put(*kind, id, record, None).await;
    match created {
        Err(CallError::Refused(refusal)) if refusal.status == 409 => {}
        Err(error) => return Err(error),
        Ok(_) => {
            let attestation = &record["attestation"];
            if attestation["type"] == "symmetricKey"
                && !attestation["symmetricKey"]["primaryKey"].is_string()
            {
                tracing::warn!(
                    "{} {id}: the file has no keys for it, so the service made new ones",
                    kind.noun()
                );
            }
            return Ok("created");
        }
    }
    let mut record = record.clone();
    session.fill_keys(*kind, id, &mut record).await?;
    let any = HeaderValue::from_static("*");
    session.client.put(*kind, id, &record, Some(&any)).await.map(|_| "updated")
}
