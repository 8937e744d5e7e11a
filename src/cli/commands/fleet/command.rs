//! `fleet` and its subcommands.

use clap::{Args, Subcommand};

use super::{merge, plan, run};
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;

/// Register many devices, and measure how it goes
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = run::HELP
)]
pub(crate) struct Fleet {
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
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        match self.command {
            Some(Command::Plan(command)) => command.run(printer),
            Some(Command::Merge(command)) => command.run(printer),
            None => self.run.run(printer),
        }
    }
}
