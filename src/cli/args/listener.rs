//! Which management listener is asked: that of a service of this machine, or one elsewhere.

use std::time::Duration;

use clap::Args;

use crate::cli::local::{Local, LocalChoice};
use crate::cli::management::{ListenerUrl, Management};
use crate::cli::report::Report;

/// Whose listener it is.
#[derive(Debug, Args)]
pub(crate) struct ListenerArgs {
    /// The service that `provision-sim serve` runs on this machine or in this container: NAME, or the
    /// port of its MQTT, where several run [default: the only one]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    local: Option<LocalChoice>,
    /// The management listener of a service elsewhere
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    url: Option<ListenerUrl>,
}

impl ListenerArgs {
    /// The one elsewhere, if that is meant.
    pub(crate) fn elsewhere(&self, patience: Duration) -> Option<Management> {
        self.url.as_ref().map(|url| Management::at(url, patience))
    }

    /// The service of this machine that is meant, where none is elsewhere.
    pub(crate) fn local(&self) -> Result<Local, Report> {
        self.local.clone().unwrap_or_default().find()
    }
}
