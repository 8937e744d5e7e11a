//! `fleet`: many devices at once.

use clap::{Args, Subcommand};

use super::output::Printer;
use super::{Exit, Report, fleet_merge, fleet_plan};

/// Plan a rollout, and read how it went
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  provision-sim fleet plan --count 100000
      how long a rollout takes under the documented limits, and how fast to start it
  provision-sim fleet merge shard-*.json --report fleet.html
      one report of all shards of a run"
)]
pub(super) struct Fleet {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(fleet_plan::Plan),
    Merge(fleet_merge::Merge),
}

impl Fleet {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        match self.command {
            Command::Plan(command) => command.run(printer),
            Command::Merge(command) => command.run(printer),
        }
    }
}
