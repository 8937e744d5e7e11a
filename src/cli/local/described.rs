//! What a running service says of itself, for other commands of this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api_client::ServiceClient;
use crate::cli::report::Report;
use crate::device::Ports;
use crate::net::{Endpoint, Trust, client_config, from_here};
use crate::wire::{AMQP_PORT, HTTPS_PORT};

/// What a running service says of itself: the ready line of `serve -o json`, and `local.json`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ready {
    /// Address of MQTT over TLS.
    pub(crate) mqtt: String,
    /// Address of HTTPS, and of MQTT and AMQP over WebSocket. A service of an older version writes `null`.
    pub(crate) https: Option<String>,
    /// Address of AMQP over TLS. A service of an older version writes none, or `null`.
    #[serde(default)]
    pub(crate) amqp: Option<String>,
    /// Address of the gateway; `null` while there is none. A service of an older version writes none.
    #[serde(default)]
    pub(crate) gateway: Option<String>,
    /// Address of the management listener; `null` while there is none.
    pub(crate) admin: Option<String>,
    /// What clients have to trust.
    pub(crate) ca_file: PathBuf,
    /// The ID scope served.
    pub(crate) id_scope: String,
    /// For the service API; `null` while there is none.
    pub(crate) service_connection_string: Option<Zeroizing<String>>,
}

/// What back ends need to use each hub. They hold a key.
pub(crate) type HubConnectionStrings = BTreeMap<String, Zeroizing<String>>;

/// Where the webhooks are that configurations call by a name. Their addresses hold function keys.
pub(crate) type NamedWebhooks = BTreeMap<String, Zeroizing<String>>;

/// The file's content.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Local {
    #[serde(flatten)]
    pub(crate) ready: Ready,
    /// Whether it is the tutorial's world, whose group key is no secret.
    pub(crate) is_default_world: bool,
    /// For the service APIs of the hubs, by host name. A service of an older version writes none.
    #[serde(default)]
    pub(crate) hub_connection_strings: HubConnectionStrings,
    /// So that commands may write the names too (J-221). A service of an older version writes none.
    #[serde(default)]
    pub(crate) webhooks: NamedWebhooks,
    /// What devices are told to wait between polls, in milliseconds, and how many polls are answered
    /// that it is not done yet: what a fleet has to expect. A service of an older version writes none.
    #[serde(default)]
    pub(crate) retry_after_ms: u64,
    #[serde(default)]
    pub(crate) assigning_polls: u32,
    /// What one of several services is called.
    #[serde(default)]
    pub(crate) name: String,
    /// The process, so that one service does not remove the file of the next.
    pub(super) process: u32,
}

impl Local {
    /// One of a service that runs in this process.
    pub(crate) fn new(ready: Ready, name: String) -> Self {
        Self {
            ready,
            is_default_world: false,
            hub_connection_strings: HubConnectionStrings::new(),
            webhooks: NamedWebhooks::new(),
            retry_after_ms: 0,
            assigning_polls: 0,
            name,
            process: std::process::id(),
        }
    }

    /// Where it is dialled for MQTT.
    pub(crate) fn address(&self) -> Result<Endpoint, Report> {
        dialled(&self.ready.mqtt)
    }

    /// Where it is dialled for HTTPS; a service of an older version may say of none.
    pub(crate) fn https_address(&self) -> Result<Endpoint, Report> {
        dialled(self.ready.https.as_deref().unwrap_or(&self.ready.mqtt))
    }

    /// Where it is dialled for AMQP; a service of an older version says of none.
    pub(crate) fn amqp_address(&self) -> Result<Option<Endpoint>, Report> {
        self.ready.amqp.as_deref().map(dialled).transpose()
    }

    /// Where its management listener is, if it has one.
    pub(crate) fn admin(&self) -> Result<Option<Endpoint>, Report> {
        self.ready.admin.as_deref().map(dialled).transpose()
    }

    /// A client of its service API; `flag` is what needs it.
    pub(crate) fn client(&self, flag: &str) -> Result<ServiceClient, Report> {
        let Some(text) = &self.ready.service_connection_string else {
            return Err(Report::usage(format!("{flag}: the local service has no service API"))
                .remedy("start `provision-sim serve` anew, of this version"));
        };
        let connection = text.parse().map_err(Report::internal)?;
        let tls = client_config(&Trust::File(self.ready.ca_file.clone()))
            .map_err(|error| Report::usage(format!("--local: {error}")))?;
        Ok(ServiceClient::new(connection, &tls))
    }

    /// How long a device waits that does as it is told.
    pub(crate) fn pause(&self) -> Duration {
        let polls = self.assigning_polls.saturating_add(1);
        Duration::from_millis(self.retry_after_ms).saturating_mul(polls)
    }

    /// The ports that it listens on.
    pub(crate) fn ports(&self) -> Result<Ports, Report> {
        let port = |address: &str| dialled(address).map(|endpoint| endpoint.port());
        let mqtt = port(&self.ready.mqtt)?.unwrap_or(Ports::default().mqtt);
        let https = self.ready.https.as_deref().map(port).transpose()?.flatten();
        let amqp = self.ready.amqp.as_deref().map(port).transpose()?.flatten();
        Ok(Ports { mqtt, https: https.unwrap_or(HTTPS_PORT), amqp: amqp.unwrap_or(AMQP_PORT) })
    }
}

fn dialled(address: &str) -> Result<Endpoint, Report> {
    let here = address.parse().map(|address| from_here(address).to_string());
    here.as_deref()
        .unwrap_or(address)
        .parse()
        .map_err(|error| Report::usage(format!("--local: {address:?}: {error}")))
}
