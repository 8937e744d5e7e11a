//! `export`: all records of a service with their keys, as one file.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::target::{Session, Target};
use crate::api_client::{CallError, Kind};
use crate::cli::exit::Exit;
use crate::cli::input::plain;
use crate::cli::output::call_failure::{EXIT_CODES, explained};
use crate::cli::output::printer::Printer;
use crate::cli::private_file;
use crate::cli::report::Report;

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
pub(crate) struct Export {
    /// File to write, or - for standard output
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

impl Export {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let session = self.target.open()?;
        let all = session.wait(all_records(&session));
        let all = all.map_err(|error| explained(&error, None))?;
        let [groups, enrollments] = Kind::ALL.map(|kind| count(&all[kind.collection()]));
        let text = serde_json::to_string_pretty(&all).map_err(Report::internal)?;
        let text = Zeroizing::new(text + "\n");
        if self.file.as_os_str() == "-" {
            printer.pretty_json(text.trim_end());
            return Ok(Exit::Done);
        }
        let shown = self.file.display();
        private_file::replace(&self.file, text.as_bytes())
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
    for kind in Kind::ALL {
        let mut records = Vec::new();
        for record in session.client.list(kind).await? {
            let mut record = record.value();
            if let Some(id) = record[kind.id_member()].as_str().map(str::to_owned) {
                session.fill_keys(kind, &id, &mut record).await?;
            }
            session.webhooks.name(&mut record);
            records.push(record);
        }
        all[kind.collection()] = records.into();
    }
    Ok(all)
}
