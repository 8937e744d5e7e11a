//! What keeping the state on the disk costs. `cargo bench --bench state`.
//!
//! What a page of a list costs among 1,000 enrollments and among 100,000: the ratio should be near 1.
//! Registrations a second of the same clients against a service with state and one without, in
//! turn, so that whatever else the machine does falls on both alike; then how long a service needs
//! to open the state of many devices. Absolute times depend on the machine.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(missing_docs, reason = "a benchmark has nothing public")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provision_sim::api_client::{Kind, ServiceClient};
use provision_sim::attestation::{Deriver, GroupKey};
use provision_sim::contoso;
use provision_sim::device::{Credential, ProvisioningClient, Settings};
use provision_sim::net::{Endpoint, Trust, client_config};
use provision_sim::service::{Authority, Options, Service};
use provision_sim::wire::RegistrationId;
use rustls::ClientConfig;
use tokio::runtime::Runtime;

/// Key of the default world's group that takes any registration ID.
const SIMULATED: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
/// Clients at once.
const CLIENTS: [usize; 3] = [1, 16, 64];
/// Turns of each service, and registrations a turn.
const TURNS: usize = 5;
const REGISTRATIONS: usize = 1000;
/// Devices of the state that is opened, unless `PROVISION_SIM_DEVICES` says otherwise.
const DEVICES: usize = 10_000;

fn main() {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        list().await;
        compare(folder.path()).await;
        open(&folder.path().join("many")).await;
    });
}

/// Lists all enrollments, a hundred a page, as clients do that do not say.
async fn list() {
    let mut each = Vec::new();
    for count in [1_000_u32, 100_000] {
        let mut config = contoso::config();
        config.enrollments = (0..count)
            .map(|number| {
                let json = format!(
                    r#"{{"registrationId":"sim-{number}","attestation":{{"type":"symmetricKey"}}}}"#
                );
                let members: serde_json::Map<_, _> = serde_json::from_str(&json).expect("JSON");
                members.into()
            })
            .collect();
        config.enrollment_groups.clear();
        let authority = Authority::in_memory().expect("an authority");
        let tls = client_config(&Trust::Pem(authority.pem().to_owned())).expect("a CA");
        let service = Service::start(&config, Options::on_free_ports(authority)).await;
        let service = service.expect("a service");
        let host = format!("localhost:{}", service.https_address().port());
        let connection = service.connection_string(&host).parse().expect("a connection string");
        let client = ServiceClient::new(connection, &tls);
        // Once without being measured.
        let mut took = Duration::ZERO;
        for turn in 0..2 {
            let start = Instant::now();
            let listed = client.list(Kind::Individual).await.expect("a list");
            assert_eq!(listed.len(), count as usize);
            took = if turn > 0 { start.elapsed() } else { took };
        }
        println!("{count} enrollments listed, 100 a page: {took:.2?}");
        each.push(took.as_secs_f64() / f64::from(count));
        service.stop().await;
    }
    println!("a page among 100,000 costs {:.2} of one among 1,000", each[1] / each[0]);
}

async fn compare(folder: &Path) {
    let memory = Bench::start(None).await;
    let disk = Bench::start(Some(&folder.join("few"))).await;
    for clients in CLIENTS {
        let (mut in_memory, mut on_disk) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..TURNS {
            in_memory += memory.register(0..REGISTRATIONS, clients).await;
            on_disk += disk.register(0..REGISTRATIONS, clients).await;
        }
        let rate = |time: Duration| (TURNS * REGISTRATIONS) as f64 / time.as_secs_f64();
        println!(
            "{clients} clients: {:.0} registrations a second with state, {:.0} without; ratio {:.2}",
            rate(on_disk),
            rate(in_memory),
            rate(on_disk) / rate(in_memory),
        );
    }
}

async fn open(folder: &Path) {
    let count = std::env::var("PROVISION_SIM_DEVICES").ok();
    let count = count.map_or(DEVICES, |text| text.parse().expect("a number"));
    let bench = Bench::start(Some(folder)).await;
    bench.register(0..count, 64).await;
    bench.service.stop().await;
    let size = std::fs::metadata(folder.join("state.redb")).expect("the state").len();
    for _ in 0..3 {
        let start = Instant::now();
        let bench = Bench::start(Some(folder)).await;
        println!("{count} devices, {} MB: ready after {:.2?}", size >> 20, start.elapsed());
        bench.service.stop().await;
    }
    // What kill -9 leaves: a file that was not closed.
    let bench = Bench::start(Some(folder)).await;
    bench.register(0..64, 64).await;
    let killed = folder.with_file_name("killed");
    std::fs::create_dir(&killed).expect("a folder");
    std::fs::copy(folder.join("state.redb"), killed.join("state.redb")).expect("a copy");
    let start = Instant::now();
    Bench::start(Some(&killed)).await;
    println!("{count} devices, after a crash: ready after {:.2?}", start.elapsed());
}

struct Bench {
    endpoint: Endpoint,
    tls: Arc<ClientConfig>,
    keys: Deriver,
    service: Service,
}

impl Bench {
    async fn start(state: Option<&Path>) -> Self {
        let mut config = contoso::config();
        config
            .enrollment_groups
            .retain(|group| group.get("allocationPolicy") == Some("hashed".into()));
        let authority = Authority::in_memory().expect("an authority");
        let tls = client_config(&Trust::Pem(authority.pem().to_owned())).expect("a CA");
        let state = state.map(Path::to_owned);
        let options = Options { state, ..Options::on_free_ports(authority) };
        let service = Service::start(&config, options).await.expect("a service");
        let endpoint = service.mqtt_address().to_string().parse().expect("an address");
        let keys = SIMULATED.parse::<GroupKey>().expect("a key").deriver();
        Self { endpoint, tls, keys, service }
    }

    /// Registers each device once; how long it took.
    async fn register(&self, devices: std::ops::Range<usize>, clients: usize) -> Duration {
        let (next, end) = (Arc::new(AtomicUsize::new(devices.start)), devices.end);
        let start = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (next, endpoint, tls) = (next.clone(), self.endpoint.clone(), self.tls.clone());
                let keys = self.keys.clone();
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= end {
                            return;
                        }
                        let id: RegistrationId = format!("sim-{number}").parse().expect("an ID");
                        let credential = Credential::SymmetricKey(keys.derive(&id));
                        let settings = Settings {
                            timeout: Duration::from_secs(60),
                            ..Settings::new(
                                endpoint.clone(),
                                "0ne00002193".parse().expect("a scope"),
                                id,
                                credential,
                                tls.clone(),
                            )
                        };
                        let client = ProvisioningClient::new(settings);
                        client.register(&mut |_| {}).await.expect("a hub");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a client");
        }
        start.elapsed()
    }
}
