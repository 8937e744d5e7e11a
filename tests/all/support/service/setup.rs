//! A service on loopback with an authority in memory, and the world that it serves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use provision_sim::api_client::ServiceClient;
use provision_sim::attestation::TpmPublic;
use provision_sim::net::{Trust, client_config, crypto};
use provision_sim::service::{
    AdminOptions, Authority, Commentary, Config, FaultRule, Hubs, Observer, Options, Pace, Port,
    RegistrationEvent, ResetOnSameHub, Service, WebhookSettings,
};
use provision_sim::sources::{Clock, Sources};
use provision_sim::wire::RegistrationId;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use crate::support::keys::SCOPE;
use crate::support::keys::{SIMULATED_KEY, TUTORIAL_KEY};
use crate::support::within;

pub const HUB_EAST: &str = "hub-east.azure-devices.net";
pub const HUB_WEST: &str = "hub-west.azure-devices.net";
pub const PRIMARY_KEY: &str = TUTORIAL_KEY;
pub const SECONDARY_KEY: &str = SIMULATED_KEY;
/// The key of the group that is disabled.
pub const RETIRED_KEY: &str = "cmV0aXJlZC1ncm91cC1rZXktMDEyMzQ1";

/// How a service is to be run.
pub struct Setup {
    config: String,
    pace: Pace,
    webhooks: WebhookSettings,
    on_same_hub: ResetOnSameHub,
    suspects: Vec<RegistrationId>,
    faults: Vec<FaultRule>,
    admin: Option<AdminOptions>,
    /// Whether there is a gateway, and whether it is open.
    gateway: Option<bool>,
    host_names: Vec<String>,
    state: Option<PathBuf>,
    sources: Sources,
    commentary: Commentary,
}

impl Setup {
    /// The groups `pumps`, whose devices go to the western hub, and `retired`, which is disabled.
    pub fn new() -> Self {
        Self::from_config(format!(
            r#"
            idScope = "{SCOPE}"
            linkedHubs = ["{HUB_EAST}", "{HUB_WEST}"]

            [[enrollmentGroups]]
            enrollmentGroupId = "pumps"
            allocationPolicy = "static"
            iotHubs = ["{HUB_WEST}"]
            attestation.type = "symmetricKey"
            attestation.symmetricKey = {{ primaryKey = "{PRIMARY_KEY}", secondaryKey = "{SECONDARY_KEY}" }}

            [[enrollmentGroups]]
            enrollmentGroupId = "retired"
            provisioningStatus = "disabled"
            attestation.type = "symmetricKey"
            attestation.symmetricKey.primaryKey = "{RETIRED_KEY}"
            "#
        ))
    }

    /// The group `pumps`, in an instance to which no hub is linked.
    pub fn without_hubs() -> Self {
        Self::from_config(format!(
            r#"
            idScope = "{SCOPE}"

            [[enrollmentGroups]]
            enrollmentGroupId = "pumps"
            attestation.type = "symmetricKey"
            attestation.symmetricKey.primaryKey = "{PRIMARY_KEY}"
            "#
        ))
    }

    /// The group `pumps`, about whose devices a webhook decides; `more` are members of the group.
    pub fn custom(webhook_url: &str, more: &str) -> Self {
        Self::from_config(format!(
            r#"
            idScope = "{SCOPE}"
            linkedHubs = ["{HUB_EAST}", "{HUB_WEST}"]

            [[enrollmentGroups]]
            enrollmentGroupId = "pumps"
            allocationPolicy = "custom"
            customAllocationDefinition = {{ webhookUrl = "{webhook_url}", apiVersion = "2021-10-01" }}
            attestation.type = "symmetricKey"
            attestation.symmetricKey.primaryKey = "{PRIMARY_KEY}"
            {more}
            "#
        ))
    }

    /// One device with a self-signed certificate, which goes to the western hub.
    pub fn individual_x509(id: &str, pem: &str) -> Self {
        Self::from_config(format!(
            r#"
            idScope = "{SCOPE}"
            linkedHubs = ["{HUB_WEST}"]

            [[enrollments]]
            registrationId = "{id}"
            attestation.type = "x509"
            attestation.x509.clientCertificates.primary.certificate = """
{pem}"""
            "#
        ))
    }

    /// One device with a TPM, which goes to the western hub and waits for nothing; `more` are members of its
    /// enrollment.
    pub fn individual_tpm(id: &str, endorsement_key: &TpmPublic, more: &str) -> Self {
        Self::enrollments(&format!(
            r#"
            [[enrollments]]
            registrationId = "{id}"
            attestation.type = "tpm"
            attestation.tpm.endorsementKey = "{}"
            {more}
            "#,
            endorsement_key.to_base64()
        ))
    }

    /// [`new`](Self::new), whose devices are told to wait for nothing.
    pub fn at_once() -> Self {
        Self::new().retry_after(Duration::ZERO)
    }

    /// These enrollments, in an instance with the western hub; their devices wait for nothing.
    pub fn enrollments(enrollments: &str) -> Self {
        Self::from_config(format!(
            "idScope = \"{SCOPE}\"\nlinkedHubs = [\"{HUB_WEST}\"]\n{enrollments}"
        ))
        .retry_after(Duration::ZERO)
    }

    /// What this configuration says.
    pub fn from_config(config: String) -> Self {
        Self {
            config,
            pace: Pace { retry_after: Duration::from_secs(3), assigning_polls: 0 },
            webhooks: WebhookSettings { retries: vec![], ..WebhookSettings::default() },
            on_same_hub: ResetOnSameHub::default(),
            suspects: vec![],
            faults: vec![],
            admin: None,
            gateway: None,
            host_names: vec![],
            state: None,
            sources: Sources::default(),
            commentary: Commentary::default(),
        }
    }

    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.pace.retry_after = wait;
        self
    }

    /// What a reset means on the hub that a device has already (J-3).
    pub fn on_same_hub(mut self, choice: ResetOnSameHub) -> Self {
        self.on_same_hub = choice;
        self
    }

    pub fn assigning_polls(mut self, count: u32) -> Self {
        self.pace.assigning_polls = count;
        self
    }

    /// Answers worth a retry get this many at once.
    pub fn webhook_retries(mut self, count: usize) -> Self {
        self.webhooks.retries = vec![Duration::from_millis(1); count];
        self
    }

    pub fn webhook_timeout(mut self, limit: Duration) -> Self {
        self.webhooks.timeout = limit;
        self
    }

    pub fn webhook_ca(mut self, pem: &str) -> Self {
        self.webhooks.trust = Trust::Pem(pem.to_owned());
        self
    }

    /// Limits, as lines of the table `[quotas]`.
    pub fn quotas(mut self, lines: &str) -> Self {
        self.config.push_str(&format!("\n[quotas]\n{lines}\n"));
        self
    }

    pub fn suspect(mut self, id: &str) -> Self {
        self.suspects.push(id.parse().expect("a registration ID"));
        self
    }

    /// Where this goes wrong.
    pub fn fault(mut self, rule: &str) -> Self {
        self.faults.push(rule.parse().unwrap_or_else(|error| panic!("{rule}: {error}")));
        self
    }

    /// With a management listener.
    pub fn admin(mut self) -> Self {
        self.admin = Some(AdminOptions { port: Port::Exactly(0), ..AdminOptions::default() });
        self
    }

    /// With a gateway to the service alone.
    pub fn gateway(mut self) -> Self {
        self.gateway = Some(false);
        self
    }

    /// With a gateway to everywhere.
    pub fn open_gateway(mut self) -> Self {
        self.gateway = Some(true);
        self
    }

    /// The machine has this name as well.
    pub fn host_name(mut self, name: &str) -> Self {
        self.host_names.push(name.to_owned());
        self
    }

    /// What is kept is kept in this folder.
    pub fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    /// Who explains failures.
    /// With a clock of its own.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.sources.clock = clock;
        self
    }

    pub fn commentary(mut self, commentary: Commentary) -> Self {
        self.commentary = commentary;
        self
    }

    pub async fn start(self) -> TestService {
        let authority = Authority::in_memory().expect("an authority");
        let tls = client_config(&Trust::Pem(authority.pem().to_owned())).expect("its certificate");
        let ca = authority.pem().to_owned();
        let (tell, events) = mpsc::unbounded_channel();
        let options = Options {
            admin: self.admin,
            gateway_port: self.gateway.map(|_| 0),
            gateway_open: self.gateway.unwrap_or_default(),
            host_names: self.host_names,
            pace: self.pace,
            webhooks: self.webhooks,
            on_same_hub: self.on_same_hub,
            suspects: self.suspects,
            faults: self.faults,
            observer: Observer::new(move |event| {
                let _ = tell.send(event.clone());
            }),
            state: self.state,
            sources: self.sources,
            commentary: self.commentary,
            ..Options::on_free_ports(authority)
        };
        let config = Config::from_toml(&self.config, &[]).expect("a configuration");
        let service = Service::start(&config, options).await.expect("a service");
        TestService { service, ca, tls, events }
    }
}

/// A running service, and what its observer is told.
pub struct TestService {
    service: Service,
    /// The certificate of its authority.
    ca: String,
    /// How its clients trust it.
    pub tls: Arc<ClientConfig>,
    events: mpsc::UnboundedReceiver<RegistrationEvent>,
}

impl TestService {
    /// What the hubs know.
    pub fn hubs(&self) -> &Hubs {
        self.service.hubs()
    }

    pub fn address(&self) -> SocketAddr {
        self.service.mqtt_address()
    }

    pub fn https_address(&self) -> SocketAddr {
        self.service.https_address()
    }

    pub fn amqp_address(&self) -> SocketAddr {
        self.service.amqp_address()
    }

    pub fn gateway_address(&self) -> SocketAddr {
        self.service.gateway_address().expect("a gateway")
    }

    /// What a back end needs to use the hub at `host`.
    pub fn hub_connection_string(&self, host: &str) -> String {
        self.service.hub_connection_string(host).to_string()
    }

    /// A TLS connection to its HTTPS port.
    pub async fn https(&self) -> TlsStream<TcpStream> {
        self.https_with(self.tls.clone()).await
    }

    /// The same as whoever has this to show.
    pub async fn https_with(&self, tls: Arc<ClientConfig>) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.https_address()).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        let handshake = TlsConnector::from(tls).connect(name, tcp);
        within("the TLS handshake", handshake).await.expect("a handshake")
    }

    /// The service itself.
    pub fn inside(&self) -> &Service {
        &self.service
    }

    /// The certificate that its clients trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// A back end that knows its connection string.
    pub fn back_end(&self) -> ServiceClient {
        let host = format!("localhost:{}", self.service.https_address().port());
        let connection = self.service.connection_string(&host).parse().expect("its own string");
        ServiceClient::new(connection, &self.tls)
    }

    /// How a client trusts it that speaks one version of TLS only.
    pub fn client_tls(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let authority = CertificateDer::from_pem_slice(self.ca.as_bytes()).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(authority).expect("an authority");
        ClientConfig::builder_with_provider(crypto())
            .with_protocol_versions(&[version])
            .expect("ring knows the version")
            .with_root_certificates(roots)
    }

    /// The next event.
    pub async fn event(&mut self) -> RegistrationEvent {
        within("an event", self.events.recv()).await.expect("the service is still there")
    }

    /// Whether everything that was told has been taken.
    pub fn has_told_all(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    /// Ends the service.
    pub async fn stop(self) {
        within("the end of the service", self.service.stop()).await;
    }
}
