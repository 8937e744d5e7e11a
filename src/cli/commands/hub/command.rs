//! `hub`: what a device does at its hub, without a registration.

use clap::{Args, Subcommand};

use super::renew::Renew;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;

/// What a provisioned device does at its hub
#[derive(Debug, Args)]
pub(crate) struct Hub {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Renew(Box<Renew>),
}

impl Hub {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        match self.action {
            Action::Renew(renew) => renew.run(printer),
        }
    }
}
