//! The start of a service.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::ServiceAccess;
use super::allocation::webhook::WebhookClient;
use super::authority::Authority;
use super::commentary::Commentary;
use super::config::{Config, ConfiguredEnrollment};
use super::doubt;
use super::endpoint::{self, EndpointKind, Port};
use super::enrollment::Enrollments;
use super::faults::Faults;
use super::hub::Hubs;
use super::instance::Instance;
use super::issuing::Authorities;
use super::options::{AdminOptions, Options};
use super::registrar::{Registrar, RegistrarSettings};
use super::running::Service;
#[cfg(feature = "page")]
use super::simulator::Simulator;
use super::start_error::StartError;
use super::store::{Disk, Opening, StateError, Store};
use crate::wire::writable;

impl Service {
    /// Starts a service. When this returns, devices can connect, and registrations that were in
    /// progress when the last service on the same state ended go on.
    ///
    /// # Errors
    ///
    /// If the configuration is wrong, or something that it needs cannot be had.
    pub async fn start(config: &Config, options: Options) -> Result<Self, StartError> {
        let sources = options.sources.clone();
        if sources.chance.is_seeded() {
            tracing::warn!(
                "its keys and IDs follow from a seed: whoever knows it knows them; for tests only (J-310)"
            );
        }
        let instance = config.instance()?;
        let configured = config.configured_enrollments(&sources)?;
        // The very records that the store begins with: keys that were made are the same.
        let mut initial = Enrollments::default();
        configured.iter().for_each(|it| initial.put(it.enrollment.clone()));
        let store = match &options.state {
            None => Store::in_memory(initial.clone()),
            Some(folder) => open_state(config, &instance, configured, folder.clone()).await?,
        };
        let given = config.issuing_authorities()?;
        let authorities =
            Authorities::open(&instance, given, options.state.as_deref(), sources.clone())?;
        let authorities = Arc::new(authorities);
        warn_of_clock(sources.now());
        instance.warn_of_leniency();
        doubt::warn_of_hubs(&instance);
        doubt::warn_of_all(&instance, store.enrollments().iter().map(Arc::as_ref));
        let access = Arc::new(config.service_access(&sources.chance)?);
        let names: Vec<_> = instance.linked_hubs.iter().map(|hub| hub.host_name.clone()).collect();
        let listeners = Listeners::open(&options)?;
        let authority = Arc::new(options.authority);
        let dialled = endpoint::Names { hubs: names.clone(), hosts: options.host_names.clone() };
        let tls = endpoint::Tls::new(authority.clone(), dialled.clone())?;

        let store = Arc::new(store);
        let hubs = Arc::new(
            Hubs::new(names, store.clone(), sources.clone()).with_authorities(authorities.clone()),
        );
        let settings = RegistrarSettings {
            initial,
            webhooks: WebhookClient::new(options.webhooks).by(sources.clock.clone()),
            pace: options.pace,
            on_same_hub: options.on_same_hub,
            suspects: options.suspects,
            quotas: config.quotas,
            authorities,
            faults: Faults::new(
                config.faults.iter().cloned().chain(options.faults),
                sources.clone(),
            ),
            observer: options.observer,
            tap: options.tap,
            sources,
        };
        let registrar = Arc::new(Registrar::new(instance, (store, hubs), settings));
        registrar.resume();
        let served = Served {
            registrar,
            access,
            tls,
            authority,
            host_names: options.host_names,
            led: Led { names: dialled, is_open: options.gateway_open },
            commentary: options.commentary,
            #[cfg(feature = "page")]
            simulator: options.simulator,
        };
        Ok(listeners.serve(served))
    }
}

/// A clock that no calendar has is told once; the service runs with the nearest time that can be
/// written (J-206).
fn warn_of_clock(now: std::time::SystemTime) {
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
    /// Opens one. No port that is `asked` for by another is taken without being asked for.
    fn open(
        endpoint: EndpointKind,
        bind: IpAddr,
        port: Port,
        asked: &[u16],
    ) -> Result<Self, StartError> {
        let address = SocketAddr::new(bind, port.wanted(endpoint));
        let error = |source| StartError::Listen { endpoint, address, source };
        let tcp = port.listen(endpoint, bind, asked).map_err(error)?;
        let address = tcp.local_addr().map_err(error)?;
        Ok(Self { tcp, address })
    }
}

/// The listeners of all endpoints, before anything is served.
struct Listeners {
    mqtt: Listener,
    https: Listener,
    amqp: Listener,
    gateway: Option<Listener>,
    management: Option<Listener>,
}

/// What they serve.
struct Served {
    registrar: Arc<Registrar>,
    access: Arc<ServiceAccess>,
    tls: endpoint::Tls,
    authority: Arc<Authority>,
    host_names: Vec<String>,
    led: Led,
    commentary: Commentary,
    #[cfg(feature = "page")]
    simulator: Option<Arc<dyn Simulator>>,
}

/// What the gateway leads.
struct Led {
    names: endpoint::Names,
    is_open: bool,
}

impl Listeners {
    fn open(options: &Options) -> Result<Self, StartError> {
        let admin_port = options.admin.map(|admin| admin.port);
        let gateway_port = options.gateway_port.map(Port::Exactly);
        let device_ports = [options.mqtt_port, options.https_port, options.amqp_port];
        let ports = device_ports.into_iter().chain(gateway_port).chain(admin_port);
        let asked: Vec<u16> = ports.filter_map(Port::asked).collect();
        let gateway = |port| {
            Listener::open(EndpointKind::Gateway, IpAddr::V4(Ipv4Addr::LOCALHOST), port, &asked)
        };
        let management =
            |it: AdminOptions| Listener::open(EndpointKind::Management, it.bind, it.port, &asked);
        let device = |endpoint, port| Listener::open(endpoint, options.bind, port, &asked);
        Ok(Self {
            mqtt: device(EndpointKind::Mqtt, options.mqtt_port)?,
            https: device(EndpointKind::Https, options.https_port)?,
            amqp: device(EndpointKind::Amqp, options.amqp_port)?,
            gateway: gateway_port.map(gateway).transpose()?,
            management: options.admin.map(management).transpose()?,
        })
    }

    fn serve(self, served: Served) -> Service {
        let Served {
            registrar,
            access,
            tls,
            authority,
            host_names,
            led,
            commentary,
            #[cfg(feature = "page")]
            simulator,
        } = served;
        let (mqtt, https, amqp) = (self.mqtt.address, self.https.address, self.amqp.address);
        let gateway = self.gateway.as_ref().map(|listener| listener.address);
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
            tokio::spawn(endpoint::serve_amqp(
                self.amqp.tcp,
                tls,
                registrar.clone(),
                stopped.clone(),
            )),
        ];
        if let Some(listener) = self.gateway {
            let listening = endpoint::Listening { mqtt, https, amqp, management: admin };
            let gateway = endpoint::Gateway::new(listening, led.names, led.is_open);
            endpoints.push(tokio::spawn(endpoint::serve_gateway(
                listener.tcp,
                gateway,
                stopped.clone(),
            )));
        }
        if let Some(listener) = self.management {
            warn_of_reach(listener.address);
            let registrar = registrar.clone();
            let authority = authority.clone();
            let managed = endpoint::Admin {
                registrar,
                authority,
                commentary,
                mqtt,
                https,
                amqp,
                #[cfg(feature = "page")]
                gateway,
                #[cfg(feature = "page")]
                simulator,
            };
            let hosts = endpoint::Hosts::new(listener.address.ip(), host_names);
            let serve = endpoint::serve_admin(listener.tcp, managed, hosts, stopped);
            endpoints.push(tokio::spawn(serve));
        }
        Service { mqtt, https, amqp, gateway, admin, registrar, access, authority, stop, endpoints }
    }
}

/// Who opens the management listener to others should know what they can do (J-209).
fn warn_of_reach(admin: SocketAddr) {
    if !admin.ip().is_loopback() {
        tracing::warn!(
            "the management listener is at {admin}, and has no password: whoever reaches that address can see and change everything here. Open it in networks of your own only, such as that of a compose file"
        );
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
