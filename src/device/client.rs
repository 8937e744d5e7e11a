//! The device as other code uses it: settings in, assigned hub out.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;

use super::error::Error;
use super::exchange::{Looked, Notice, Registered};
use super::transport::{self, Task, Transport, Way};
use crate::attestation::{DeviceCertificate, DeviceKey, SasToken, registration_resource};
use crate::net::{Endpoint, Route, with_certificate};
use crate::wire::{
    ApiVersion, HTTPS_PORT, IdScope, MQTT_PORT, OperationId, Payload, RegisterRequest,
    RegistrationId,
};

/// What this crate calls itself in user names.
pub const CLIENT_VERSION: &str = concat!("provision-sim%2F", env!("CARGO_PKG_VERSION"));

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How a device proves who it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// By a SAS token signed with its key.
    SymmetricKey(DeviceKey),
    /// By a certificate that it shows in the TLS handshake (D.5).
    X509(DeviceCertificate),
}

/// The port of each protocol, for a host that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// MQTT over TLS.
    pub mqtt: u16,
    /// HTTPS and MQTT over WebSocket.
    pub https: u16,
}

impl Default for Ports {
    /// Those of DPS (A.1).
    fn default() -> Self {
        Self { mqtt: MQTT_PORT, https: HTTPS_PORT }
    }
}

/// Everything that a registration needs to know. [`new`](Self::new) takes what cannot be guessed and
/// has defaults for the rest; change them by `Settings { timeout, ..Settings::new(…) }`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The service: [`GLOBAL_ENDPOINT`](crate::wire::GLOBAL_ENDPOINT) on Azure. Its host is the name
    /// that the server's certificate is checked for. Its port, where one is given, overrides the
    /// transport's own.
    pub endpoint: Endpoint,
    /// The transports' own ports. Default: 8883 for MQTT, 443 for HTTPS and WebSocket (A.1).
    pub ports: Ports,
    /// How to talk to it. Default: MQTT.
    pub transport: Transport,
    /// How to get to it: a proxy, or other addresses to dial. Default: straight. The environment
    /// (`HTTPS_PROXY` and its like) counts only if the route is made from it.
    pub route: Route,
    /// The DPS instance; it stands on the instance's overview page in Azure's portal.
    pub id_scope: IdScope,
    /// The device, as its enrollment names it, or as the key was derived for, or as its certificate's
    /// common name has it.
    pub registration_id: RegistrationId,
    /// Its proof: its own key (never a group's, see [`GroupKey`](crate::attestation::GroupKey)), or
    /// its certificate.
    pub credential: Credential,
    /// What it has to say to a custom allocation webhook (G.3); at most
    /// [`MAX_MESSAGE`](crate::wire::MAX_MESSAGE) bytes. Default: nothing.
    pub payload: Option<Payload>,
    /// Which shape of replies it wants. Default: [`ApiVersion::DEFAULT`].
    pub api_version: ApiVersion,
    /// Product name for the service's logs, URL-encoded where it must be. Default:
    /// [`CLIENT_VERSION`].
    pub client_version: String,
    /// Whom it trusts; see [`client_config`](crate::net::client_config). The certificate of
    /// [`credential`](Self::credential) is added by the client.
    pub tls: Arc<ClientConfig>,
    /// The whole registration ends within this, lost connections and all waits included. Default: two
    /// minutes.
    pub timeout: Duration,
    /// How long each SAS token is valid; every connection, on https every request, has a new one.
    /// Of no account with an X.509 credential. Default: one hour.
    pub token_lifetime: Duration,
}

impl Settings {
    /// Settings for a device that proves itself with `credential`, trusting whom `tls` trusts: MQTT,
    /// no payload, two minutes, tokens of an hour.
    pub fn new(
        endpoint: Endpoint,
        id_scope: IdScope,
        registration_id: RegistrationId,
        credential: Credential,
        tls: Arc<ClientConfig>,
    ) -> Self {
        Self {
            endpoint,
            ports: Ports::default(),
            route: Route::default(),
            transport: Transport::Mqtt,
            id_scope,
            registration_id,
            credential,
            payload: None,
            api_version: ApiVersion::DEFAULT,
            client_version: CLIENT_VERSION.to_owned(),
            tls,
            timeout: Duration::from_secs(120),
            token_lifetime: Duration::from_secs(3600),
        }
    }

    /// A token for this device, valid from `now` for [`token_lifetime`](Self::token_lifetime); none
    /// if it proves itself in another way (A.2).
    pub fn token(&self, now: SystemTime) -> Option<SasToken> {
        let key = match &self.credential {
            Credential::SymmetricKey(key) => key,
            Credential::X509(_) => return None,
        };
        let resource = registration_resource(&self.id_scope, &self.registration_id);
        Some(SasToken::sign(&resource, key, expiry(now, self.token_lifetime)))
    }

    /// The way to the service.
    pub(super) fn way(&self) -> Way<'_> {
        Way { endpoint: &self.endpoint, ports: self.ports, route: &self.route, tls: &self.tls }
    }

    /// The body of the register request (A.5), the same on every transport.
    pub(super) fn register_body(&self) -> Vec<u8> {
        let request = RegisterRequest {
            registration_id: Some(self.registration_id.to_string()),
            payload: self.payload.clone(),
        };
        serde_json::to_vec(&request)
            .unwrap_or_else(|_| unreachable!("strings and checked JSON always serialize"))
    }
}

/// When a token ends. A lifetime beyond what a clock can tell is as good as one of a century.
pub(super) fn expiry(now: SystemTime, lifetime: Duration) -> SystemTime {
    now.checked_add(lifetime).unwrap_or(now + CENTURY)
}

/// A device that provisions itself.
#[derive(Debug, Clone)]
pub struct ProvisioningClient {
    settings: Settings,
}

impl ProvisioningClient {
    /// A client for one device. Whatever the transport, it shows the device's certificate, if that is
    /// its credential.
    pub fn new(mut settings: Settings) -> Self {
        if let Credential::X509(certificate) = &settings.credential {
            settings.tls = with_certificate(&settings.tls, certificate.certified_key());
        }
        Self { settings }
    }

    /// The same client with another time in which a registration must end.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Registers the device: connects, sends the register request, polls until there is a result.
    /// `notify` is told of each transition as it happens.
    ///
    /// # Errors
    ///
    /// Whatever ends the registration without a hub, see [`Error`]; at the latest
    /// [`Error::Deadline`].
    pub async fn register(
        &self,
        notify: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Registered, Error> {
        transport::run(&self.settings, &Task::Register, notify).await
    }

    /// Asks how an operation stands that the service has accepted before, and polls until there is a
    /// result. Never registers: an operation that the service does not know is
    /// [`Error::Rejected`] with 404203.
    ///
    /// # Errors
    ///
    /// As for [`register`](Self::register).
    pub async fn resume(
        &self,
        operation_id: OperationId,
        notify: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Registered, Error> {
        transport::run(&self.settings, &Task::Resume(operation_id), notify).await
    }

    /// Asks how the device's registration stands, without registering (B.1). DPS has this over HTTPS
    /// only, so [`transport`](Settings::transport) does not count.
    ///
    /// # Errors
    ///
    /// Whatever ends it without an answer, and [`Error::Rejected`] with a 404 if the device has never
    /// registered. A registration that has failed is an answer.
    pub async fn look_up(&self, notify: &mut (dyn FnMut(Notice) + Send)) -> Result<Looked, Error> {
        transport::look_up(&self.settings, notify).await
    }

    /// Connects over `transport` as [`register`](Self::register) does, but once and without asking
    /// for anything, and closes the connection again. `Auto` counts as MQTT.
    ///
    /// # Errors
    ///
    /// Whatever keeps the connection from being opened `within` that time. Keys are not judged
    /// and over HTTPS nothing is but TLS (J-102).
    pub async fn connect(&self, transport: Transport, within: Duration) -> Result<(), Error> {
        transport::knock(&self.settings, transport, within).await
    }
}
