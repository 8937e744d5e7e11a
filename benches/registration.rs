//! What keys, tokens and one whole registration cost. `cargo bench`.
//!
//! Absolute times depend on the machine; the registration is therefore measured beside a bare TLS
//! handshake to the same listener, and their ratio is printed at the end: one at a time, and two
//! hundred at a time, as a fleet has them.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure in real time")]
#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(missing_docs, reason = "nothing of it is public")]

use std::hint::black_box;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use provision_sim::attestation::{GroupKey, SasToken, registration_resource};
use provision_sim::contoso;
use provision_sim::device::{Credential, ProvisioningClient, Settings};
use provision_sim::fleet::{Blueprint, Fleet, Identity, Outcome, Plan, Shard, numbered};
use provision_sim::net::{Endpoint, Route, Trust, client_config, dial};
use provision_sim::service::{Authority, Options, Service};
use provision_sim::tutorial;
use provision_sim::wire::{MQTT_PORT, RegistrationId};
use tokio::runtime::Runtime;

/// How often each of several things is done.
#[derive(Clone, Copy)]
struct Rounds {
    keys: usize,
    connections: usize,
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench")
        && !std::env::args().any(|argument| argument == "--test");
    let rounds = match is_measured {
        true => Rounds { keys: 100_000, connections: 500 },
        // Only to see that it still works.
        false => Rounds { keys: 1, connections: 1 },
    };
    keys_and_tokens(rounds.keys);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bench = Bench::start().await;
        bench.print_ratio(rounds.connections).await;
        if is_measured {
            bench.print_fleet_ratio().await;
        }
    });
}

fn keys_and_tokens(rounds: usize) {
    let group_key: GroupKey = tutorial::SIMULATED_KEY.parse().expect("a key");
    let deriver = group_key.deriver();
    let id: RegistrationId = "sim-000042".parse().expect("an ID");
    let device_key = group_key.derive(&id);
    let resource = registration_resource(&"0ne00002193".parse().expect("a scope"), &id);
    let expiry = SystemTime::now() + Duration::from_secs(3600);

    let derived = in_the_middle(rounds, || deriver.derive(black_box(&id)));
    let signed =
        in_the_middle(rounds, || SasToken::sign(black_box(&resource), &device_key, expiry));
    println!(
        "a device key derived: {derived:?}; a SAS token signed: {signed:?} (median of {rounds})"
    );
}

/// The time in the middle of so many: what else the machine does falls on some of them.
fn in_the_middle<T>(rounds: usize, mut once: impl FnMut() -> T) -> Duration {
    let mut times: Vec<_> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            black_box(once());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[rounds / 2]
}

/// A service and a device, both with `retry-after` 0.
struct Bench {
    settings: Settings,
    // Ends when dropped.
    _service: Service,
}

impl Bench {
    async fn start() -> Self {
        let mut config = contoso::config();
        config
            .enrollment_groups
            .retain(|group| group.get("allocationPolicy") == Some("hashed".into()));
        let authority = Authority::in_memory().expect("an authority");
        let tls = client_config(&Trust::Pem(authority.pem().to_owned())).expect("a CA");
        let service =
            Service::start(&config, Options::on_free_ports(authority)).await.expect("a service");
        let registration_id: RegistrationId = "sim-000042".parse().expect("an ID");
        let key =
            tutorial::SIMULATED_KEY.parse::<GroupKey>().expect("a key").derive(&registration_id);
        let endpoint: Endpoint = service.mqtt_address().to_string().parse().expect("an address");
        let settings = Settings {
            timeout: Duration::from_secs(30),
            ..Settings::new(
                endpoint,
                "0ne00002193".parse().expect("a scope"),
                registration_id,
                Credential::SymmetricKey(key),
                tls,
            )
        };
        Self { settings, _service: service }
    }

    async fn handshake(&self) {
        let Settings { endpoint, tls, .. } = &self.settings;
        dial(endpoint, MQTT_PORT, &Route::default(), Arc::clone(tls), |_| {})
            .await
            .expect("a connection");
    }

    /// TLS, CONNECT, SUBSCRIBE, register, one poll, DISCONNECT.
    async fn register(&self) {
        let client = ProvisioningClient::new(self.settings.clone());
        client.register(&mut |_| {}).await.expect("a hub");
    }

    /// Both in turn, so that whatever else the machine does falls on both alike.
    async fn print_ratio(&self, rounds: usize) {
        let (mut handshakes, mut registrations) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..rounds {
            let start = Instant::now();
            self.handshake().await;
            let middle = Instant::now();
            self.register().await;
            handshakes += middle - start;
            registrations += middle.elapsed();
        }
        let ratio = registrations.as_secs_f64() / handshakes.as_secs_f64();
        println!(
            "one whole registration = {ratio:.2} bare TLS handshakes ({:.0} µs, {:.0} µs; {rounds} of each in turn)",
            registrations.as_secs_f64() * 1e6 / rounds as f64,
            handshakes.as_secs_f64() * 1e6 / rounds as f64,
        );
    }

    /// Both in many short turns, with as many open at a time; the ratio of the turn in the middle is told,
    /// because what else the machine does falls on some of them.
    async fn print_fleet_ratio(&self) {
        const TURNS: usize = 41;
        const EACH: u64 = 1000;
        const OPEN: usize = 200;
        let (mut handshakes, mut registrations) = (Spent::default(), Spent::default());
        let (mut ratios, mut of_processor) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let start = Spent::now();
            self.many_handshakes(EACH, OPEN).await;
            let middle = Spent::now();
            self.fleet(EACH, OPEN).await;
            let (bare, whole) = (middle - start, Spent::now() - middle);
            ratios.push(bare.wall / whole.wall);
            of_processor.push(bare.processor / whole.processor);
            handshakes = handshakes + bare;
            registrations = registrations + whole;
        }
        ratios.sort_by(f64::total_cmp);
        of_processor.sort_by(f64::total_cmp);
        let rate = |spent: Spent| EACH as f64 * TURNS as f64 / spent.wall;
        println!(
            "{OPEN} at a time: {:.0} registrations/s, {:.0} bare TLS handshakes/s, ratio {:.2} (half of {TURNS} turns of {EACH} each between {:.2} and {:.2}), of processor time {:.2}",
            rate(registrations),
            rate(handshakes),
            ratios[TURNS / 2],
            ratios[TURNS / 4],
            ratios[TURNS * 3 / 4],
            of_processor[TURNS / 2],
        );
    }

    async fn many_handshakes(&self, count: u64, open: usize) {
        let tasks: Vec<_> = (0..open)
            .map(|_| {
                let Settings { endpoint, tls, .. } = self.settings.clone();
                tokio::spawn(async move {
                    for _ in 0..count / open as u64 {
                        dial(&endpoint, MQTT_PORT, &Route::default(), tls.clone(), |_| {})
                            .await
                            .expect("a connection");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("handshakes");
        }
    }

    async fn fleet(&self, count: u64, open: usize) {
        let Settings { endpoint, tls, id_scope, .. } = self.settings.clone();
        let group_key: GroupKey = tutorial::SIMULATED_KEY.parse().expect("a key");
        let fleet = Fleet {
            blueprint: Blueprint {
                endpoint,
                ports: self.settings.ports,
                transport: self.settings.transport,
                route: Route::default(),
                sources: Vec::new(),
                id_scope,
                api_version: self.settings.api_version.clone(),
                tls,
                timeout: self.settings.timeout,
                token_lifetime: self.settings.token_lifetime,
                identity: Identity::Group(group_key.deriver()),
                payload: None,
                requests: None,
            },
            members: numbered("sim-{n:06}".parse().expect("a pattern"), count, Shard::WHOLE),
            plan: Plan::WhenFree,
            concurrency: open,
            ramp: Duration::ZERO,
            duration: None,
        };
        let mut running = fleet.start();
        let mut assigned = 0;
        while let Some(result) = running.next().await {
            assert!(matches!(result.outcome, Outcome::Assigned { .. }), "{result:?}");
            assigned += 1;
        }
        assert_eq!(assigned, count, "devices");
    }
}

/// Seconds, by the clock on the wall and of all processors together.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: f64,
    processor: f64,
}

impl Spent {
    fn now() -> Self {
        use nix::time::{ClockId, clock_gettime};
        let read = |clock| Duration::from(clock_gettime(clock).expect("a clock")).as_secs_f64();
        Self {
            wall: read(ClockId::CLOCK_MONOTONIC),
            processor: read(ClockId::CLOCK_PROCESS_CPUTIME_ID),
        }
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { wall: self.wall + other.wall, processor: self.processor + other.processor }
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { wall: self.wall - other.wall, processor: self.processor - other.processor }
    }
}
