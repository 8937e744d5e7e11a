//! Runs a fleet: starts the launcher, hands on the results, says how the generator did.
//!
//! There is a task for each open registration and none for a device that has not begun or has
//! ended; what has to be known of all devices is in counters.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::ahead::ReadAhead;
use super::blueprint::Blueprint;
use super::health::Health;
use super::launcher::{Counters, Launcher, Launches, open_slots};
use super::member::Members;
use super::report::GeneratorHealth;
use super::result::DeviceResult;
use super::schedule::Plan;
use crate::sources::Chance;

/// How many results may wait to be gathered.
const BACKLOG: usize = 1024;
/// How long a result may wait for others to go with it, and with how many at most.
const GATHER: Duration = Duration::from_millis(5);
const TOGETHER: usize = 256;

/// A fleet that has not begun.
pub struct Fleet {
    /// What all devices have in common.
    pub blueprint: Blueprint,
    /// The devices.
    pub members: Members,
    /// When they begin.
    pub plan: Plan,
    /// How many registrations may be open at a time.
    pub concurrency: usize,
    /// How long it takes until so many may be, where the plan says nothing of times.
    pub ramp: Duration,
    /// Nothing begins after this.
    pub duration: Option<Duration>,
}

/// A fleet under way. Dropping it leaves open registrations to the runtime.
pub struct Running {
    batches: mpsc::Receiver<Vec<DeviceResult>>,
    batch: std::vec::IntoIter<DeviceResult>,
    launcher: JoinHandle<Launches>,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    health: Health,
    start: Instant,
}

/// How far a fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Since its start.
    pub elapsed: Duration,
    /// Devices that have begun.
    pub begun: u64,
    /// Those that have not ended.
    pub open: u64,
}

/// How a fleet ended, but for its results.
#[derive(Debug)]
pub struct Ended {
    /// How long it took.
    pub elapsed: Duration,
    /// How this process did.
    pub generator: GeneratorHealth,
    /// What has become of the launches.
    pub launches: Launches,
}

impl Fleet {
    /// Begins, on the runtime that it is called on.
    pub fn start(self) -> Running {
        let start = Instant::now();
        let counters = Arc::new(Counters::default());
        let concurrency = u32::try_from(self.concurrency.min(Semaphore::MAX_PERMITS));
        let concurrency = concurrency.unwrap_or(u32::MAX).max(1);
        let count = concurrency as usize;
        let ramp = if self.plan.is_timed() { Duration::ZERO } else { self.ramp };
        let is_ramped = !ramp.is_zero();
        let slots = Arc::new(Semaphore::new(if is_ramped { 0 } else { count }));
        if is_ramped {
            tokio::spawn(open_slots(slots.clone(), count, ramp, start));
        }
        let (stop, stopped) = watch::channel(false);
        let (hold, _) = watch::channel(Duration::ZERO);
        let (sender, results) = mpsc::channel(BACKLOG);
        let (batch_sender, batches) = mpsc::channel(1);
        tokio::spawn(gather(results, batch_sender));
        let blueprint = Arc::new(self.blueprint);
        let launcher = Launcher {
            members: ReadAhead::start(self.members, blueprint.clone()),
            blueprint,
            schedule: self.plan.schedule(Chance::system().number("schedule", "")),
            slots,
            concurrency,
            start,
            until: self.duration,
            stop: stopped,
            hold,
            counters: counters.clone(),
            results: sender,
        };
        let launcher = tokio::spawn(launcher.run());
        let batch = Vec::new().into_iter();
        let watched = counters.clone();
        let health = Health::start(move || watched.burst.load(Ordering::Relaxed));
        Running { batches, batch, launcher, stop, counters, health, start }
    }
}

/// Puts results together that come close after one another. Whoever takes them is on a thread that
/// is not the runtime's, and waking it for every single one costs a fleet a twentieth of its time.
async fn gather(
    mut results: mpsc::Receiver<DeviceResult>,
    batches: mpsc::Sender<Vec<DeviceResult>>,
) {
    let mut batch = Vec::new();
    while results.recv_many(&mut batch, TOGETHER).await > 0 {
        let until = Instant::now() + GATHER;
        while batch.len() < TOGETHER
            && let Ok(1..) = timeout_at(until, results.recv_many(&mut batch, TOGETHER)).await
        {
        }
        if batches.send(std::mem::take(&mut batch)).await.is_err() {
            return;
        }
    }
}

impl Running {
    /// The next result; `None` when all devices have ended that have begun, and none will begin.
    pub async fn next(&mut self) -> Option<DeviceResult> {
        loop {
            if let Some(result) = self.batch.next() {
                return Some(result);
            }
            self.batch = self.batches.recv().await?.into_iter();
        }
    }

    /// Lets no more devices begin. The open ones go on.
    pub fn stop_launching(&self) {
        self.stop.send_replace(true);
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            elapsed: self.start.elapsed(),
            begun: self.counters.begun.load(Ordering::Relaxed),
            open: self.counters.open.load(Ordering::Relaxed),
        }
    }

    /// Ends it here. Registrations that are still open are left to the runtime.
    pub async fn end(self) -> Ended {
        self.stop_launching();
        let elapsed = self.start.elapsed();
        let generator = GeneratorHealth {
            cpu_share: self.health.cpu_share(),
            max_lag: self.health.max_lag(),
            steady_lag: self.health.steady_lag(),
            late_starts: self.counters.late.load(Ordering::Relaxed),
            open_peak: self.counters.open_peak.load(Ordering::Relaxed),
        };
        // The launcher neither panics nor is cancelled.
        let launches = self.launcher.await.unwrap_or(Launches {
            are_all: false,
            held: Duration::ZERO,
            fault: None,
        });
        Ended { elapsed, generator, launches }
    }
}
