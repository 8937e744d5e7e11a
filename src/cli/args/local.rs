//! The service of this machine.

use clap::Args;

use crate::cli::local::{Local, LocalChoice};
use crate::cli::report::Report;

/// Whether it is a service of this machine, and which.
#[derive(Debug, Args)]
pub(crate) struct LocalArg {
    /// The service that `provision-sim serve` runs on this machine: fills host, port, CA, ID scope and
    /// credential. NAME, or the port of its MQTT, where several run
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    local: Option<LocalChoice>,
}

impl LocalArg {
    /// Whether it was given.
    pub(crate) fn is_given(&self) -> bool {
        self.local.is_some()
    }

    /// The flag as it was given.
    pub(crate) fn as_given(&self) -> Option<String> {
        self.local.as_ref().map(LocalChoice::as_flag)
    }

    /// The service that is meant, if the flag was given.
    pub(crate) fn find(&self) -> Result<Option<Local>, Report> {
        self.local.as_ref().map(LocalChoice::find).transpose()
    }
}
