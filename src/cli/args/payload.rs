//! What a device has to say to a custom allocation webhook.

use clap::Args;
use clap::builder::Resettable;

use crate::cli::input::{read, wrong_json};
use crate::cli::report::Report;
use crate::wire::{MAX_MESSAGE, Payload, PayloadError};

/// What the device has to say.
#[derive(Debug, Args)]
pub(crate) struct PayloadArgs {
    /// What the device has to say to a custom allocation webhook: a JSON object [default: nothing]
    #[arg(
        long,
        value_name = "JSON|@FILE|-",
        allow_hyphen_values = true,
        help_heading = Resettable::Reset
    )]
    payload: Option<String>,
}

impl PayloadArgs {
    /// The flag, and its argument if it was given.
    pub(crate) fn given(&self) -> (&'static str, Option<&str>) {
        ("--payload", self.payload.as_deref())
    }

    /// The payload, read and checked.
    pub(crate) fn resolve(&self) -> Result<Option<Payload>, Report> {
        let Some(argument) = &self.payload else { return Ok(None) };
        let text = read("--payload", argument)?;
        let payload: Payload = text.parse().map_err(|error: PayloadError| {
            wrong_json("--payload", argument, &text, &error.to_string(), r#"{"fw":"1.0"}"#)
        })?;
        let length = payload.as_json().len();
        if length > MAX_MESSAGE {
            return Err(Report::usage(format!(
                "--payload: it has {length} bytes; DPS takes messages of up to {MAX_MESSAGE}"
            )));
        }
        if let Some(warning) = payload.warning() {
            tracing::warn!("--payload: {warning}");
        }
        Ok(Some(payload))
    }
}
