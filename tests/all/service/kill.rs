//! `kill -9` of a service with state, at random moments under load: nothing that was acknowledged
//! may be gone, nothing that was told may be otherwise, and everything that was begun must end.
//!
//! `PROVISION_SIM_KILLS` says how often it is killed, `PROVISION_SIM_SEED` repeats a run.

#![allow(clippy::print_stderr, reason = "a run can be repeated only if its seed is known")]

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provision_sim::api_client::Kind;
use tokio::sync::{Notify, watch};

use crate::support::cli::Machine;
use crate::support::kill::{Fleet, Running, Webhook};

/// Clients that register at the same time.
const CLIENTS: usize = 8;
/// Devices of each.
const DEVICES: usize = 6;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_has_kept_all_that_it_acknowledged() {
    let kills = number("PROVISION_SIM_KILLS").unwrap_or(5);
    let seed = number("PROVISION_SIM_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("PROVISION_SIM_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let started = Instant::now();
    let (machine, webhook) = (Machine::new(), Webhook::start(seed).await);
    let config = machine.file("world.toml", &crate::support::kill::config(&webhook.url()));
    let state = machine.path("dps");
    let arguments = ["--config", config.to_str().unwrap(), "--state", state.to_str().unwrap()];
    let arguments = [&arguments[..], &["--retry-after", "0s"]].concat();
    let mut fleet = Fleet::new(CLIENTS, DEVICES);

    for round in 0..kills {
        let serve = machine.serve_without_events(&arguments);
        let running = Arc::new(Running::new(&serve));
        fleet.check(&running).await;
        let mut load = Load::start(&fleet, &running, round, random.fork());
        load.acknowledged(random.usize(1..120)).await;
        // Some way into whatever is under way then.
        tokio::time::sleep(Duration::from_micros(random.u64(0..4000))).await;
        drop(serve);
        load.end().await;
    }
    let serve = machine.serve_without_events(&arguments);
    fleet.check(&Running::new(&serve)).await;

    let (registrations, enrollments, cut_off) = fleet.totals();
    assert!(registrations > 0 && enrollments > 0);
    eprintln!(
        "{kills} kills in {:.1?}: {registrations} registrations and {enrollments} enrollments were \
         acknowledged, {cut_off} operations were under way",
        started.elapsed()
    );
}

/// Clients at work until they are told to stop.
struct Load {
    stop: watch::Sender<bool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    acknowledged: AtomicUsize,
    more: Notify,
}

impl Count {
    fn one_more(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.more.notify_one();
    }
}

impl Load {
    fn start(fleet: &Fleet, running: &Arc<Running>, round: u64, mut random: fastrand::Rng) -> Self {
        let (stop, stopped) = watch::channel(false);
        let count = Arc::<Count>::default();
        let mut clients = Vec::new();
        for devices in fleet.by_client() {
            let (running, count, mut random) = (running.clone(), count.clone(), random.fork());
            clients.push(until(stopped.clone(), async move {
                loop {
                    let device = &devices[random.usize(..devices.len())];
                    if device.register(&running).await.is_err() {
                        return;
                    }
                    count.one_more();
                }
            }));
        }
        let (running, enrollments, counted) =
            (running.clone(), fleet.enrollments.clone(), count.clone());
        clients.push(until(stopped, async move {
            for number in 0.. {
                let id = format!("valves-{round}-{number}");
                if running
                    .back_end
                    .put(Kind::Group, &id, &crate::support::kill::group(&id), None)
                    .await
                    .is_err()
                {
                    return;
                }
                enrollments.lock().unwrap().push(id);
                counted.one_more();
            }
        }));
        Self { stop, clients, count }
    }

    async fn acknowledged(&mut self, count: usize) {
        while self.count.acknowledged.load(Ordering::Relaxed) < count {
            assert!(self.clients.iter().any(|it| !it.is_finished()), "all clients have failed");
            self.count.more.notified().await;
        }
    }

    async fn end(self) {
        self.stop.send_replace(true);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

/// The work, until it ends by itself or is told to.
fn until(
    mut stopped: watch::Receiver<bool>,
    work: impl Future<Output = ()> + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            () = work => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    })
}
