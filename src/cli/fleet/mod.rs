//! `fleet`: many devices at once, what that will take, and what came of it.
//!
//! `run` is the fleet itself, with `who`, `pace` and `source` for its flags, `play` and `show` for its
//! course; `plan` computes beforehand, `merge` adds reports up, `report` shows one.

mod merge;
mod pace;
mod plan;
mod play;
mod report;
mod run;
mod show;
mod source;
mod who;

use clap::{Args, Subcommand};

use super::output::Printer;
use super::{Exit, Report};

/// Register many devices, and measure how it goes
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = run::HELP
)]
pub(super) struct Fleet {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Plan),
    Merge(merge::Merge),
}

impl Fleet {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        match self.command {
            Some(Command::Plan(command)) => command.run(printer),
            Some(Command::Merge(command)) => command.run(printer),
            None => self.run.run(printer),
        }
    }
}
