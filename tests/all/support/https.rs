//! A service in this process, and what a client needs to reach its HTTPS port.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use provision_sim::attestation::{GroupKey, SasToken, registration_resource};
use provision_sim::contoso;
use provision_sim::net::{Route, Trust, client_config, dial};
use provision_sim::service::{Authority, Options, Pace, Quota, Quotas, Service};
use provision_sim::wire::RegistrationId;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub const SCOPE: &str = "0ne00002193";
pub const HUB: &str = "contoso-toasters-hub-1098.azure-devices.net";

/// Key of the default world's group that takes any registration ID.
const SIMULATED: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

/// How long anything may take before a test fails for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A service with one group that takes any device.
pub struct World {
    pub service: Service,
    pub tls: Arc<ClientConfig>,
}

impl World {
    pub async fn start() -> Self {
        Self::paced(Pace { retry_after: Duration::ZERO, assigning_polls: 0 }).await
    }

    pub async fn paced(pace: Pace) -> Self {
        Self::with(pace, Quotas::NONE).await
    }

    /// Where one limit holds.
    pub async fn limited(quota: Quota, rate: &str) -> Self {
        let mut quotas = Quotas::NONE;
        quotas.set(quota, Some(rate.parse().unwrap()));
        Self::with(Pace { retry_after: Duration::ZERO, assigning_polls: 0 }, quotas).await
    }

    async fn with(pace: Pace, quotas: Quotas) -> Self {
        let mut config = contoso::config();
        config.quotas = quotas;
        config.enrollment_groups.retain(|group| {
            group.get("allocationPolicy").and_then(|policy| policy.as_str()) == Some("hashed")
        });
        let authority = Authority::in_memory().unwrap();
        let tls = client_config(&Trust::Pem(authority.pem().to_owned())).unwrap();
        let options = Options { pace, ..Options::on_free_ports(authority) };
        Self { service: Service::start(&config, options).await.unwrap(), tls }
    }

    /// A TLS connection to the HTTPS port.
    pub async fn connect(&self) -> TlsStream<TcpStream> {
        let address = self.service.https_address();
        let endpoint = address.to_string().parse().unwrap();
        let route = Route::default();
        dial(&endpoint, address.port(), &route, self.tls.clone(), |_| {}).await.unwrap().stream
    }
}

/// The SAS token of a device of the group.
pub fn token(registration_id: &str) -> String {
    let registration_id: RegistrationId = registration_id.parse().unwrap();
    let key = SIMULATED.parse::<GroupKey>().unwrap().derive(&registration_id);
    let resource = registration_resource(&SCOPE.parse().unwrap(), &registration_id);
    let token = SasToken::sign(&resource, &key, SystemTime::now() + Duration::from_secs(3600));
    token.as_str().to_owned()
}
