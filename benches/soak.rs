//! Many idle devices and many registrations at once, over MQTT and AMQP, for minutes, against the real
//! binary: is there any error, is memory flat, and what does an idle device cost?
//!
//! ```text
//! cargo bench --bench soak
//! PROVISION_SIM_SECONDS=30 PROVISION_SIM_IDLE=1000 PROVISION_SIM_RATE=200 cargo bench --bench soak
//! PROVISION_SIM_IDLE_AMQP=0 PROVISION_SIM_RATE_AMQP=0 cargo bench --bench soak
//! ```
//!
//! The service runs as a process of its own, so that its memory and processor time are its own.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure in real time")]
#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(missing_docs, reason = "a benchmark has nothing public")]

mod idle_amqp;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use provision_sim::attestation::{GroupKey, SasToken, registration_resource};
use provision_sim::device::{Credential, ProvisioningClient, Settings, Transport};
use provision_sim::net::{Endpoint, Route, Trust, client_config, dial};
use provision_sim::wire::{IdScope, MQTT_PORT, RESPONSE_FILTER, RegistrationId};
use rumqttc::{Connect, Packet, QoS, Subscribe};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::client::TlsStream;

use support::{GROUP_KEY, ServiceProcess, processor_seconds, resident_mebibytes};

/// Registrations come from this many devices in turn, so that records are replaced, not added.
const POOL: u64 = 5_000;
/// How many idle devices connect at a time.
const AT_ONCE: usize = 64;
const MAX_PACKET: usize = 64 * 1024;

fn main() {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let seconds = setting("PROVISION_SIM_SECONDS", 300);
    let load = Load {
        idle: setting("PROVISION_SIM_IDLE", 10_000),
        idle_amqp: setting("PROVISION_SIM_IDLE_AMQP", 2_000),
        rate: setting("PROVISION_SIM_RATE", 500),
        rate_amqp: setting("PROVISION_SIM_RATE_AMQP", 200),
    };
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().to_str().expect("a path that is text");
    let mut flags = vec!["--retry-after", "0s"];
    if std::env::var("PROVISION_SIM_STATE").is_ok() {
        flags.extend(["--state", state]);
    }
    let service = ServiceProcess::start(&flags);
    let world = Arc::new(World::of(&service));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(soak(world, &service, load, Duration::from_secs(seconds)));
}

/// How many devices do nothing, and how many register a second.
struct Load {
    idle: u64,
    idle_amqp: u64,
    rate: u64,
    rate_amqp: u64,
}

/// What every device needs.
struct World {
    endpoint: Endpoint,
    amqp: Endpoint,
    id_scope: IdScope,
    tls: Arc<ClientConfig>,
    key: GroupKey,
}

impl World {
    fn of(service: &ServiceProcess) -> Self {
        Self {
            endpoint: service.told("mqtt").parse().expect("an address"),
            amqp: service.told("amqp").parse().expect("an address"),
            id_scope: service.told("idScope").parse().expect("a scope"),
            tls: client_config(&Trust::File(service.told("caFile").into())).expect("a CA"),
            key: GROUP_KEY.parse().expect("a key"),
        }
    }

    async fn register(&self, transport: Transport, number: u64) -> Result<(), String> {
        let id: RegistrationId = format!("sim-{transport}-{number}").parse().expect("an ID");
        let credential = Credential::SymmetricKey(self.key.derive(&id));
        let endpoint = match transport {
            Transport::Amqp => self.amqp.clone(),
            _ => self.endpoint.clone(),
        };
        let (id_scope, tls) = (self.id_scope.clone(), self.tls.clone());
        let settings =
            Settings { transport, ..Settings::new(endpoint, id_scope, id, credential, tls) };
        let registered = ProvisioningClient::new(settings).register(&mut |_| {}).await;
        registered.map(drop).map_err(|error| error.to_string())
    }

    fn token(&self, id: &RegistrationId) -> SasToken {
        let resource = registration_resource(&self.id_scope, id);
        let expiry = std::time::SystemTime::now() + Duration::from_secs(3600);
        SasToken::sign(&resource, &self.key.derive(id), expiry)
    }

    /// A device that is connected and subscribed, and then says nothing, as the C SDK's with its
    /// keep-alive of 0 may.
    async fn sit_down(&self, number: u64) -> Result<TlsStream<TcpStream>, String> {
        let id: RegistrationId = format!("idle-{number}").parse().expect("an ID");
        let token = self.token(&id);
        let mut connect = Connect::new(id.as_str());
        connect.keep_alive = 0;
        let user_name = format!("{}/registrations/{id}/api-version=2021-06-01", self.id_scope);
        connect.set_login(user_name, token.as_str());
        let mut subscribe = Subscribe::new(RESPONSE_FILTER, QoS::AtLeastOnce);
        subscribe.pkid = 1;

        let route = Route::default();
        let dialed = dial(&self.endpoint, MQTT_PORT, &route, self.tls.clone(), |_| {});
        let mut stream = dialed.await.map_err(|error| error.to_string())?.stream;
        let mut buffer = BytesMut::new();
        for packet in [Packet::Connect(connect), Packet::Subscribe(subscribe)] {
            packet.write(&mut buffer, MAX_PACKET).map_err(|error| format!("{error:?}"))?;
        }
        stream.write_all(&buffer).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        // CONNACK has 4 bytes, SUBACK 5.
        let mut answers = [0; 9];
        stream.read_exact(&mut answers).await.map_err(|error| error.to_string())?;
        match answers {
            [0x20, 2, 0, 0, 0x90, 3, 0, 1, 1] => Ok(stream),
            other => Err(format!("unexpected answers {other:02x?}")),
        }
    }
}

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    failed: AtomicU64,
    slowest_micros: AtomicU64,
}

async fn soak(world: Arc<World>, service: &ServiceProcess, load: Load, length: Duration) {
    let weight = Weight::now(service);
    let seats = take_seats(&world, load.idle).await;
    weight.shared_by("MQTT", seats.len(), service);
    let weight = Weight::now(service);
    let mut lines = JoinSet::new();
    for line in idle_amqp::take_seats(&world, load.idle_amqp).await {
        lines.spawn(line);
    }
    weight.shared_by("AMQP", lines.len(), service);

    let counts = Arc::new(Counts::default());
    let start = Instant::now();
    let rate = (load.rate + load.rate_amqp).max(1);
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap_or(u32::MAX));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut reports = interval(Duration::from_secs(10));
    reports.tick().await;
    println!(
        "{:>6} {:>12} {:>7} {:>12} {:>12}",
        "s", "registered", "errors", "service MiB", "this MiB"
    );
    let mut next = 0_u64;
    while start.elapsed() < length {
        tokio::select! {
            _ = ticks.tick() => {
                let (world, counts, number) = (world.clone(), counts.clone(), next % POOL);
                let is_amqp = next % rate < load.rate_amqp;
                let transport = if is_amqp { Transport::Amqp } else { Transport::Mqtt };
                next += 1;
                tokio::spawn(async move { one(&world, &counts, transport, number).await });
            }
            _ = reports.tick() => row(start, service, &counts),
        }
    }
    while counts.done.load(Ordering::Relaxed) + counts.failed.load(Ordering::Relaxed) < next {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    row(start, service, &counts);
    let (done, failed) =
        (counts.done.load(Ordering::Relaxed), counts.failed.load(Ordering::Relaxed));
    println!(
        "{done} registrations, {failed} errors, {:.0} a second, slowest {:.1} ms; processor time: service {:.1} s, this process {:.1} s",
        done as f64 / start.elapsed().as_secs_f64(),
        counts.slowest_micros.load(Ordering::Relaxed) as f64 / 1000.0,
        processor_seconds(service.process()),
        processor_seconds(std::process::id()),
    );
    let mut lost = still_there(seats).await;
    while let Some(ended) = lines.try_join_next() {
        println!("an idle device over AMQP: {ended:?}");
        lost += 1;
    }
    println!("idle devices that lost their connection: {lost}");
    assert!(failed == 0 && lost == 0, "no error was expected");
}

async fn take_seats(world: &Arc<World>, idle: u64) -> Vec<TlsStream<TcpStream>> {
    let gate = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let tasks: Vec<_> = (0..idle)
        .map(|number| {
            let (world, gate) = (world.clone(), gate.clone());
            tokio::spawn(async move {
                let _turn = gate.acquire_owned().await.expect("a turn");
                world.sit_down(number).await.expect("a connection")
            })
        })
        .collect();
    let mut seats = Vec::new();
    for task in tasks {
        seats.push(task.await.expect("a device"));
    }
    seats
}

async fn one(world: &World, counts: &Counts, transport: Transport, number: u64) {
    let start = Instant::now();
    match world.register(transport, number).await {
        Ok(()) => counts.done.fetch_add(1, Ordering::Relaxed),
        Err(error) => {
            println!("sim-{transport}-{number}: {error}");
            counts.failed.fetch_add(1, Ordering::Relaxed)
        }
    };
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    counts.slowest_micros.fetch_max(micros, Ordering::Relaxed);
}

/// What both processes took before devices came.
struct Weight {
    service: f64,
    here: f64,
    at: Instant,
}

impl Weight {
    fn now(service: &ServiceProcess) -> Self {
        let service = resident_mebibytes(service.process());
        Self { service, here: resident_mebibytes(std::process::id()), at: Instant::now() }
    }

    /// Says what each of the devices takes that have come since.
    fn shared_by(self, protocol: &str, devices: usize, service: &ServiceProcess) {
        if devices == 0 {
            return;
        }
        let now = Self::now(service);
        let each = |before: f64, after: f64| (after - before) * 1024.0 / devices as f64;
        println!(
            "{devices} idle devices over {protocol} connected in {:.1?}; each takes {:.1} KiB in the service, {:.1} KiB here",
            self.at.elapsed(),
            each(self.service, now.service),
            each(self.here, now.here),
        );
    }
}

/// How many of them hear that the service has hung up.
async fn still_there(seats: Vec<TlsStream<TcpStream>>) -> usize {
    let mut lost = 0;
    for mut seat in seats {
        let heard = tokio::time::timeout(Duration::ZERO, seat.read_u8()).await;
        lost += usize::from(heard.is_ok());
    }
    lost
}

fn row(start: Instant, service: &ServiceProcess, counts: &Counts) {
    println!(
        "{:>6.0} {:>12} {:>7} {:>12.1} {:>12.1}",
        start.elapsed().as_secs_f64(),
        counts.done.load(Ordering::Relaxed),
        counts.failed.load(Ordering::Relaxed),
        resident_mebibytes(service.process()),
        resident_mebibytes(std::process::id()),
    );
}
