//! What a device needs to know of its hub.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::Connect;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::timeout;

use crate::attestation::{SasToken, SignerError, hub_resource};
use crate::device::destination::Destination;
use crate::device::driver::KEEP_ALIVE;
use crate::device::exchange::Registered;
use crate::device::registration::{PATIENCE, too_late};
use crate::device::settings::{
    CLIENT_VERSION, Credential, Settings, TIMEOUT, TOKEN_LIFETIME, expiry, product,
};
use crate::device::transport::{Ports, Transport};
use crate::net::{ConnectTo, Endpoint, EndpointError, Route, with_certificate};
use crate::sources::Sources;
use crate::wire::{ConnectionProfile, DeviceId, HubName, HubUserName};

/// The version that the SDK for Node names.
pub(super) const API_VERSION: &str = "2021-04-12";

/// Everything that a device needs to sign in to its hub.
#[derive(Debug, Clone)]
pub struct HubSettings {
    hub: HubName,
    device_id: DeviceId,
    endpoint: Endpoint,
    /// The ports of the hub. Those of IoT Hub are those of DPS.
    pub ports: Ports,
    /// How to talk to it. A hub has no HTTPS-only way here, so `Https` counts as `MqttWs`; `Auto` is
    /// the first of MQTT, MQTT over WebSocket, AMQP and AMQP over WebSocket that gets through.
    pub transport: Transport,
    /// How to get to it.
    pub route: Route,
    /// Signing in, and each request after it, must end within this.
    pub timeout: Duration,
    /// How long the SAS token is valid. A hub ends the session with it, but over AMQP it is renewed in
    /// time (J-360).
    pub token_lifetime: Duration,
    /// How the hub is spoken to. By another profile than `classic` none is dialled (J-496).
    pub profile: ConnectionProfile,
    credential: Credential,
    client_version: String,
    /// The same as it is said over AMQP, where nothing is URL-encoded.
    pub(super) product: String,
    tls: Arc<ClientConfig>,
    pub(super) sources: Sources,
}

/// Why an assignment leads to no hub.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubSettingsError {
    /// The name of the hub is no host name.
    #[error("the assigned hub {hub:?} is no host name: {source}")]
    Hub {
        /// As the service has it.
        hub: String,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// The TPM has no key for the hub: it comes with each registration, and is kept nowhere else.
    #[error(
        "the device's TPM has no key for the hub: that comes with a registration, and is not kept; register anew"
    )]
    NoKey,
    /// The ID cannot stand in a user name or in a topic.
    #[error("the device ID {0:?} is none that a hub has")]
    DeviceId(
        /// As the service has it.
        String,
    ),
}

impl HubSettings {
    /// Settings for the device's way on to the hub that it was assigned to: the same credential, trust,
    /// transport and route, and the ports of an IoT hub. A TPM signs with the key that came along.
    ///
    /// # Errors
    ///
    /// If the service has named what cannot be a hub or a device.
    pub fn assigned(
        settings: &Settings,
        registered: &Registered,
    ) -> Result<Self, HubSettingsError> {
        let credential = match &registered.hub_key {
            Some(key) => Credential::Signer(key.signer().clone()),
            None => settings.credential.clone(),
        };
        let own = Self::of(settings, credential, &registered.assigned_hub, &registered.device_id)?;
        Ok(Self { profile: registered.connection_profile.clone(), ..own })
    }

    /// As [`assigned`](Self::assigned), for an assignment that was kept.
    ///
    /// # Errors
    ///
    /// If no hub can be dialled by this name, this ID cannot stand in a topic, or the device has a TPM, whose
    /// key for the hub is not kept (J-402).
    pub fn new(
        settings: &Settings,
        hub: &HubName,
        device_id: &DeviceId,
    ) -> Result<Self, HubSettingsError> {
        Self::of(settings, settings.credential.clone(), hub, device_id)
    }

    fn of(
        settings: &Settings,
        credential: Credential,
        hub: &HubName,
        device_id: &DeviceId,
    ) -> Result<Self, HubSettingsError> {
        let own = Self::with_credential(hub, device_id, credential, &settings.tls)?;
        Ok(Self {
            transport: settings.transport,
            route: settings.route.clone(),
            timeout: settings.timeout,
            token_lifetime: settings.token_lifetime,
            client_version: settings.client_version.clone(),
            product: settings.product(),
            sources: settings.sources.clone(),
            ..own
        })
    }

    /// Settings for a device that knows its hub and what lets it in there, whoever provisioned it: an issued
    /// certificate, say. MQTT, straight, two minutes for each request, tokens of an hour.
    ///
    /// # Errors
    ///
    /// If no hub can be dialled by this name, this ID cannot stand in a topic, or the device has a TPM: that has no
    /// key for the hub before it is given one (J-402).
    pub fn with_credential(
        hub: &HubName,
        device_id: &DeviceId,
        credential: Credential,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, HubSettingsError> {
        let no_hub = |source| HubSettingsError::Hub { hub: hub.to_string(), source };
        let endpoint = hub.as_str().parse().map_err(no_hub)?;
        // These would change the meaning of a topic.
        if device_id.as_str().contains(['#', '+']) {
            return Err(HubSettingsError::DeviceId(device_id.to_string()));
        }
        let tls = match &credential {
            Credential::X509(certificate) => with_certificate(tls, certificate.certified_key()),
            Credential::Tpm(_) => return Err(HubSettingsError::NoKey),
            Credential::SymmetricKey(_) | Credential::Signer(_) => tls.clone(),
        };
        Ok(Self {
            hub: hub.clone(),
            device_id: device_id.clone(),
            endpoint,
            ports: Ports::default(),
            transport: Transport::default(),
            route: Route::default(),
            timeout: TIMEOUT,
            token_lifetime: TOKEN_LIFETIME,
            profile: ConnectionProfile::Classic,
            credential,
            client_version: CLIENT_VERSION.to_owned(),
            product: product(CLIENT_VERSION),
            tls,
            sources: Sources::default(),
        })
    }

    /// Dials `gateway` in the hub's place. The name that is verified, and every other name, stays the
    /// hub's.
    #[must_use]
    pub fn through(mut self, gateway: &Endpoint) -> Self {
        self.route.connect_to.insert(0, ConnectTo::anywhere(gateway));
        self
    }

    /// The hub, as it was assigned.
    pub fn hub(&self) -> &HubName {
        &self.hub
    }

    /// The device's ID on it.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The hub, as it is dialled where there is no gateway.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where the hub is.
    pub(super) fn destination(&self) -> Destination<'_> {
        Destination {
            endpoint: &self.endpoint,
            ports: self.ports,
            route: &self.route,
            tls: &self.tls,
        }
    }

    /// CONNECT, with the token if there is one. Nothing is left behind on the hub when the session
    /// ends (J-140).
    pub(super) fn connect_packet(&self, token: Option<&SasToken>, api_version: &str) -> Connect {
        let mut connect = Connect::new(self.device_id.as_str());
        connect.keep_alive = KEEP_ALIVE;
        let password = token.map(SasToken::as_str).unwrap_or_default();
        connect.set_login(self.user_name(api_version).to_string(), password);
        connect
    }

    fn user_name(&self, api_version: &str) -> HubUserName {
        let client = &self.client_version;
        HubUserName {
            hub: self.hub.clone(),
            device_id: self.device_id.clone(),
            query: format!("api-version={api_version}&DeviceClientType={client}"),
        }
    }

    /// What its token gives access to.
    pub(super) fn resource(&self) -> String {
        hub_resource(&self.hub, &self.device_id)
    }

    /// A token that begins now; none, with a certificate. A key that is kept elsewhere has as long to sign
    /// as every step of a registration (J-400).
    pub(super) async fn token(&self) -> Result<Option<SasToken>, SignerError> {
        let expiry = expiry(self.sources.now(), self.token_lifetime);
        match &self.credential {
            Credential::SymmetricKey(key) => {
                Ok(Some(SasToken::sign_for_hub(&self.resource(), key, expiry)))
            }
            Credential::Signer(signer) => {
                let resource = self.resource();
                let signing = SasToken::signed_by(&**signer, &resource, expiry, None);
                timeout(PATIENCE, signing)
                    .await
                    .unwrap_or_else(|_| Err(too_late(PATIENCE)))
                    .map(Some)
            }
            Credential::Tpm(_) | Credential::X509(_) => Ok(None),
        }
    }
}

impl fmt::Display for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.device_id, self.hub)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;
    use crate::sources::Clock;

    fn settings() -> Settings {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let key = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=".parse().unwrap();
        Settings {
            client_version: "product%2F1".to_owned(),
            token_lifetime: Duration::from_secs(100),
            sources: Sources { clock: Clock::standing(UNIX_EPOCH), ..Sources::default() },
            ..Settings::new(
                "localhost".parse().unwrap(),
                "0ne00002193".parse().unwrap(),
                "pump-0042".parse().unwrap(),
                Credential::SymmetricKey(key),
                client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
            )
        }
    }

    fn new(hub: &str, device_id: &str) -> Result<HubSettings, HubSettingsError> {
        HubSettings::new(&settings(), &hub.parse().unwrap(), &device_id.parse().unwrap())
    }

    #[tokio::test]
    async fn i_user_name_client_id_and_token_are_those_of_a_hub_and_the_token_has_no_key_name() {
        let hub_settings = new("hub.azure-devices.net", "p:42").unwrap();

        let token = hub_settings.token().await.unwrap();
        let connect = hub_settings.connect_packet(token.as_ref(), API_VERSION);

        let login = connect.login.unwrap();
        assert_eq!(connect.client_id, "p:42");
        assert_eq!(
            login.username,
            "hub.azure-devices.net/p:42/?api-version=2021-04-12&DeviceClientType=product%2F1"
        );
        let begin = "SharedAccessSignature sr=hub.azure-devices.net%2Fdevices%2Fp%3A42&sig=";
        assert!(login.password.starts_with(begin), "{}", login.password);
        assert!(login.password.ends_with("&se=100"), "{}", login.password);
    }

    #[test]
    fn ids_that_would_change_the_meaning_of_a_topic_are_refused() {
        let refused = |id| new("hub.net", id).unwrap_err().to_string();

        for id in ["a#", "+"] {
            assert!(refused(id).contains("the device ID"), "{id}");
        }
    }
}
