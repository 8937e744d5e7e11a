//! Plays a scenario: a service on free ports, and its devices against it.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::device::DeviceSpec;
use super::file::Scenario;
use crate::contoso::{self, SampleFunction};
use crate::device::{
    Error as DeviceError, Notice, Ports, ProvisioningClient, Registered, Settings,
};
use crate::net::{Endpoint, Trust, TrustError, client_config};
use crate::service::{
    Authority, AuthorityError, JournalFilter, Options, Pace, Service, StartError, WebhookSettings,
};
use crate::wire::{IdScope, RegistrationId};

/// How long one device of a scenario may take.
const TIMEOUT: Duration = Duration::from_secs(60);
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Why a scenario cannot be played.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The service does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No certification authority can be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The service's authority is not accepted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The sample allocation function cannot be served.
    #[error("cannot serve the sample allocation function: {0}")]
    Function(std::io::Error),
    /// The service has no address that a device could dial.
    #[error("the service's own address cannot be dialled: {0}")]
    Address(String),
}

/// A service made for a scenario, and what its devices need to reach it.
#[derive(Debug)]
pub struct Bench {
    service: Service,
    // Ends when dropped, so it is kept as long as the service.
    _function: Option<SampleFunction>,
    endpoint: Endpoint,
    ports: Ports,
    id_scope: IdScope,
    tls: Arc<rustls::ClientConfig>,
}

impl Bench {
    /// Starts what the scenario describes, on free loopback ports, with a CA that nobody has seen
    /// before. Quick: devices are told to wait 0 s unless the file says otherwise. Its webhooks are called
    /// as `webhooks` has it.
    ///
    /// # Errors
    ///
    /// If something in it cannot be served.
    pub async fn start(scenario: &Scenario, webhooks: WebhookSettings) -> Result<Self, BenchError> {
        let mut config = scenario.service.clone();
        let function =
            SampleFunction::start_for(&mut config).await.map_err(BenchError::Function)?;
        let authority = Authority::in_memory()?;
        let tls = client_config(&Trust::Pem(authority.pem().to_owned()))?;
        let options = Options {
            pace: Pace {
                retry_after: config.retry_after.unwrap_or_default(),
                assigning_polls: config.assigning_polls.unwrap_or_default(),
            },
            webhooks,
            suspects: contoso::suspects(),
            // For clients other than the scenario's own devices, which need none.
            gateway_port: Some(0),
            ..Options::on_free_ports(authority)
        };
        let service = Service::start(&config, options).await?;
        let address = service.mqtt_address().to_string();
        let endpoint = address.parse().map_err(|_| BenchError::Address(address))?;
        let id_scope = service.instance().id_scope.clone();
        let ports =
            Ports { mqtt: service.mqtt_address().port(), https: service.https_address().port() };
        Ok(Self { service, _function: function, endpoint, ports, id_scope, tls })
    }

    /// Registers one device; `notify` is told of each transition.
    ///
    /// # Errors
    ///
    /// As the registration ends.
    pub async fn register(
        &self,
        device: &DeviceSpec,
        notify: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Registered, DeviceError> {
        if let Some(warning) = device.payload.as_ref().and_then(|payload| payload.warning()) {
            tracing::warn!("device {}: {warning}", device.registration_id);
        }
        let settings = Settings {
            payload: device.payload.clone(),
            transport: device.transport,
            ports: self.ports,
            api_version: device.api_version.clone(),
            timeout: TIMEOUT,
            token_lifetime: TOKEN_LIFETIME,
            ..Settings::new(
                self.endpoint.without_port(),
                self.id_scope.clone(),
                device.registration_id.clone(),
                device.credential(),
                self.tls.clone(),
            )
        };
        ProvisioningClient::new(settings).register(notify).await
    }

    /// Why the last registration of a device came to nothing, in the words of the service.
    pub fn reason(&self, registration_id: &RegistrationId) -> Option<String> {
        let filter = JournalFilter {
            registration_id: Some(registration_id.to_string()),
            limit: Some(1),
            ..JournalFilter::default()
        };
        let entries = self.service.journal().find(&filter);
        Some(entries.first()?.reason.as_ref()?.as_str().to_owned())
    }

    /// Where the service is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The ID scope it serves.
    pub fn id_scope(&self) -> &IdScope {
        &self.id_scope
    }

    /// Ends the service.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}
