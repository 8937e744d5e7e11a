//! The handle to a local service that is up: where it is, what it saw, and whether that was expected.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ClientConfig;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::account;
use super::error::{DEFAULT_GROUP, Unmet};
use super::expectation::Expectation;
use super::host::Host;
use super::plan::Served;
use crate::attestation::{DeviceKey, GroupKey};
use crate::contoso::SampleFunction;
use crate::function_app::ServedFunctions;
use crate::net::{Endpoint, EndpointError};
use crate::service::{EntryStatus, FaultRuleError, Journal, JournalEntry, Service};
use crate::sources::Sources;
use crate::wire::{IdScope, RegistrationId};

/// What a local service has besides.
pub(super) struct Parts {
    pub(super) ca_pem: String,
    pub(super) ca_file: PathBuf,
    pub(super) folder: TempDir,
    pub(super) group_key: GroupKey,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) expectations: Vec<Expectation>,
    pub(super) wait_timeout: Duration,
    pub(super) sources: Sources,
}

/// A service for one test. Dropping it verifies the expectations and ends it.
///
/// It runs on a thread of its own, whatever runs the test: a test on a single thread, even one whose
/// client blocks that thread, cannot starve it (J-155). It knows nothing of other services, so tests
/// may run side by side.
///
/// ```
/// use provision_sim::device::ProvisioningClient;
/// use provision_sim::{Expectation, LocalService};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = LocalService::start().await?;
/// service.expect(Expectation::registration("pump-1").assigned_to(LocalService::DEFAULT_HUB).times(1));
///
/// // In your test, your own device: the address, the ID scope, the CA and the key are those of
/// // `mqtt_address`, `id_scope`, `ca_file` and `device_key`.
/// let device = ProvisioningClient::new(service.device_settings(&"pump-1".parse()?));
/// let registered = device.register(&mut |_| ()).await?;
///
/// assert_eq!(registered.assigned_hub, LocalService::DEFAULT_HUB);
/// service.verify().await;
/// # Ok(())
/// # }
/// ```
pub struct LocalService {
    service: Arc<Service>,
    gateway: SocketAddr,
    // They end when dropped.
    _function: Option<SampleFunction>,
    _functions: Option<ServedFunctions>,
    host: Host,
    ca_pem: String,
    ca_file: PathBuf,
    // The folder of that file, deleted when dropped.
    _folder: TempDir,
    group_key: GroupKey,
    endpoint: Endpoint,
    tls: Arc<ClientConfig>,
    expectations: Mutex<Vec<Expectation>>,
    wait_timeout: Duration,
    sources: Sources,
}

impl LocalService {
    /// The ID scope, unless another is given.
    pub const DEFAULT_ID_SCOPE: &str = "0ne00000001";
    /// The linked hub, unless others are given.
    pub const DEFAULT_HUB: &str = "local-hub.azure-devices.net";
    /// The enrollment group that every local service has (J-156).
    pub const DEFAULT_GROUP: &str = DEFAULT_GROUP;

    /// The handle to a service that is up.
    pub(super) fn new(host: Host, served: Served, parts: Parts) -> Result<Self, EndpointError> {
        let Served { service, function, functions } = served;
        Ok(Self {
            // As an address: `localhost` may be another one first.
            endpoint: service.mqtt_address().ip().to_string().parse()?,
            gateway: service
                .gateway_address()
                .unwrap_or_else(|| unreachable!("every plan asks for one")),
            service,
            _function: function,
            _functions: functions,
            host,
            ca_pem: parts.ca_pem,
            ca_file: parts.ca_file,
            _folder: parts.folder,
            group_key: parts.group_key,
            tls: parts.tls,
            expectations: Mutex::new(parts.expectations),
            wait_timeout: parts.wait_timeout,
            sources: parts.sources,
        })
    }

    /// Puts the clock forward that [`clock`](super::LocalServiceBuilder::clock) has set: tokens end, and
    /// quotas are new. Whether there is one; the system's clock stays as it is.
    pub fn advance_clock(&self, by: Duration) -> bool {
        self.sources.clock.advance(by)
    }

    /// Where MQTT over TLS is served.
    pub fn mqtt_address(&self) -> SocketAddr {
        self.service.mqtt_address()
    }

    /// Where HTTPS, MQTT and AMQP over WebSocket, and the service API are served.
    pub fn https_address(&self) -> SocketAddr {
        self.service.https_address()
    }

    /// Where AMQP over TLS is served.
    pub fn amqp_address(&self) -> SocketAddr {
        self.service.amqp_address()
    }

    /// Where the gateway is: a proxy, HTTP CONNECT and SOCKS5 alike, through which SDKs reach this
    /// service and its hubs under Azure's own names and ports.
    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway
    }

    /// The same as a proxy's address, for `HTTPS_PROXY` and the like.
    pub fn gateway_url(&self) -> String {
        format!("http://{}", self.gateway)
    }

    /// The ID scope.
    pub fn id_scope(&self) -> &IdScope {
        &self.service.instance().id_scope
    }

    /// The certificate that clients have to trust, as PEM. The service's own has the names
    /// `localhost`, `127.0.0.1`, those of DPS, and those of the linked hubs.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The same as a file, for other processes; it goes with the service.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The primary key of the [default group](Self::DEFAULT_GROUP), made at start.
    pub fn group_key(&self) -> &GroupKey {
        &self.group_key
    }

    /// The key of a device of the default group.
    pub fn device_key(&self, registration_id: &RegistrationId) -> DeviceKey {
        self.group_key.derive(registration_id)
    }

    /// The name and port of MQTT over TLS, as a device dials them.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.or_port(self.mqtt_address().port())
    }

    /// A TLS configuration that trusts this service and nothing else.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// What this crate's own device needs to register here, as one of the default group. Only with
    /// the feature `device`.
    #[cfg(feature = "device")]
    pub fn device_settings(&self, registration_id: &RegistrationId) -> crate::device::Settings {
        use crate::device::{Credential, Ports, Settings};

        let credential = Credential::SymmetricKey(self.device_key(registration_id));
        let settings = Settings::new(
            self.endpoint.clone(),
            self.id_scope().clone(),
            registration_id.clone(),
            credential,
            self.client_config(),
        );
        let ports = Ports {
            mqtt: self.mqtt_address().port(),
            https: self.https_address().port(),
            amqp: self.amqp_address().port(),
        };
        Settings { ports, sources: self.sources.clone(), ..settings }
    }

    /// How back ends reach the service API, and the hubs at the same address (J-131). It holds a
    /// key.
    pub fn connection_string(&self) -> Zeroizing<String> {
        let port = self.https_address().port();
        self.service.connection_string(&format!("localhost:{port}"))
    }

    /// How back ends reach the service API of a hub that they dial by its name, and so have to
    /// resolve to [`https_address`](Self::https_address). It holds a key.
    pub fn hub_connection_string(&self, hub: &str) -> Zeroizing<String> {
        self.service.hub_connection_string(hub)
    }

    /// The service itself: its enrollments, hubs and twins, and how to reset it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// What it saw, registration by registration.
    pub fn journal(&self) -> &Journal {
        self.service.journal()
    }

    /// Has something go wrong from now on, and returns the number of the rule; see `docs/faults.md` for the
    /// words. `service().faults()` tells how often it struck, and takes it away again.
    ///
    /// ```
    /// # use provision_sim::LocalService;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let service = LocalService::start().await?;
    /// let fault = service.fault("poll status=503 retry-after=2 times=2 device=pump-*")?;
    ///
    /// // Your device registers here, and polls at least three times.
    ///
    /// assert_eq!(service.service().faults().get(fault).map(|it| it.struck), Some(0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If it is no rule, or can never strike.
    pub fn fault(&self, rule: &str) -> Result<u64, FaultRuleError> {
        Ok(self.service.faults().add(rule.parse()?))
    }

    /// Adds an expectation, to be verified by [`verify`](Self::verify), or at the end.
    pub fn expect(&self, expectation: Expectation) {
        self.expectations().push(expectation);
    }

    /// Waits until a registration of this device has ended, well or not, and returns the first that
    /// did; at once if there is one.
    ///
    /// # Errors
    ///
    /// If none ends within the [`wait_timeout`](super::LocalServiceBuilder::wait_timeout). The error shows all that
    /// the service saw.
    pub async fn wait_for_registration(
        &self,
        registration_id: &str,
    ) -> Result<Arc<JournalEntry>, Unmet> {
        let (journal, id) = (self.journal().clone(), registration_id.to_owned());
        let ended = async move {
            let is_wanted = |entry: &JournalEntry| {
                entry.status != EntryStatus::Assigning
                    && entry.registration_id.eq_ignore_ascii_case(&id)
            };
            journal.wait_for(is_wanted).await
        };
        self.host.within(self.wait_timeout, ended).await.ok_or_else(|| {
            let wait_timeout = crate::text::spoken(self.wait_timeout);
            let what =
                format!("no registration of {registration_id} has ended within {wait_timeout}");
            Unmet(format!("{what}\n\n{}", account::of(&self.journal().entries())))
        })
    }

    /// Lets the registrations in progress end, if they do within the
    /// [`wait_timeout`](super::LocalServiceBuilder::wait_timeout), and verifies all expectations so far.
    ///
    /// # Panics
    ///
    /// If one is not met. The message shows which, and all that the service saw.
    pub async fn verify(&self) {
        let journal = self.journal().clone();
        let settled = async move {
            for begun in in_progress(&journal) {
                let is_over = |entry: &JournalEntry| {
                    entry.sequence == begun && entry.status != EntryStatus::Assigning
                };
                journal.wait_for(is_over).await;
            }
        };
        self.host.within(self.wait_timeout, settled).await;
        if let Err(unmet) = self.check() {
            panic!("{unmet}");
        }
    }

    /// Whether all expectations so far are met at this moment.
    ///
    /// # Errors
    ///
    /// If one is not. The error shows which, and all that the service saw.
    pub fn check(&self) -> Result<(), Unmet> {
        let entries = self.journal().entries();
        let expectations = self.expectations();
        let unmet: Vec<_> = expectations.iter().filter_map(|it| it.shortfall(&entries)).collect();
        if unmet.is_empty() {
            return Ok(());
        }
        let heading = format!("{} of {} expectations not met", unmet.len(), expectations.len());
        Err(Unmet(format!("{heading}\n\n{}\n{}", unmet.concat(), account::of(&entries))))
    }

    /// A panic while the lock is held leaves the list whole.
    fn expectations(&self) -> MutexGuard<'_, Vec<Expectation>> {
        self.expectations.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The registrations that may still end: of each device only the last, for they follow each other
/// (J-21).
fn in_progress(journal: &Journal) -> Vec<u64> {
    let entries = journal.entries();
    let last: HashMap<_, _> =
        entries.iter().map(|entry| (entry.registration_id.to_ascii_lowercase(), entry)).collect();
    let begun = last.into_values().filter(|entry| entry.status == EntryStatus::Assigning);
    begun.map(|entry| entry.sequence).collect()
}

impl Drop for LocalService {
    /// Ends the service; when this returns, its ports are closed.
    ///
    /// # Panics
    ///
    /// If an expectation is not met, unless the test is already failing.
    fn drop(&mut self) {
        let verdict = self.check();
        self.host.stop();
        if let Err(unmet) = verdict
            && !std::thread::panicking()
        {
            panic!("{unmet}");
        }
    }
}

/// It holds keys.
impl fmt::Debug for LocalService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalService")
            .field("mqtt", &self.mqtt_address())
            .field("https", &self.https_address())
            .field("amqp", &self.amqp_address())
            .field("id_scope", self.id_scope())
            .finish_non_exhaustive()
    }
}
