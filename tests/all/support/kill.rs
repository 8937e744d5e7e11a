//! What the service that is killed is asked by its clients, and what each of them may rely on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::routing::post;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use provision_sim::api_client::{Kind, ServiceClient};
use provision_sim::attestation::{DeviceKey, GroupKey, SasToken, registration_resource};
use provision_sim::device::{Credential, Error, Notice, ProvisioningClient, Settings};
use provision_sim::net::http::{HttpClient, HttpSettings, Origin, Tls};
use provision_sim::net::{Endpoint, ProxyVariables, Route, Trust, client_config};
use provision_sim::wire::{IdScope, RegistrationId};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::PATIENCE;
use super::cli::Serve;
use super::keys::{SCOPE, SIMULATED_KEY, TUTORIAL_KEY};

const HUBS: [&str; 3] =
    ["hub-0.azure-devices.net", "hub-1.azure-devices.net", "hub-2.azure-devices.net"];
/// Key of the group about whose devices a webhook decides.
const ASKED: &str = TUTORIAL_KEY;
/// Key of the group that gets its hubs at once.
const QUICK: &str = SIMULATED_KEY;

pub fn config(webhook: &str) -> String {
    format!(
        r#"
        idScope = "{SCOPE}"
        linkedHubs = {HUBS:?}

        [[enrollmentGroups]]
        enrollmentGroupId = "asked"
        allocationPolicy = "custom"
        customAllocationDefinition = {{ webhookUrl = "{webhook}", apiVersion = "2021-10-01" }}
        attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{ASKED}" }} }}

        [[enrollmentGroups]]
        enrollmentGroupId = "quick"
        attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{QUICK}" }} }}
        "#
    )
}

pub fn group(id: &str) -> Value {
    json!({ "enrollmentGroupId": id, "attestation": { "type": "symmetricKey" } })
}

/// A webhook that needs some time, and would change its mind every time: whoever was assigned and
/// comes again must still find what it was told then.
pub struct Webhook(SocketAddr);

impl Webhook {
    pub async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        let answer = move || {
            let (hub, wait) = {
                let mut random = random.lock().unwrap();
                (HUBS[random.usize(..HUBS.len())], random.u64(0..30))
            };
            async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                json!({ "iotHubHostName": hub }).to_string()
            }
        };
        let app = Router::new().route("/", post(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self(address)
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.0)
    }
}

/// A service, and how it is reached.
pub struct Running {
    mqtt: Endpoint,
    https: Origin,
    tls: Arc<ClientConfig>,
    http: HttpClient,
    pub back_end: ServiceClient,
}

impl Running {
    pub fn new(serve: &Serve) -> Self {
        let tls = client_config(&Trust::File(serve.ca_file().to_owned())).unwrap();
        let connection = serve.ready["serviceConnectionString"].as_str().unwrap();
        let http = HttpClient::new(HttpSettings {
            tls: Tls::Config(tls.clone()),
            route: Route::default(),
            proxies: ProxyVariables::default(),
            deadline: PATIENCE,
            max_body: 1 << 20,
            max_idle: 64,
        });
        Self {
            mqtt: serve.mqtt().parse().unwrap(),
            https: Origin::https(&serve.https().parse().unwrap()),
            http,
            back_end: ServiceClient::new(connection.parse().unwrap(), &tls),
            tls,
        }
    }
}

/// The devices, and the enrollments that were acknowledged.
pub struct Fleet {
    devices: Vec<Vec<Arc<Device>>>,
    pub enrollments: Arc<Mutex<Vec<String>>>,
    cut_off: usize,
}

impl Fleet {
    pub fn new(clients: usize, devices: usize) -> Self {
        let device = |number: usize| {
            let (group, key) =
                if number.is_multiple_of(2) { ("asked", ASKED) } else { ("quick", QUICK) };
            let id: RegistrationId = format!("{group}-{number}").parse().unwrap();
            let key = key.parse::<GroupKey>().unwrap().derive(&id);
            Arc::new(Device { id, key, ledger: Mutex::default() })
        };
        let of_client =
            |client: usize| (0..devices).map(|it| device(client * devices + it)).collect();
        Self {
            devices: (0..clients).map(of_client).collect(),
            enrollments: Arc::default(),
            cut_off: 0,
        }
    }

    /// No device belongs to two clients, so that each knows what came before what.
    pub fn by_client(&self) -> Vec<Vec<Arc<Device>>> {
        self.devices.clone()
    }

    /// Checks a service that was started again.
    pub async fn check(&mut self, running: &Running) {
        let groups = running.back_end.list(Kind::Group).await.unwrap();
        let groups: Vec<_> =
            groups.iter().map(|it| it.value()["enrollmentGroupId"].clone()).collect();
        for id in &*self.enrollments.lock().unwrap() {
            assert!(groups.contains(&Value::from(&**id)), "enrollment group {id} is gone");
        }
        for device in self.devices.iter().flatten() {
            self.cut_off += usize::from(device.check(running).await);
        }
    }

    /// Registrations and enrollments that were acknowledged, and operations that were under way
    /// when the service was killed.
    pub fn totals(&self) -> (usize, usize, usize) {
        let registrations = self.devices.iter().flatten();
        let registrations = registrations.map(|it| it.ledger.lock().unwrap().registrations).sum();
        (registrations, self.enrollments.lock().unwrap().len(), self.cut_off)
    }
}

pub struct Device {
    id: RegistrationId,
    key: DeviceKey,
    ledger: Mutex<Ledger>,
}

/// What a device was told since the last restart.
#[derive(Debug, Default)]
struct Ledger {
    /// Operations that were answered 202, with the hub that came of each, if that was told.
    operations: Vec<(String, Option<String>)>,
    /// A register is on its way: nobody knows whether it came to the service.
    is_unsure: bool,
    registrations: usize,
}

impl Device {
    /// Registers, and writes down what it is told when it is told.
    pub async fn register(&self, running: &Running) -> Result<(), Error> {
        let settings = Settings {
            timeout: PATIENCE,
            ..Settings::new(
                running.mqtt.clone(),
                scope(),
                self.id.clone(),
                Credential::SymmetricKey(self.key.clone()),
                running.tls.clone(),
            )
        };
        self.ledger.lock().unwrap().is_unsure = true;
        let mut note = |notice: Notice| {
            let Notice::Assigning { operation_id, .. } = notice else { return };
            let mut ledger = self.ledger.lock().unwrap();
            let id = operation_id.to_string();
            if ledger.operations.last().is_none_or(|(last, _)| *last != id) {
                ledger.operations.push((id, None));
            }
            ledger.is_unsure = false;
        };
        let registered = ProvisioningClient::new(settings).register(&mut note).await?;
        let mut ledger = self.ledger.lock().unwrap();
        ledger.registrations += 1;
        ledger.operations.last_mut().unwrap().1 = Some(registered.assigned_hub.to_string());
        Ok(())
    }

    /// Whether an operation of it was under way.
    async fn check(&self, running: &Running) -> bool {
        let (operations, is_unsure) = {
            let mut ledger = self.ledger.lock().unwrap();
            let is_unsure = std::mem::take(&mut ledger.is_unsure);
            (std::mem::take(&mut ledger.operations), is_unsure)
        };
        // One that may have come to the service is the last one there, and the last one here the
        // one before.
        let known = operations.iter().rev().take(if is_unsure { 1 } else { 2 });
        for (operation_id, told) in known {
            let hub = self.hub_of(running, operation_id).await;
            if let Some(told) = told {
                assert_eq!(hub, *told, "{}: operation {operation_id}", self.id);
            }
        }
        operations.last().is_some_and(|(_, told)| told.is_none())
    }

    /// Polls until the operation has its result.
    async fn hub_of(&self, running: &Running, operation_id: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{}: {operation_id} does not end", self.id);
            let (status, body) = self.poll(running, operation_id).await;
            if status == StatusCode::ACCEPTED {
                continue;
            }
            assert_eq!(status, StatusCode::OK, "{}: operation {operation_id}: {body}", self.id);
            assert_eq!(body["status"], "assigned", "{}: {body}", self.id);
            return body["registrationState"]["assignedHub"].as_str().unwrap().to_owned();
        }
    }

    async fn poll(&self, running: &Running, operation_id: &str) -> (StatusCode, Value) {
        let resource = registration_resource(&scope(), &self.id);
        let expiry = SystemTime::now() + Duration::from_secs(3600);
        let uri = format!(
            "/{SCOPE}/registrations/{}/operations/{operation_id}?api-version=2021-06-01",
            self.id
        );
        let request = Request::builder()
            .uri(uri)
            .header("authorization", SasToken::sign(&resource, &self.key, expiry).as_str())
            .body(Bytes::new())
            .unwrap();
        let answer = running.http.send(&running.https, request).await.unwrap();
        (answer.status(), serde_json::from_slice(answer.body()).unwrap())
    }
}

fn scope() -> IdScope {
    SCOPE.parse().unwrap()
}
