//! A running service: where it is, what it knows, and its end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::access::ServiceAccess;
use super::authority::{Authority, AuthorityError};
use super::enrollment::Enrollments;
use super::faults::Faults;
use super::hub::Hubs;
use super::instance::Instance;
use super::journal::Journal;
use super::registrar::Registrar;
use super::store::StoreError;

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    pub(super) mqtt: SocketAddr,
    pub(super) https: SocketAddr,
    pub(super) amqp: SocketAddr,
    pub(super) gateway: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) registrar: Arc<Registrar>,
    pub(super) access: Arc<ServiceAccess>,
    pub(super) authority: Arc<Authority>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) endpoints: Vec<JoinHandle<()>>,
}

impl Service {
    /// Where MQTT over TLS is served.
    pub fn mqtt_address(&self) -> SocketAddr {
        self.mqtt
    }

    /// Where HTTPS, and MQTT and AMQP over WebSocket, are served.
    pub fn https_address(&self) -> SocketAddr {
        self.https
    }

    /// Where AMQP over TLS is served.
    pub fn amqp_address(&self) -> SocketAddr {
        self.amqp
    }

    /// Where the gateway is, if there is one: a proxy (HTTP CONNECT and SOCKS5) through which clients
    /// reach this service under Azure's names and ports.
    pub fn gateway_address(&self) -> Option<SocketAddr> {
        self.gateway
    }

    /// Where the management listener is, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What the service remembers of the registrations it saw.
    pub fn journal(&self) -> &Journal {
        &self.registrar.journal
    }

    /// The faults that it has on demand: what there are, and how to have others.
    pub fn faults(&self) -> &Faults {
        &self.registrar.faults
    }

    /// Forgets all device records, identities on hubs and the journal; the enrollments and the faults on demand are those of
    /// the start again. Operations in progress end without a result (J-99).
    ///
    /// # Errors
    ///
    /// If the stored state cannot be changed.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.registrar.reset().await
    }

    /// How back ends reach the service API at `host`: holds the policy's key.
    pub fn connection_string(&self, host: &str) -> Zeroizing<String> {
        self.access.connection_string(host)
    }

    /// How back ends reach the hub at `host`, which is its name, or where HTTPS is served (J-131):
    /// holds the same key.
    pub fn hub_connection_string(&self, host: &str) -> Zeroizing<String> {
        self.access.hub_connection_string(host)
    }

    /// Writes the certificate that clients have to trust to a file that everybody may read, and again
    /// should there be more to trust (J-207). The file stays when the service ends.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_ca(&self, path: &Path) -> Result<(), AuthorityError> {
        self.authority.copy_to(path)
    }

    /// The instance that is served.
    pub fn instance(&self) -> &Instance {
        self.registrar.instance()
    }

    /// The hubs to which its devices are assigned.
    pub fn hubs(&self) -> &Hubs {
        self.registrar.hubs()
    }

    /// The enrollments as they are now.
    pub fn enrollments(&self) -> Enrollments {
        self.registrar.enrollments()
    }

    /// Ends the service; when this returns, its connections are closed, and so is its state.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.registrar.stop();
        for endpoint in self.endpoints.drain(..) {
            let _ = endpoint.await;
        }
        self.registrar.end().await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.registrar.stop();
    }
}
