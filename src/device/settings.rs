//! What a registration needs to know.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;

use super::csr::Csr;
use super::destination::Destination;
use super::transport::{Ports, Transport};
use crate::attestation::{
    DeviceCertificate, DeviceKey, SasToken, Signer, SignerError, Tpm, TpmPublicKeys,
    registration_resource,
};
use crate::net::{Endpoint, Route};
use crate::sources::Sources;
use crate::wire::{ApiVersion, IdScope, Payload, RegisterRequest, RegistrationId};

/// What this crate calls itself in user names.
pub const CLIENT_VERSION: &str = concat!("provision-sim%2F", env!("CARGO_PKG_VERSION"));

/// What the key is called in a token for DPS (D.4).
pub(super) const KEY_NAME: &str = "registration";
/// How long things may take where nothing is said.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);
/// How long tokens are valid where nothing is said.
pub(super) const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How a device proves who it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// By a SAS token signed with its key.
    SymmetricKey(DeviceKey),
    /// The same, by a key that something else keeps and does not give away: a hardware security module
    /// of the user's. Asked for a signature wherever a key would have made one.
    Signer(Arc<dyn Signer>),
    /// By a TPM, which is given a key that it alone can open, and signs with it (B.5): over HTTPS and AMQP.
    /// The key for the hub is another one, which comes with the assignment.
    Tpm(Arc<dyn Tpm>),
    /// By a certificate that it shows in the TLS handshake (D.5).
    X509(DeviceCertificate),
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
    /// Its proof: its own key (never a group's, see [`GroupKey`](crate::attestation::GroupKey)), its
    /// certificate, or its TPM.
    pub credential: Credential,
    /// What it has to say to a custom allocation webhook (G.3); at most
    /// [`MAX_MESSAGE`](crate::wire::MAX_MESSAGE) bytes. Default: nothing.
    pub payload: Option<Payload>,
    /// What it asks a certificate for (A.5); the answer is
    /// [`Registered::issued_chain`](super::Registered::issued_chain). Only with an
    /// [`api_version`](Self::api_version) that
    /// [issues certificates](ApiVersion::issues_certificates), so see
    /// [`asking_for`](Self::asking_for). Default: nothing.
    pub csr: Option<Csr>,
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
    /// What time it is, and how its waits are spread. Default: the system's.
    pub sources: Sources,
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
            csr: None,
            api_version: ApiVersion::DEFAULT,
            client_version: CLIENT_VERSION.to_owned(),
            tls,
            timeout: TIMEOUT,
            token_lifetime: TOKEN_LIFETIME,
            sources: Sources::default(),
        }
    }

    /// The same for a device that asks for a certificate along with its registration, by the API version
    /// that has it where the settings' own does not.
    #[must_use]
    pub fn asking_for(mut self, csr: Csr) -> Self {
        self.csr = Some(csr);
        if !self.api_version.issues_certificates() {
            self.api_version = ApiVersion::OF_CERTIFICATES;
        }
        self
    }

    /// A token for this device, valid from `now` for [`token_lifetime`](Self::token_lifetime); none
    /// if it proves itself in another way (A.2), or has a TPM, which signs with what it is given.
    ///
    /// # Errors
    ///
    /// If a key that is kept elsewhere does not sign. The device's own always does.
    pub async fn token(&self, now: SystemTime) -> Result<Option<SasToken>, SignerError> {
        match &self.credential {
            Credential::SymmetricKey(key) => {
                Ok(Some(SasToken::sign(&self.resource(), key, self.expiry(now))))
            }
            Credential::Signer(signer) => self.signed_by(&**signer, KEY_NAME, now).await.map(Some),
            Credential::Tpm(_) | Credential::X509(_) => Ok(None),
        }
    }

    /// A token for this device, by a key that is kept elsewhere and is called this.
    pub(super) async fn signed_by(
        &self,
        signer: &dyn Signer,
        key_name: &str,
        now: SystemTime,
    ) -> Result<SasToken, SignerError> {
        SasToken::signed_by(signer, &self.resource(), self.expiry(now), Some(key_name)).await
    }

    fn resource(&self) -> String {
        registration_resource(&self.id_scope, &self.registration_id)
    }

    fn expiry(&self, now: SystemTime) -> SystemTime {
        expiry(now, self.token_lifetime)
    }

    /// Whether the device has a TPM.
    pub(super) fn has_tpm(&self) -> bool {
        matches!(self.credential, Credential::Tpm(_))
    }

    /// By what its waits are spread.
    pub(super) fn jitter(&self) -> u64 {
        self.sources.chance.number("jitter", self.registration_id.as_str())
    }

    /// Where the service is.
    pub(super) fn destination(&self) -> Destination<'_> {
        Destination {
            endpoint: &self.endpoint,
            ports: self.ports,
            route: &self.route,
            tls: &self.tls,
        }
    }

    /// What it calls itself where nothing must be URL-encoded: in headers of HTTP and links of AMQP.
    pub(super) fn product(&self) -> String {
        product(&self.client_version)
    }

    /// The body of the register request (A.5), the same on every transport; over HTTPS it shows the
    /// public keys of a TPM (B.5).
    pub(super) fn register_body(&self, tpm: Option<&TpmPublicKeys>) -> Vec<u8> {
        let request = RegisterRequest {
            registration_id: Some(self.registration_id.to_string()),
            tpm: tpm.map(Into::into),
            payload: self.payload.clone(),
            csr: self.csr.as_ref().map(|csr| csr.as_base64().to_owned()),
        };
        serde_json::to_vec(&request)
            .unwrap_or_else(|_| unreachable!("strings and checked JSON always serialize"))
    }
}

/// What a client that has this name in user names calls itself elsewhere.
pub(super) fn product(client_version: &str) -> String {
    percent_decode_str(client_version).decode_utf8_lossy().into_owned()
}

/// When a token ends. A lifetime beyond what a clock can tell is as good as one of a century.
pub(super) fn expiry(now: SystemTime, lifetime: Duration) -> SystemTime {
    now.checked_add(lifetime).unwrap_or(now + CENTURY)
}
