//! How devices get to the service of a stage, and from there to their hubs.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::device::Ports;
use crate::net::{Endpoint, Route};
use crate::wire::IdScope;

/// How devices get to the service. It stays the same for as long as the stage is there, also when the
/// service is stopped and started again.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The host that devices are told, without a port.
    pub host: Endpoint,
    /// The ports of each transport.
    pub ports: Ports,
    /// The way there.
    pub route: Route,
    /// Which instance.
    pub id_scope: IdScope,
    /// Whom devices trust.
    pub tls: Arc<ClientConfig>,
    /// The same as a file, for commands; none for what the system trusts.
    pub ca_file: Option<PathBuf>,
    /// The proxy through which SDKs get there under Azure's names.
    pub gateway: Option<Endpoint>,
    /// Who is dialled in the place of every hub, without a port; none if hubs are dialled by their
    /// names.
    pub hubs: Option<Endpoint>,
}

impl Reach {
    /// Where MQTT over TLS is.
    pub fn mqtt(&self) -> Endpoint {
        self.host.or_port(self.ports.mqtt)
    }

    /// Where HTTPS, and MQTT and AMQP over WebSocket are.
    pub fn https(&self) -> Endpoint {
        self.host.or_port(self.ports.https)
    }

    /// Where AMQP is.
    pub fn amqp(&self) -> Endpoint {
        self.host.or_port(self.ports.amqp)
    }
}
