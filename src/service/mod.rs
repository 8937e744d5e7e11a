//! A local Device Provisioning Service.
//!
//! [`Service::start`] opens the endpoints; each hands what devices ask to the registrar, which
//! decides by pure rules (attestation, allocation, registration, reprovisioning) and stores before
//! it answers. This room must not know the device that asks: the two meet in
//! [`wire`](crate::wire), [`attestation`](crate::attestation) and [`net`](crate::net) only.

mod access;
mod allocation;
mod api;
mod attest;
mod authority;
mod config;
mod conversation;
pub mod endpoint;
mod enrollment;
mod hub;
mod hub_api;
mod instance;
mod journal;
mod mask;
mod operations;
mod quota;
mod record;
mod registrar;
mod registration;
mod reply;
mod reprovision;
mod sightings;
mod store;
mod twin;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::net::{listen, plain};
use crate::wire::RegistrationId;

pub use access::ServiceAccess;
pub use allocation::webhook::WebhookSettings;
pub use authority::{Authority, AuthorityError};
pub use config::{
    CertificateConfig, Config, ConfigError, LinkedHubConfig, ServiceAuthorizationConfig,
    retry_after,
};
pub use endpoint::HttpsPort;
pub use enrollment::Enrollments;
pub use enrollment::{
    AllocationPolicy, Attestation, Capabilities, CustomAllocationDefinition, Enrollment,
    EnrollmentError, Kind, ProvisioningStatus, ReprovisionPolicy, Secrets, Slots, Subject,
    WebhookUrl, WebhookUrlError, read as read_enrollment, show as show_enrollment,
};
pub use hub::{
    Admission, Authentication, HubDevice, HubError, HubFault, HubKey, HubProof, Hubs, Mail,
    Mailbox, SignedIn, TwinVerb,
};
pub use instance::{Instance, InstanceCertificate, LinkedHub};
pub use journal::{
    EntryAttestation, EntryEnrollment, EntryStatus, Journal, JournalEntry, JournalFilter, Observer,
    RegistrationEvent, Text, WebhookAttempt, WebhookExchange,
};
pub use quota::{Quota, Quotas, Rate, RateError, UnknownQuota};
pub use record::{Assignment, DeviceRecord, EnrollmentName, Outcome, ProvenBy};
pub use registrar::{Pace, Transport};
pub use reprovision::{Reprovisioning, ResetOnSameHub};
pub use store::{StateError, StoreError};
pub use twin::{InitialTwin, Properties, Twin, TwinChange, TwinError};

use allocation::webhook::WebhookClient;
use config::ConfiguredEnrollment;
use registrar::{Conduct, Registrar};
use store::{Disk, Opening, Store};

/// How a service is run.
#[derive(Debug)]
pub struct Options {
    /// Address of the listeners.
    pub bind: IpAddr,
    /// Port of MQTT over TLS; 0 picks a free one.
    pub mqtt_port: u16,
    /// Port of HTTPS and MQTT over WebSocket.
    pub https_port: HttpsPort,
    /// Port of the management listener, always on loopback; 0 picks a free one, without one there
    /// is none.
    pub admin_port: Option<u16>,
    /// Who signs the certificates that clients see.
    pub authority: Authority,
    /// What devices are told to wait, and how often.
    pub pace: Pace,
    /// What a reset means on the hub that a device has already (J-3).
    pub on_same_hub: ResetOnSameHub,
    /// How patient the service is with webhooks.
    pub webhooks: WebhookSettings,
    /// Registration IDs whose keys are tried, beside those seen, when a token does not match.
    pub suspects: Vec<RegistrationId>,
    /// Who wants to know of every registration.
    pub observer: Observer,
    /// The folder in which devices and enrollments are kept beyond the end of the service; made if
    /// it is not there. Without one they are forgotten.
    pub state: Option<PathBuf>,
}

impl Options {
    /// A service for this process alone: on free loopback ports, quick, and quiet.
    pub fn on_free_ports(authority: Authority) -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            mqtt_port: 0,
            https_port: HttpsPort::Exactly(0),
            admin_port: None,
            authority,
            pace: Pace { retry_after: Duration::ZERO, assigning_polls: 0 },
            on_same_hub: ResetOnSameHub::default(),
            webhooks: WebhookSettings::default(),
            suspects: Vec::new(),
            observer: Observer::default(),
            state: None,
        }
    }
}

/// Why a service did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certification authority cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// What was kept cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A port cannot be listened on.
    #[error("cannot listen on {address} for {endpoint}: {}", plain(.source))]
    Listen {
        /// Which endpoint.
        endpoint: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// A listener and the address that it got, or what was in the way.
fn listening(
    endpoint: &'static str,
    address: SocketAddr,
    listener: io::Result<TcpListener>,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let error = |source| StartError::Listen { endpoint, address, source };
    let listener = listener.map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    Ok((listener, address))
}

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    mqtt: SocketAddr,
    https: SocketAddr,
    admin: Option<SocketAddr>,
    registrar: Arc<Registrar>,
    access: Arc<ServiceAccess>,
    stop: watch::Sender<bool>,
    endpoints: Vec<JoinHandle<()>>,
}

impl Service {
    /// Starts a service. When this returns, devices can connect, and registrations that were under
    /// way when the last service on the same state ended go on.
    ///
    /// # Errors
    ///
    /// If the configuration is wrong, or something that it needs cannot be had.
    pub async fn start(config: &Config, options: Options) -> Result<Self, StartError> {
        let instance = config.instance()?;
        let configured = config.configured_enrollments(SystemTime::now())?;
        // The very records that the store begins with: keys that were made are the same.
        let mut initial = Enrollments::default();
        configured.iter().for_each(|it| initial.put(it.enrollment.clone()));
        let store = match options.state {
            None => Store::in_memory(initial.clone()),
            Some(folder) => open_state(config, &instance, configured, folder).await?,
        };
        let store = Arc::new(store);
        store.enrollments().iter().for_each(|it| warn_of_unlinked_hubs(&instance, it));
        let access = Arc::new(config.service_access()?);
        let webhooks = WebhookClient::new(options.webhooks);
        let hubs: Vec<_> = instance.linked_hubs.iter().map(|hub| hub.host_name.clone()).collect();
        let ca_pem = options.authority.pem().to_owned();
        let tls = endpoint::server_config(options.authority, hubs.clone())?;

        let address = SocketAddr::new(options.bind, options.mqtt_port);
        let (mqtt_listener, mqtt) = listening("MQTT", address, listen(address))?;
        let address = SocketAddr::new(options.bind, options.https_port.wanted());
        let (https_listener, https) =
            listening("HTTPS", address, options.https_port.listen(options.bind))?;

        let admin = match options.admin_port {
            Some(port) => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                Some(listening("management", address, listen(address))?)
            }
            None => None,
        };

        let hubs = Arc::new(Hubs::new(hubs, store.clone()));
        let conduct = Conduct {
            initial,
            webhooks,
            pace: options.pace,
            on_same_hub: options.on_same_hub,
            suspects: options.suspects,
            quotas: config.quotas,
            observer: options.observer,
        };
        let registrar = Arc::new(Registrar::new(instance, (store, hubs), conduct));
        registrar.resume();
        let (stop, stopped) = watch::channel(false);
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let mut endpoints = vec![
            tokio::spawn(endpoint::serve_mqtt(
                mqtt_listener,
                acceptor.clone(),
                registrar.clone(),
                stopped.clone(),
            )),
            tokio::spawn(endpoint::serve_https(
                https_listener,
                acceptor,
                registrar.clone(),
                access.clone(),
                stopped.clone(),
            )),
        ];
        let admin_address = admin.as_ref().map(|(_, address)| *address);
        if let Some((listener, _)) = admin {
            let registrar = registrar.clone();
            let admin = endpoint::Admin { registrar, ca_pem, mqtt, https };
            endpoints.push(tokio::spawn(endpoint::serve_admin(listener, admin, stopped)));
        }
        Ok(Self { mqtt, https, admin: admin_address, registrar, access, stop, endpoints })
    }

    /// Where MQTT over TLS is served.
    pub fn mqtt_address(&self) -> SocketAddr {
        self.mqtt
    }

    /// Where HTTPS and MQTT over WebSocket are served.
    pub fn https_address(&self) -> SocketAddr {
        self.https
    }

    /// Where the management listener is, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What the service remembers of the registrations it saw.
    pub fn journal(&self) -> &Journal {
        &self.registrar.journal
    }

    /// Forgets all device records, identities on hubs and the journal; the enrollments are those of the configuration
    /// again. Operations in progress end without a result (J-99).
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

/// What the service begins with where a state is kept: what is configured, and what was kept.
async fn open_state(
    config: &Config,
    instance: &Instance,
    configured: Vec<ConfiguredEnrollment>,
    folder: PathBuf,
) -> Result<Store, StartError> {
    let (id_scope, webhooks) = (instance.id_scope.clone(), config.webhooks().clone());
    let shown = folder.clone();
    let open = move || {
        let opening = Opening { id_scope: &id_scope, configured, webhooks };
        Disk::open(&folder, opening).map(|(disk, stored)| Store::durable(disk, stored))
    };
    let opened = tokio::task::spawn_blocking(open).await;
    let interrupted =
        |error| StateError::Io { action: "open", path: shown, source: io::Error::other(error) };
    Ok(opened.map_err(interrupted)??)
}

/// Stored as it is, but useless (J-31).
fn warn_of_unlinked_hubs(instance: &Instance, enrollment: &Enrollment) {
    let named = enrollment.named_hubs().unwrap_or_default();
    for name in named.into_iter().filter(|name| instance.linked_hub(name).is_none()) {
        tracing::warn!(
            "enrollment {}: names the hub {name}, which is not linked; it is never chosen (J-31)",
            enrollment.name()
        );
    }
}
