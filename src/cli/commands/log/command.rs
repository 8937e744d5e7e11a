//! The command and its flags.

use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;

use super::entry::{Entry, Story};
use super::once::Once;
use super::show;
use crate::cli::args::listener::ListenerArgs;
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::management::Management;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::cli::stop::StopSignal;
use crate::sources::Clock;
use crate::wire::RegistrationId;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// As many are shown where nothing else is said.
const USUAL: usize = 20;
/// As many has a journal.
const ALL: usize = 10_000;

/// What came in: the registrations that a service has seen, and those that come
#[derive(Debug, Args)]
#[command(after_help = "\
A line for each registration: when, its number, how it stands, the device, its enrollment, the check
that it passed or did not pass, how it came, its hub, and how long it took; below it why it failed.
-f ends with Ctrl-C; a registration is shown when it is over. -v shows each whole conversation.

Examples:
  provision-sim log
  provision-sim log -f --status failed
  provision-sim log --reg-id contoso-heatpump-088 -n 1 -v
  provision-sim log --show 17
  provision-sim log --since 10m -o jsonl
  provision-sim log --url http://dps:8880 -f")]
pub(crate) struct Log {
    /// Go on with what comes, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only of this device
    #[arg(long, alias = "registration-id", value_name = "ID")]
    reg_id: Option<RegistrationId>,
    /// Only those that stand so
    #[arg(long, value_enum, value_name = "STATUS")]
    status: Option<Standing>,
    /// The last so many [default: 20, with --since all]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Only those since a time, or of the last while: 2026-11-28T14:00:00Z, 10m
    #[arg(long, value_parser = since, value_name = "TIME|DURATION")]
    since: Option<Since>,
    /// One registration whole, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["follow", "reg_id", "status", "limit", "since"])]
    show: Option<u64>,
    #[command(flatten)]
    listener: ListenerArgs,
    /// Whether -v was given.
    #[arg(skip)]
    pub(crate) is_verbose: bool,
}

/// How a registration stands, as the journal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Standing {
    Assigning,
    Assigned,
    Failed,
    Disabled,
    Refused,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Time(SystemTime),
    Ago(Duration),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(Since::Ago(ago));
    }
    humantime::parse_rfc3339_weak(text).map(Since::Time).map_err(|_| {
        "expected a time such as 2026-11-28T14:00:00Z (UTC), or a duration such as 10m".to_owned()
    })
}

impl Since {
    fn time(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Time(time) => time,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}

impl Log {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let management = self.management()?;
        run_to_end(self.log(&management, printer))?
    }

    fn management(&self) -> Result<Management, Report> {
        match self.listener.elsewhere(PATIENCE) {
            Some(management) => Ok(management),
            None => Management::with_journal(&self.listener.local()?, PATIENCE),
        }
    }

    async fn log(&self, management: &Management, printer: &mut Printer) -> Result<Exit, Report> {
        if let Some(sequence) = self.show {
            return self.one(management, sequence, printer).await;
        }
        // Before anything is shown: until then a signal ends the process at once.
        let stop = self.follow.then(StopSignal::new).transpose()?;
        let limit = self.limit.unwrap_or(if self.since.is_some() { ALL } else { USUAL });
        let target = self.target("/journal", Some(limit));
        let (headers, body) = management.get(&target).await?;
        let entries: Vec<&RawValue> = serde_json::from_slice(&body).map_err(not_ours)?;
        let since = self.since.map(|since| since.time(Clock::system().now()));
        let mut shown = Shown { log: self, management, printer, once: Once::default() };
        let mut array = Vec::new();
        for entry in entries {
            if is_since(entry, since)? && !shown.take(entry).await? {
                array.push(entry);
            }
        }
        let Some(stop) = stop else {
            if shown.printer.format == Output::Json {
                shown.printer.json(&array);
            }
            return Ok(Exit::Done);
        };
        let revision = headers.get("journal-revision").and_then(|value| value.to_str().ok());
        let revision = revision.unwrap_or_default().to_owned();
        shown.follow(&revision, stop).await
    }

    async fn one(
        &self,
        management: &Management,
        sequence: u64,
        printer: &mut Printer,
    ) -> Result<Exit, Report> {
        let (_, body) = management.get(&format!("/journal/{sequence}")).await?;
        let raw: &RawValue = serde_json::from_slice(&body).map_err(not_ours)?;
        if !printer.is_text() {
            printer.raw_json(raw.get());
            return Ok(Exit::Done);
        }
        let entry: Entry = serde_json::from_str(raw.get()).map_err(not_ours)?;
        let story: Story = serde_json::from_str(raw.get()).map_err(not_ours)?;
        show::line(&entry, printer);
        show::story(&story, printer);
        Ok(Exit::Done)
    }

    fn target(&self, path: &str, limit: Option<usize>) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(id) = &self.reg_id {
            query.append_pair("registrationId", id.as_str());
        }
        if let Some(status) = self.status.and_then(|status| status.to_possible_value()) {
            query.append_pair("status", status.get_name());
        }
        if let Some(limit) = limit {
            query.append_pair("limit", &limit.to_string());
        }
        format!("{path}?{}", query.finish())
    }
}

/// What goes on while registrations are shown.
struct Shown<'a> {
    log: &'a Log,
    management: &'a Management,
    printer: &'a mut Printer,
    once: Once,
}

impl Shown<'_> {
    /// Shows an entry; `false` if it belongs into the array at the end.
    async fn take(&mut self, raw: &RawValue) -> Result<bool, Report> {
        let entry: Entry = serde_json::from_str(raw.get()).map_err(not_ours)?;
        let follows = self.log.follow;
        // One that goes on is shown when it is over, unless those are what is wanted.
        if follows && !entry.is_over() && self.log.status != Some(Standing::Assigning) {
            return Ok(true);
        }
        if !self.once.is_new(entry.sequence) {
            return Ok(true);
        }
        match self.printer.format {
            Output::Json if !follows => return Ok(false),
            Output::Json | Output::Jsonl => self.printer.raw_json(raw.get()),
            Output::Text => {
                show::line(&entry, self.printer);
                if self.log.is_verbose {
                    self.tell(entry.sequence).await?;
                }
            }
        }
        Ok(true)
    }

    async fn tell(&mut self, sequence: u64) -> Result<(), Report> {
        // It may have made room for later ones by now.
        let Ok((_, body)) = self.management.get(&format!("/journal/{sequence}")).await else {
            return Ok(());
        };
        show::story(&serde_json::from_slice(&body).map_err(not_ours)?, self.printer);
        Ok(())
    }

    async fn follow(mut self, revision: &str, mut stop: StopSignal) -> Result<Exit, Report> {
        let target = self.log.target("/journal/events", None);
        let mut events = self.management.follow(&target, revision).await?;
        while !self.printer.is_closed() {
            let event = tokio::select! {
                biased;
                _ = stop.received() => return Ok(Exit::Done),
                event = events.next() => event,
            };
            match event {
                None => return Err(self.management.ended()),
                Some(event) if event.kind == "reset" => {
                    tracing::warn!("the journal was cleared");
                }
                Some(event) => {
                    let raw: &RawValue = serde_json::from_str(&event.data).map_err(not_ours)?;
                    self.take(raw).await?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

/// Whether an entry is not too old.
fn is_since(entry: &RawValue, since: Option<SystemTime>) -> Result<bool, Report> {
    let Some(since) = since else { return Ok(true) };
    let entry: Entry = serde_json::from_str(entry.get()).map_err(not_ours)?;
    Ok(humantime::parse_rfc3339_weak(&entry.time).is_ok_and(|time| time >= since))
}

fn not_ours(error: serde_json::Error) -> Report {
    Report::usage(format!("the answer is none of a management listener of this version: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_absolute_or_a_while_ago() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);

        let ago = since("10m").unwrap().time(now);
        assert_eq!(now.duration_since(ago).unwrap(), Duration::from_secs(600));
        for text in ["2027-01-15T08:00:00Z", "2027-01-15 08:00:00"] {
            assert_eq!(since(text).unwrap().time(now), now, "{text}");
        }
        assert!(since("yesterday").unwrap_err().contains("such as 10m"));
    }
}
