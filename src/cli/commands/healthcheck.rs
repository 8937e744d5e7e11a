//! `healthcheck`: whether a service is up, for whoever starts it and waits.

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::time::timeout as within;

use crate::cli::args::duration::timeout;
use crate::cli::args::listener::ListenerArgs;
use crate::cli::exit::Exit;
use crate::cli::local::Local;
use crate::cli::management::Management;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::net::{Route, Trust, client_config, dial};
use crate::text::spoken;
use crate::wire::{AMQP_PORT, HTTPS_PORT, MQTT_PORT};

/// Whether a service is up: exit code 0 if it is, 3 if not
#[derive(Debug, Args)]
#[command(after_help = "\
It asks the management listener; where a local service has none, it opens a TLS connection to each
of the other listeners.

Examples:
  provision-sim healthcheck
  provision-sim healthcheck --url http://dps:8880 --timeout 500ms
  HEALTHCHECK CMD [\"/provision-sim\", \"healthcheck\"]         # in a Dockerfile")]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    listener: ListenerArgs,
    /// How long it may take
    #[arg(long, default_value = "2s", value_parser = timeout, value_name = "DURATION")]
    timeout: Duration,
}

/// What a service that is up says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    mqtt: String,
    https: String,
    /// A service of an older version says of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    amqp: Option<String>,
    id_scope: String,
}

impl Healthcheck {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let health = run_to_end(self.health())??;
        if printer.is_text() {
            let Health { mqtt, https, id_scope, .. } = &health;
            let amqp = health.amqp.as_ref().map(|amqp| format!(", AMQP {amqp}"));
            let amqp = amqp.unwrap_or_default();
            printer.line(format!("healthy: MQTT {mqtt}, HTTPS {https}{amqp}, ID scope {id_scope}"));
        } else {
            printer.json(&health);
        }
        Ok(Exit::Done)
    }

    async fn health(&self) -> Result<Health, Report> {
        if let Some(management) = self.listener.elsewhere(self.timeout) {
            return asked(&management).await;
        }
        let local = self.listener.local()?;
        match Management::of(&local, self.timeout)? {
            Some(management) => asked(&management).await,
            None => within(self.timeout, dialled(&local)).await.unwrap_or_else(|_| {
                Err(unhealthy(format!("no TLS connection within {}", spoken(self.timeout))))
            }),
        }
    }
}

async fn asked(management: &Management) -> Result<Health, Report> {
    let (_, body) = management.get("/healthz").await.map_err(|report| unhealthy(report.message))?;
    let health = serde_json::from_slice::<Health>(&body).ok();
    health.filter(|health| health.status == "ok").ok_or_else(|| {
        unhealthy(format!("what answers at {} is no provision-sim", management.shown()))
    })
}

/// Whether each listener of a local service takes a connection and shows a certificate of its CA.
async fn dialled(local: &Local) -> Result<Health, Report> {
    let tls = client_config(&Trust::File(local.ready.ca_file.clone()))
        .map_err(|error| unhealthy(error.to_string()))?;
    let https = local.ready.https.clone().unwrap_or_default();
    let amqp = local.amqp_address()?.map(|amqp| (amqp, AMQP_PORT));
    let endpoints = [(local.address()?, MQTT_PORT), (local.https_address()?, HTTPS_PORT)];
    for (endpoint, port) in endpoints.into_iter().chain(amqp) {
        dial(&endpoint, port, &Route::default(), tls.clone(), |_| {})
            .await
            .map_err(|error| unhealthy(format!("{endpoint}: {error}")))?;
    }
    Ok(Health {
        status: "ok".to_owned(),
        version: None,
        mqtt: local.ready.mqtt.clone(),
        https,
        amqp: local.ready.amqp.clone(),
        id_scope: local.ready.id_scope.clone(),
    })
}

fn unhealthy(why: String) -> Report {
    Report::new("unhealthy", Exit::Network, format!("unhealthy: {why}"))
}
