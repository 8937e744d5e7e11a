//! `import`: records of a file, created or replaced in a service.

use std::path::{Path, PathBuf};

use clap::Args;
use hyper::header::HeaderValue;
use serde::Serialize;
use serde_json::{Value, json};

use super::attestation::certificate;
use super::format;
use super::member::object_at;
use super::normal::normal;
use super::show;
use super::target::{Session, Target};
use crate::api_client::{CallError, Kind};
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::input::plain;
use crate::cli::output::call_failure::{EXIT_CODES, explained};
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::text::Source;

/// Create or replace enrollment groups and enrollments from a file
#[derive(Debug, Args)]
#[command(after_help = format!("\
The file is what `provision-sim export` writes, or records as the REST API and `az iot dps` have
them: one, a list, one a line, a page ({{\"value\":[…]}}), in JSON or YAML, in any case. A record
that is there already is replaced, others are left alone.

Examples:
  provision-sim import --local dps.json
  az iot dps enrollment-group show --dps-name my-dps --eid pumps --show-keys \\
      | provision-sim import --local -
  provision-sim import --local dps.json --certificate my-device=pki/devices/my-device-cert.pem

{EXIT_CODES}"))]
pub(crate) struct Import {
    /// File to read, or - for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Certificate of an x509 record, for its primary slot: no service gives certificates out; may be
    /// given several times
    #[arg(long, value_name = "ENROLLMENT=FILE")]
    certificate: Vec<String>,
    #[command(flatten)]
    target: Target,
}

/// A record to be stored.
struct Item {
    kind: Kind,
    id: String,
    record: Value,
    /// Where it stands: the file, and which record.
    place: String,
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
        let shown = Source::of(&self.file).to_string();
        let mut items = self.items(&shown)?;
        let session = self.target.open()?;
        for Item { record, place, .. } in &mut items {
            session.webhooks.place(place, record)?;
        }
        let (mut exit, mut all) = (Exit::Done, Vec::new());
        for item in &items {
            let Item { kind, id, .. } = item;
            let stored = session.wait(store(&session, item));
            let (action, error) = match stored {
                Ok(action) => (action, None),
                Err(error) => ("failed", Some(item.failed(&error))),
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

    fn items(&self, shown: &str) -> Result<Vec<Item>, Report> {
        let source = Source::of(&self.file);
        if source == Source::Stdin && self.target.reads_standard_input() {
            return Err(Report::usage("only one argument can be read from standard input"));
        }
        // Without the limit of other arguments: a service may have many records.
        let text = source
            .read(u64::MAX)
            .map_err(|error| Report::usage(format!("cannot read {source}: {}", plain(&error))))?;
        let mut items = items_of(shown, format::records(shown, &text)?)?;
        for argument in &self.certificate {
            add_certificate(argument, &mut items)?;
        }
        Ok(items)
    }
}

/// Nothing was sent yet, so a bad record spoils all.
fn items_of(shown: &str, records: Vec<Value>) -> Result<Vec<Item>, Report> {
    let mut items = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        let place = format!("{shown}, record {}", index + 1);
        let Value::Object(members) = record else {
            return Err(Report::usage(format!("{place}: it is no object")));
        };
        let record = Value::Object(normal(members));
        let named = Kind::ALL.into_iter().find_map(|kind| {
            Some((kind, record[kind.id_member()].as_str().filter(|id| !id.is_empty())?.to_owned()))
        });
        let Some((kind, id)) = named else {
            return Err(Report::usage(format!(
                "{place} has neither enrollmentGroupId nor registrationId"
            )).remedy("give what `provision-sim export` or `az iot dps enrollment-group show --show-keys` prints"));
        };
        items.push(Item { kind, id, record, place });
    }
    Ok(items)
}

/// Puts a certificate into the record that `NAME=FILE` names: a service shows none (E.3).
fn add_certificate(argument: &str, items: &mut [Item]) -> Result<(), Report> {
    const FLAG: &str = "--certificate";
    let Some((name, path)) = argument.split_once('=') else {
        return Err(Report::usage(format!("{FLAG}: expected ENROLLMENT=FILE")));
    };
    let certificate = certificate(FLAG, Some(Path::new(path)))?;
    let names: Vec<_> = items.iter().filter(|item| item.is_x509()).map(|item| &*item.id).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let item = items.iter_mut().find(|item| item.is_x509() && item.id.eq_ignore_ascii_case(name));
    let Some(item) = item else {
        return Err(Report::usage(format!(
            "{FLAG}: no x509 record of the file is called {name:?}; there are: {names}"
        )));
    };
    let list = match item.kind {
        Kind::Group => "signingCertificates",
        Kind::Individual => "clientCertificates",
    };
    let x509 = object_at(&mut item.record["attestation"], "x509");
    object_at(x509, list)["primary"] = json!({ "certificate": certificate });
    Ok(())
}

impl Item {
    fn is_x509(&self) -> bool {
        self.record["attestation"]["type"] == "x509"
    }

    /// Whether only a service that has the record already knows its certificate.
    fn lacks_certificate(&self) -> bool {
        let x509 = &self.record["attestation"]["x509"];
        let slots = [&x509["clientCertificates"], &x509["signingCertificates"]];
        let has_one = slots.iter().any(|slots| {
            ["primary", "secondary"].iter().any(|slot| slots[slot]["certificate"].is_string())
        });
        self.is_x509() && !x509["caReferences"].is_object() && !has_one
    }

    /// What became of it, if it failed: with the place in the file, and what is to be done.
    fn failed(&self, error: &CallError) -> Report {
        let report = explained(error, Some((self.kind, self.id.as_str())));
        let message = format!("{}: {}", self.place, report.message);
        let report = Report { message, ..report };
        if !self.lacks_certificate() {
            return report;
        }
        report.remedy(format!(
            "no service gives certificates out; give this one's: --certificate {}=FILE",
            self.id
        ))
    }
}

/// Creates it, or replaces what is there. Without keys in the file those of the service stay.
async fn store(session: &Session, item: &Item) -> Result<&'static str, CallError> {
    let Item { kind, id, record, .. } = item;
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
