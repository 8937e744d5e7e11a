//! How the function is called, and how often.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::args::duration::timeout;
use crate::cli::input;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::net::{ProxyVariables, Trust, client_config};
use crate::service::{Judgement, Trial, WebhookClient, WebhookSettings};

/// How it is called.
#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// Ask so many times, one after the other, and tell how long the calls took
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    repeat: u32,
    /// How long one call may take
    #[arg(long, alias = "webhook-timeout", default_value = "10s", value_parser = timeout, value_name = "DURATION")]
    timeout: Duration,
    /// CA certificates that an https function must be certified by, in place of the system's
    #[arg(long, alias = "webhook-ca", value_name = "PEM")]
    webhook_ca_file: Option<PathBuf>,
}

impl CallArgs {
    /// Whether it is asked more than once.
    pub(super) fn is_repeated(&self) -> bool {
        self.repeat > 1
    }

    /// Asks, and judges every answer.
    pub(super) fn ask(&self, trial: &Trial) -> Result<Vec<Judgement>, Report> {
        let client = WebhookClient::new(self.settings()?);
        run_to_end(async {
            let mut judgements = Vec::new();
            for _ in 0..self.repeat {
                judgements.push(client.attempt(trial).await);
            }
            judgements
        })
    }

    /// Nothing is asked again: each answer is to be seen.
    fn settings(&self) -> Result<WebhookSettings, Report> {
        let trust = self.webhook_ca_file.clone().map_or(Trust::System, Trust::File);
        if self.webhook_ca_file.is_some() {
            client_config(&trust)
                .map_err(|error| Report::usage(format!("--webhook-ca-file: {error}")))?;
        }
        let proxies = ProxyVariables::read(input::variable);
        Ok(WebhookSettings { timeout: self.timeout, retries: Vec::new(), trust, proxies })
    }
}
