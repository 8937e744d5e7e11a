//! `export` and `import`: all records of a service with their keys, as one file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use hyper::header::HeaderValue;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::body::READ_ONLY;
use super::{EXIT_CODES, Session, Target, explained, show};
use crate::api_client::{CallError, Kind};
use crate::cli::input::plain;
use crate::cli::output::Printer;
use crate::cli::{Exit, Report};

/// Write all enrollment groups and enrollments of a service to a file, with their keys
#[derive(Debug, Args)]
#[command(after_help = format!("\
The file is JSON, {{\"enrollmentGroups\":[…],\"enrollments\":[…]}}, its records as the REST API has
them. It holds symmetric keys and function keys, and is readable by its owner only. A service does
not give certificates out: before an x509 record goes to another service, add its `certificate`.

Examples:
  provision-sim export --connection-string @dps.txt dps.json
  provision-sim import --local dps.json

{EXIT_CODES}"))]
pub(in crate::cli) struct Export {
    /// File to write, or - for standard output
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

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
pub(in crate::cli) struct Import {
    /// File to read, or - for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

const KINDS: [Kind; 2] = [Kind::Group, Kind::Individual];

impl Export {
    pub(in crate::cli) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let session = self.target.open()?;
        let all = session.wait(all_records(&session));
        let all = all.map_err(|error| explained(&error, None))?;
        let [groups, enrollments] = KINDS.map(|kind| count(&all[kind.collection()]));
        let text = serde_json::to_string_pretty(&all).map_err(Report::internal)?;
        let text = Zeroizing::new(text + "\n");
        if self.file.as_os_str() == "-" {
            printer.line(text.trim_end());
            return Ok(Exit::Done);
        }
        let shown = self.file.display();
        write_private(&self.file, &text)
            .map_err(|error| Report::usage(format!("cannot write {shown}: {}", plain(&error))))?;
        if printer.is_text() {
            printer.line(format!(
                "{shown}: enrollment groups: {groups}, enrollments: {enrollments}, with their keys"
            ));
        } else {
            printer.json(&json!({
                "file": shown.to_string(), "enrollmentGroups": groups, "enrollments": enrollments
            }));
        }
        Ok(Exit::Done)
    }
}

fn count(records: &Value) -> usize {
    records.as_array().map_or(0, Vec::len)
}

async fn all_records(session: &Session) -> Result<Value, CallError> {
    let mut all = json!({});
    for kind in KINDS {
        let mut records = Vec::new();
        for record in session.client.list(kind).await? {
            let mut record = record.value();
            if let Some(id) = record[kind.id_member()].as_str().map(str::to_owned) {
                session.fill_keys(kind, &id, &mut record).await?;
            }
            records.push(record);
        }
        all[kind.collection()] = records.into();
    }
    Ok(all)
}

/// By a new file in its place: an earlier one may be readable by others.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
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
    pub(in crate::cli) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
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
        if printer.format == crate::cli::Output::Json {
            printer.json(&all);
        }
        Ok(exit)
    }

    fn items(&self) -> Result<Vec<Item>, Report> {
        let text = if self.file.as_os_str() == "-" {
            if self.target.reads_standard_input() {
                return Err(Report::usage("only one argument can be read from standard input"));
            }
            // Without the limit of other arguments: a service may have many records.
            std::io::read_to_string(std::io::stdin()).map_err(|error| {
                Report::usage(format!("cannot read standard input: {}", plain(&error)))
            })?
        } else {
            std::fs::read_to_string(&self.file).map_err(|error| {
                let shown = self.file.display();
                Report::usage(format!("cannot read {shown}: {}", plain(&error)))
            })?
        };
        let text = Zeroizing::new(text);
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
    let is_export = |value: &Value| KINDS.iter().any(|kind| value[kind.collection()].is_array());
    let records = match value {
        mut value if is_export(&value) => {
            let lists = KINDS.map(|kind| value[kind.collection()].take());
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
        let named = KINDS.into_iter().find_map(|kind| {
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
