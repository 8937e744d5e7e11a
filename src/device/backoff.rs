//! When to ask again.

use std::time::Duration;

/// Wait after an answer that does not say how long, and DPS's lower bound for the SDKs.
const DEFAULT_WAIT: Duration = Duration::from_secs(2);
/// Longest wait that is our own choice rather than the service's.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Shortest wait that is taken at its word; shorter ones could be used to make a device spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// Longest wait between polls that may come at once: nothing spins.
const LONGEST_QUICK_WAIT: Duration = Duration::from_secs(1);
/// Longest wait before a lost connection is opened again.
const LONGEST_RECONNECT_WAIT: Duration = Duration::from_secs(5);

/// Turns the service's wishes, and the lack of them, into waits.
#[derive(Debug)]
pub(super) struct Backoff {
    random: fastrand::Rng,
    zeros: u32,
    busy: u32,
    losses: u32,
}

impl Backoff {
    /// `seed` decides the jitter and nothing else.
    pub(super) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), zeros: 0, busy: 0, losses: 0 }
    }

    /// The wait after a 202: what the service says, else 2 s.
    pub(super) fn after_assigning(&mut self, retry_after: Option<Duration>) -> Duration {
        self.busy = 0;
        self.losses = 0;
        self.asked_for(retry_after).unwrap_or(DEFAULT_WAIT)
    }

    /// The wait after a 429 or 5xx: what the service says, else 2 s growing by half each time,
    /// with jitter so that a throttled fleet does not come back in step.
    pub(super) fn after_busy(&mut self, retry_after: Option<Duration>) -> Duration {
        let exponent = self.busy.min(16);
        self.busy += 1;
        self.losses = 0;
        self.asked_for(retry_after).unwrap_or_else(|| {
            let grown = DEFAULT_WAIT.mul_f64(1.5_f64.powi(exponent as i32));
            self.jittered(grown).min(LONGEST_WAIT)
        })
    }

    /// The wait before a lost connection is opened again: none at first, then from 250 ms to 5 s.
    pub(super) fn after_loss(&mut self) -> Duration {
        self.losses += 1;
        match self.losses {
            1 => Duration::ZERO,
            nth => {
                let grown = Duration::from_millis(250) * (1 << (nth - 2).min(5));
                self.jittered(grown).min(LONGEST_RECONNECT_WAIT)
            }
        }
    }

    /// `0` means at once, then after 1, 2, 4 … ms; what is below a millisecond counts as `0`.
    fn asked_for(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let asked = retry_after?;
        if asked >= SHORTEST_WAIT {
            self.zeros = 0;
            return Some(asked);
        }
        self.zeros += 1;
        let quick = match self.zeros {
            1 => Duration::ZERO,
            nth => (SHORTEST_WAIT * (1 << (nth - 2).min(10))).min(LONGEST_QUICK_WAIT),
        };
        Some(quick.max(asked))
    }

    /// Up to a quarter more, never less.
    fn jittered(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(1.0 + self.random.f64() / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: Option<Duration> = Some(Duration::ZERO);

    /// J-48.
    #[test]
    fn what_the_service_asks_for_is_kept() {
        let mut backoff = Backoff::new(1);
        let asked = Some(Duration::from_millis(1500));

        assert_eq!(backoff.after_assigning(asked), Duration::from_millis(1500));
        assert_eq!(backoff.after_busy(asked), Duration::from_millis(1500));
    }

    /// J-48.
    #[test]
    fn without_a_wish_it_is_two_seconds_and_grows_only_when_busy() {
        let mut backoff = Backoff::new(1);

        assert_eq!(backoff.after_assigning(None), Duration::from_secs(2));
        assert_eq!(backoff.after_assigning(None), Duration::from_secs(2));
        for lower in [2.0, 3.0, 4.5, 6.75] {
            let wait = backoff.after_busy(None).as_secs_f64();
            assert!((lower..=lower * 1.25).contains(&wait), "{wait} for {lower}");
        }
        assert!((0..100).all(|_| backoff.after_busy(None) <= LONGEST_WAIT));
    }

    /// J-48.
    #[test]
    fn zero_polls_at_once_and_then_slows_down_to_a_second() {
        let mut backoff = Backoff::new(1);

        let waits: Vec<_> = (0..14).map(|_| backoff.after_assigning(ZERO).as_millis()).collect();

        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000]);
    }

    #[test]
    fn a_wait_below_a_millisecond_counts_as_zero_so_that_nothing_spins() {
        let mut backoff = Backoff::new(1);
        let tiny = Some(Duration::from_nanos(1));

        let waits: Vec<_> = (0..4).map(|_| backoff.after_assigning(tiny).as_millis()).collect();

        assert_eq!(waits, [0, 1, 2, 4]);
    }

    /// J-48.
    #[test]
    fn a_lost_connection_is_opened_at_once_and_then_more_slowly() {
        let mut backoff = Backoff::new(1);

        assert_eq!(backoff.after_loss(), Duration::ZERO);
        let second = backoff.after_loss();
        assert!(second >= Duration::from_millis(250) && second < Duration::from_millis(320));
        assert!((0..100).all(|_| backoff.after_loss() <= LONGEST_RECONNECT_WAIT));
    }
}
