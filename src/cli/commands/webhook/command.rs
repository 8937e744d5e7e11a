//! `webhook test` and `webhook replay`.

use clap::{Args, Subcommand};

use super::calls::CallArgs;
use super::device::DeviceArgs;
use super::expected::ExpectedArgs;
use super::kept::{self, Source};
use super::{record, show};
use crate::cli::args::local::LocalArg;
use crate::cli::exit::Exit;
use crate::cli::input::read;
use crate::cli::local::LocalChoice;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::service::Trial;

/// Try a custom allocation function without a device
#[derive(Debug, Args)]
#[command(after_help = "\
Sends the request that DPS would send, judges the answer as the service does, and says what the
device would be told and whatever is odd in the answer. Nothing is registered, and an answer of
429 or above is not asked for again.

Examples:
  provision-sim webhook test http://localhost:7071/api/HttpTrigger1 --reg-id contoso-toaster-007 \\
      --group contoso-custom-allocated-devices
  provision-sim webhook test --local --reg-id contoso-heatpump-088 --expect-status 400
  provision-sim webhook test @function.url --reg-id pump-0042 --payload '{\"fw\":\"1.0\"}' \\
      --linked-hub hub-east.azure-devices.net --linked-hub hub-west.azure-devices.net \\
      --expect-hub hub-west.azure-devices.net --repeat 20
  provision-sim webhook replay --last
  provision-sim webhook replay function.log http://localhost:7071/api/HttpTrigger1

Exit codes: 0 accepted, or as expected; 2 bad input, nothing was sent; 3 no answer could be had;
5 the answer refuses the device, is of no use, or is not what was expected")]
pub(crate) struct Webhook {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask it for a device that you describe
    Test(Box<Test>),
    /// Ask it again what it was asked before
    Replay(Replay),
}

/// Ask a custom allocation function for a device that you describe.
#[derive(Debug, Args)]
struct Test {
    /// Where the function is; its key, if it has one, belongs to it as ?code=… [default: with
    /// --local the webhook of the enrollment]
    #[arg(value_name = "URL|@FILE|-", required_unless_present = "local")]
    url: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    local: LocalArg,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    calls: CallArgs,
}

/// Ask a custom allocation function again what it was asked before.
#[derive(Debug, Args)]
struct Replay {
    /// A registration of the local service by its number in the journal, or a file with the request,
    /// such as a log of the function (- for standard input); then where the function is, unless it is
    /// the webhook of the enrollment
    #[arg(value_name = "SEQUENCE|FILE|-", num_args = 0..=2)]
    words: Vec<String>,
    /// The newest request of the local service
    #[arg(long)]
    last: bool,
    #[command(flatten)]
    local: LocalArg,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    calls: CallArgs,
}

impl Webhook {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let (trial, expected, calls) = match self.action {
            Action::Test(test) => {
                test.expected.check()?;
                (test.trial(printer)?, test.expected, test.calls)
            }
            Action::Replay(replay) => {
                replay.expected.check()?;
                (replay.trial(printer)?, replay.expected, replay.calls)
            }
        };
        let judgements = calls.ask(&trial)?;
        Ok(show::show(&trial, &judgements, &expected, calls.is_repeated(), printer))
    }
}

impl Test {
    fn trial(&self, printer: &mut Printer) -> Result<Trial, Report> {
        let local = self.local.find()?;
        let url = self.url.as_deref().map(|argument| read("URL", argument)).transpose()?;
        let url = url.as_deref().map(String::as_str);
        self.device.trial(url, local.as_ref(), &self.expected, printer)
    }
}

impl Replay {
    fn trial(&self, printer: &mut Printer) -> Result<Trial, Report> {
        let (source, url) = Source::of(self.last, &self.words)?;
        let url = url.map(|argument| read("URL", argument)).transpose()?;
        // The journal is that of a service of this machine, and so is the enrollment's webhook.
        let local = match self.local.find()? {
            None if source.is_journal() || url.is_none() => Some(LocalChoice::default().find()?),
            given => given,
        };
        let replay = source.find(local.as_ref(), printer)?;
        let url = match (url, &local) {
            (Some(url), local) => record::url(&url, local.as_ref())?,
            (None, Some(local)) => kept::webhook_of(replay.request(), local)?,
            (None, None) => return Err(Report::usage("no URL")),
        };
        Ok(Trial::again(url, replay))
    }
}
