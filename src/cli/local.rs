//! How `register --local` finds the service that `serve` runs: a small file in the state folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::exit::Exit;
use super::input::plain;
use super::private_file;
use super::report::Report;
use super::state_folder::state_folder;
use crate::device::Ports;
use crate::net::Endpoint;
use crate::wire::HTTPS_PORT;

/// What a running service says of itself: the ready line of `serve -o json`, and `local.json`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ready {
    /// Address of MQTT over TLS.
    pub(crate) mqtt: String,
    /// Address of HTTPS and of MQTT over WebSocket. A service of an older version writes `null`.
    pub(crate) https: Option<String>,
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
    /// The process, so that one service does not remove the file of the next.
    process: u32,
}

impl Local {
    /// Where it is dialled for MQTT.
    pub(crate) fn address(&self) -> Result<Endpoint, Report> {
        dialled(&self.ready.mqtt)
    }

    /// The ports that it listens on.
    pub(crate) fn ports(&self) -> Result<Ports, Report> {
        let port = |address: &str| dialled(address).map(|endpoint| endpoint.port());
        let mqtt = port(&self.ready.mqtt)?.unwrap_or(Ports::default().mqtt);
        let https = self.ready.https.as_deref().map(port).transpose()?.flatten();
        Ok(Ports { mqtt, https: https.unwrap_or(HTTPS_PORT) })
    }
}

/// A service that listens everywhere is dialled on this machine.
fn dialled(address: &str) -> Result<Endpoint, Report> {
    let here = address.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
    here.parse().map_err(|error| Report::usage(format!("--local: {address:?}: {error}")))
}

/// The published file of a running service. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Published {
    path: PathBuf,
}

impl Published {
    /// Writes the file by atomic rename.
    pub(crate) fn new(
        ready: &Ready,
        is_default_world: bool,
        hub_connection_strings: HubConnectionStrings,
    ) -> Result<Self, Report> {
        let path = state_folder()?.join("local.json");
        let local = Local {
            ready: ready.clone(),
            is_default_world,
            hub_connection_strings,
            process: std::process::id(),
        };
        let error = |error: std::io::Error| {
            Report::usage(format!("cannot write {}: {}", path.display(), plain(&error)))
                .remedy("set XDG_STATE_HOME to a folder that can be written")
        };
        let text = serde_json::to_string_pretty(&local).map_err(Report::internal)?;
        let text = Zeroizing::new(text);
        let write = || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            private_file::replace(&path, text.as_bytes())
        };
        write().map_err(error)?;
        Ok(Self { path })
    }
}

impl Published {
    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let is_ours = read(&self.path).is_some_and(|local| local.process == std::process::id());
        if is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn read(path: &PathBuf) -> Option<Local> {
    let text = Zeroizing::new(std::fs::read(path).ok()?);
    serde_json::from_slice(&text).ok()
}

/// The service that runs on this machine.
pub(crate) fn find() -> Result<Local, Report> {
    let path = state_folder()?.join("local.json");
    read(&path).ok_or_else(|| {
        Report::new("local", Exit::Network, "--local: no service is running on this machine")
            .cause(format!("{} is not there, or not readable", path.display()))
            .remedy("start `provision-sim serve` in another terminal")
    })
}
