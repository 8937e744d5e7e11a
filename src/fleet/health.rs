//! Whether this generator was the bottleneck: its CPU time, and how late its event loop ran.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How often the event loop is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Watches this process until it is dropped.
#[derive(Debug)]
pub(super) struct Health {
    began: Instant,
    cpu_before: Duration,
    lag: Arc<Lag>,
    looking: AbortHandle,
}

/// The longest times that a timer was late, in microseconds.
#[derive(Debug, Default)]
struct Lag {
    ever: AtomicU64,
    /// While no devices were open that began all at once.
    steady: AtomicU64,
}

impl Health {
    /// Begins now, on the runtime that it is called on. `burst`: how many devices are open that began
    /// all at once, by order.
    pub(super) fn start(burst: impl Fn() -> u64 + Send + 'static) -> Self {
        let lag = Arc::new(Lag::default());
        let looking = tokio::spawn(look(lag.clone(), burst)).abort_handle();
        Self { began: Instant::now(), cpu_before: cpu_time(), lag, looking }
    }

    /// The longest time that a timer was late.
    pub(super) fn max_lag(&self) -> Duration {
        Duration::from_micros(self.lag.ever.load(Ordering::Relaxed))
    }

    /// The same, of the time without a burst.
    pub(super) fn steady_lag(&self) -> Duration {
        Duration::from_micros(self.lag.steady.load(Ordering::Relaxed))
    }

    /// Which part of all cores this process has used since the beginning.
    pub(super) fn cpu_share(&self) -> f64 {
        let used = cpu_time().saturating_sub(self.cpu_before);
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        share(used, self.began.elapsed(), cores)
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(lag: Arc<Lag>, burst: impl Fn() -> u64 + Send) {
    loop {
        let was_burst = burst() > 0;
        let due = Instant::now() + LOOK_EVERY;
        tokio::time::sleep_until(due).await;
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        lag.ever.fetch_max(late, Ordering::Relaxed);
        if !was_burst && burst() == 0 {
            lag.steady.fetch_max(late, Ordering::Relaxed);
        }
    }
}

fn share(used: Duration, elapsed: Duration, cores: usize) -> f64 {
    let available = elapsed.as_secs_f64() * cores as f64;
    if available > 0.0 { (used.as_secs_f64() / available).clamp(0.0, 1.0) } else { 0.0 }
}

/// What the process has used of all cores together.
#[cfg(unix)]
fn cpu_time() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// How long the runtime's workers were busy: at least what they have used.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    let metrics = tokio::runtime::Handle::current().metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_all_cores() {
        let second = Duration::from_secs(1);

        assert_eq!(share(second, second, 2), 0.5);
        assert_eq!(share(second * 9, second, 2), 1.0);
        assert_eq!(share(second, Duration::ZERO, 2), 0.0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_costs_cpu_time() {
        let before = cpu_time();

        while cpu_time() <= before {
            tokio::spawn(async { (0..10_000_u64).map(std::hint::black_box).sum::<u64>() })
                .await
                .unwrap();
        }

        assert!(cpu_time() > before);
    }
}
