//! The start of a service.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::ServiceAccess;
use super::allocation::webhook::WebhookClient;
use super::authority::Authority;
use super::config::{Config, ConfiguredEnrollment};
use super::doubt;
use super::endpoint::{self, EndpointKind, HttpsPort};
use super::enrollment::Enrollments;
use super::hub::Hubs;
use super::instance::Instance;
use super::options::Options;
use super::registrar::{Registrar, RegistrarSettings};
use super::running::Service;
use super::start_error::StartError;
use super::store::{Disk, Opening, StateError, Store};
use crate::net::listen;
use crate::wire::writable;

impl Service {
    /// Starts a service. When this returns, devices can connect, and registrations that were in
    /// progress when the last service on the same state ended go on.
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
        warn_of_clock(SystemTime::now());
        instance.warn_of_leniency();
        doubt::warn_of_all(&instance, store.enrollments().iter().map(Arc::as_ref));
        let access = Arc::new(config.service_access()?);
        let webhooks = WebhookClient::new(options.webhooks);
        let names: Vec<_> = instance.linked_hubs.iter().map(|hub| hub.host_name.clone()).collect();
        let authority = Arc::new(options.authority);
        let dialled = endpoint::Names { hubs: names.clone(), hosts: options.host_names };
        let tls = endpoint::Tls::new(authority.clone(), dialled)?;

        let mqtt = SocketAddr::new(options.bind, options.mqtt_port);
        let listeners = Listeners::open(mqtt, options.https_port, options.admin_port)?;

        let store = Arc::new(store);
        let hubs = Arc::new(Hubs::new(names, store.clone()));
        let settings = RegistrarSettings {
            initial,
            webhooks,
            pace: options.pace,
            on_same_hub: options.on_same_hub,
            suspects: options.suspects,
            quotas: config.quotas,
            observer: options.observer,
        };
        let registrar = Arc::new(Registrar::new(instance, (store, hubs), settings));
        registrar.resume();
        Ok(listeners.serve(&registrar, &access, &tls, authority))
    }
}

/// A clock that no calendar has is told once; the service runs with the nearest time that can be
/// written (J-206).
fn warn_of_clock(now: SystemTime) {
    if writable(now) != now {
        tracing::warn!(
            "this machine's clock is set before 1970 or after 9999: answers and certificates have the nearest of these times, and devices with a right clock will refuse them"
        );
    }
}

/// A listener and the address that it got.
struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

impl Listener {
    fn new(
        endpoint: EndpointKind,
        address: SocketAddr,
        tcp: io::Result<TcpListener>,
    ) -> Result<Self, StartError> {
        let error = |source| StartError::Listen { endpoint, address, source };
        let tcp = tcp.map_err(error)?;
        let address = tcp.local_addr().map_err(error)?;
        Ok(Self { tcp, address })
    }
}

/// The listeners of all endpoints, before anything is served.
struct Listeners {
    mqtt: Listener,
    https: Listener,
    management: Option<Listener>,
}

impl Listeners {
    fn open(
        mqtt: SocketAddr,
        https_port: HttpsPort,
        admin_port: Option<u16>,
    ) -> Result<Self, StartError> {
        let https = SocketAddr::new(mqtt.ip(), https_port.wanted());
        let management = |port| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            Listener::new(EndpointKind::Management, address, listen(address))
        };
        Ok(Self {
            mqtt: Listener::new(EndpointKind::Mqtt, mqtt, listen(mqtt))?,
            https: Listener::new(EndpointKind::Https, https, https_port.listen(mqtt.ip()))?,
            management: admin_port.map(management).transpose()?,
        })
    }

    fn serve(
        self,
        registrar: &Arc<Registrar>,
        access: &Arc<ServiceAccess>,
        tls: &endpoint::Tls,
        authority: Arc<Authority>,
    ) -> Service {
        let (mqtt, https) = (self.mqtt.address, self.https.address);
        let admin = self.management.as_ref().map(|listener| listener.address);
        let (stop, stopped) = watch::channel(false);
        let mut endpoints: Vec<JoinHandle<()>> = vec![
            tokio::spawn(endpoint::serve_mqtt(
                self.mqtt.tcp,
                tls.clone(),
                registrar.clone(),
                stopped.clone(),
            )),
            tokio::spawn(endpoint::serve_https(
                self.https.tcp,
                tls.clone(),
                registrar.clone(),
                access.clone(),
                stopped.clone(),
            )),
        ];
        if let Some(listener) = self.management {
            let registrar = registrar.clone();
            let managed = endpoint::Admin { registrar, authority, mqtt, https };
            endpoints.push(tokio::spawn(endpoint::serve_admin(listener.tcp, managed, stopped)));
        }
        let (registrar, access) = (registrar.clone(), access.clone());
        Service { mqtt, https, admin, registrar, access, stop, endpoints }
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
