//! A request that was kept somewhere: in the journal of a service, or in a file.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::record;
use crate::api_client::Kind;
use crate::cli::input::{read, read_file};
use crate::cli::local::Local;
use crate::cli::management::Management;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::service::{Replay, ReplayFault, WebhookUrl, requests_in};

/// How long the journal may take, which is on this machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// In the journal, under that number.
    Sequence(u64),
    /// In the journal: the newest one.
    Last,
    /// In a file, or `-` for standard input.
    File(String),
}

impl Source {
    /// What the words of the command line mean, and the address behind them.
    pub(super) fn of(is_last: bool, words: &[String]) -> Result<(Self, Option<&str>), Report> {
        match (is_last, words) {
            (true, []) => Ok((Self::Last, None)),
            (true, [url]) => Ok((Self::Last, Some(url))),
            (true, _) => Err(Report::usage("--last names the request; only a URL can stand beside it")),
            (false, []) => Err(Report::usage("which request? give SEQUENCE, FILE or --last")
                .remedy("`provision-sim webhook replay --last` asks the newest one of the local service again")),
            (false, [what, rest @ ..]) => {
                let source = match what.parse() {
                    Ok(sequence) => Self::Sequence(sequence),
                    Err(_) => Self::File(what.clone()),
                };
                Ok((source, rest.first().map(String::as_str)))
            }
        }
    }

    /// Whether a service has it.
    pub(super) fn is_journal(&self) -> bool {
        !matches!(self, Self::File(_))
    }

    /// The request.
    pub(super) fn find(
        &self,
        local: Option<&Local>,
        printer: &mut Printer,
    ) -> Result<Replay, Report> {
        match (self, local) {
            (Self::File(path), _) => in_file(path, printer),
            (_, Some(local)) => self.in_journal(local),
            (_, None) => Err(Report::internal("no service to ask for its journal")),
        }
    }

    fn in_journal(&self, local: &Local) -> Result<Replay, Report> {
        let query = match self {
            Self::Sequence(sequence) => format!("after={}&limit=1", sequence.saturating_sub(1)),
            _ => "limit=10000".to_owned(),
        };
        let entries: Vec<Entry> = serde_json::from_slice(&journal(local, &query)?)
            .map_err(|error| Report::internal(format!("the journal cannot be read: {error}")))?;
        let wanted = |entry: &Entry| match self {
            Self::Sequence(sequence) => entry.sequence == *sequence,
            _ => entry.webhook.is_some(),
        };
        let entry = entries.into_iter().rev().find(wanted);
        let (name, webhook) = match (self, entry) {
            (_, Some(Entry { sequence, webhook: Some(webhook) })) => {
                (sequence.to_string(), webhook)
            }
            (Self::Sequence(sequence), Some(_)) => {
                return Err(Report::usage(format!("registration {sequence} asked no webhook")));
            }
            (Self::Sequence(sequence), None) => {
                return Err(Report::usage(format!("the journal has no registration {sequence}"))
                    .cause("it keeps the last 10,000, and none from before the service started"));
            }
            _ => {
                return Err(Report::usage("no registration in the journal asked a webhook"));
            }
        };
        Replay::read(&webhook.request)
            .map_err(|fault| refused(&format!("registration {name}"), &fault))
    }
}

/// What of an entry of the journal is needed.
#[derive(Debug, Deserialize)]
struct Entry {
    sequence: u64,
    webhook: Option<Exchange>,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    request: String,
}

fn in_file(path: &str, printer: &mut Printer) -> Result<Replay, Report> {
    let text = match path {
        "-" => read("FILE", "-")?,
        path => read_file("FILE", path.as_ref())?,
    };
    let mut requests = requests_in(&text).map_err(|fault| refused(path, &fault))?;
    let count = requests.len();
    let last = requests.pop().ok_or_else(|| refused(path, &ReplayFault::None))?;
    if count > 1 {
        printer.note(&format!(
            "{path} has {count} requests; the last one is sent, that of {}",
            last.registration_id()
        ));
    }
    Ok(last)
}

fn refused(place: &str, fault: &ReplayFault) -> Report {
    let report = Report::usage(format!("{place}: {fault}"));
    match fault {
        ReplayFault::Cut => report
            .cause("journal and log keep 4 KiB of a body")
            .remedy("`provision-sim webhook test` makes such a request anew: give it --local, --reg-id and what the device has to say"),
        ReplayFault::None => report.remedy(
            "give a file with the body of the request, or a log of the function that has it in a line",
        ),
        _ => report,
    }
}

/// The body of `GET /journal`.
fn journal(local: &Local, query: &str) -> Result<Bytes, Report> {
    let management = Management::with_journal(local, PATIENCE)?;
    let answer = run_to_end(management.get(&format!("/journal?{query}")))?;
    answer.map(|(_, body)| body)
}

/// The webhook of the enrollment that a request names, at the local service.
pub(super) fn webhook_of(request: &str, local: &Local) -> Result<WebhookUrl, Report> {
    let request: Value = serde_json::from_str(request).map_err(Report::internal)?;
    let group = request["enrollmentGroup"]["enrollmentGroupId"].as_str();
    let individual = request["individualEnrollment"]["registrationId"].as_str();
    let (kind, name) = match (group, individual) {
        (Some(name), _) => (Kind::Group, name),
        (None, name) => (Kind::Individual, name.unwrap_or_default()),
    };
    let client = local.client("--local")?;
    let found = run_to_end(record::find(&client, kind, name))??;
    let webhook = found.and_then(|record| record::webhook_of(&record, local));
    webhook.unwrap_or_else(|| {
        Err(Report::usage(format!("no URL, and the local service has no webhook for {name:?}"))
            .remedy("give the address of the function behind the request"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_229_a_number_is_of_the_journal_and_everything_else_a_file() {
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for (is_last, given, source, url) in [
            (false, "12", Source::Sequence(12), None),
            (false, "12 http://f", Source::Sequence(12), Some("http://f")),
            (false, "./12", Source::File("./12".to_owned()), None),
            (false, "- http://f", Source::File("-".to_owned()), Some("http://f")),
            (true, "", Source::Last, None),
            (true, "http://f", Source::Last, Some("http://f")),
        ] {
            let given = words(given);
            assert_eq!(Source::of(is_last, &given).unwrap(), (source, url));
        }
        assert!(Source::of(false, &[]).is_err());
        assert!(Source::of(true, &words("12 http://f")).is_err());
    }
}
