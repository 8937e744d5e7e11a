//! What the registrar and the service API ask before they do something that has a quota.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::devices::Devices;
use super::kind::Quota;
use super::limits::Quotas;
use super::rate::Rate;
use super::window::Window;
use crate::service::lock::lock;
use crate::wire::RegistrationId;

/// Keeps count of everything that has a quota; what has none costs nothing.
#[derive(Debug, Default)]
pub(in crate::service) struct Throttle {
    quotas: Quotas,
    // Each is held for a look-up at most, never across an await.
    registrations: Option<Mutex<Window>>,
    operations: Option<Mutex<Window>>,
    polls: Option<Mutex<Devices>>,
}

/// More than a quota allows. Its text is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Throttled {
    /// What to wait before the next try: whole seconds, at least one (J-91).
    pub(in crate::service) retry_after: Duration,
    quota: Quota,
    rate: Rate,
}

impl Throttle {
    pub(in crate::service) fn new(quotas: Quotas) -> Self {
        let window = |quota| quotas.get(quota).map(|rate| Mutex::new(Window::new(rate)));
        Self {
            quotas,
            registrations: window(Quota::Registrations),
            operations: window(Quota::Operations),
            polls: quotas.get(Quota::Polls).map(|rate| Mutex::new(Devices::new(rate))),
        }
    }

    /// A device registers, or looks its registration up (H.3).
    pub(in crate::service) fn registration(&self, now: Instant) -> Result<(), Throttled> {
        let Some(window) = &self.registrations else { return Ok(()) };
        let taken = lock(window).take(now);
        self.judge(Quota::Registrations, taken)
    }

    /// Somebody calls the service API.
    pub(in crate::service) fn operation(&self, now: Instant) -> Result<(), Throttled> {
        let Some(window) = &self.operations else { return Ok(()) };
        let taken = lock(window).take(now);
        self.judge(Quota::Operations, taken)
    }

    /// A device polls.
    pub(in crate::service) fn poll(
        &self,
        device: &RegistrationId,
        now: Instant,
    ) -> Result<(), Throttled> {
        let Some(devices) = &self.polls else { return Ok(()) };
        let taken = lock(devices).take(&device.folded(), now);
        self.judge(Quota::Polls, taken)
    }

    fn judge(&self, quota: Quota, taken: Result<(), Duration>) -> Result<(), Throttled> {
        match (taken, self.quotas.get(quota)) {
            (Err(wait), Some(rate)) => {
                Err(Throttled { retry_after: whole_seconds(wait), quota, rate })
            }
            _ => Ok(()),
        }
    }
}

/// Rounded up, so that who waits as told finds a place, and never 0, at which SDKs would ask again
/// and again.
fn whole_seconds(wait: Duration) -> Duration {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(seconds.max(1))
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { retry_after, quota, rate } = self;
        let wait = retry_after.as_secs();
        write!(f, "the quota {quota}={rate} is used up (H.3); told to wait {wait} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str) -> RegistrationId {
        id.parse().unwrap()
    }

    #[test]
    fn j_91_the_wait_is_told_in_whole_seconds_rounded_up_and_at_least_one() {
        for (millis, told) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60), (60_000, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)).as_secs(), told, "{millis}");
        }
        assert_eq!(whole_seconds(Duration::ZERO).as_secs(), 1);
    }

    #[test]
    fn without_quotas_nothing_is_counted() {
        let (throttle, now) = (Throttle::default(), Instant::now());

        for _ in 0..10_000 {
            assert_eq!(throttle.registration(now), Ok(()));
            assert_eq!(throttle.operation(now), Ok(()));
            assert_eq!(throttle.poll(&device("a"), now), Ok(()));
        }
    }

    #[test]
    fn h_3_azures_quotas_are_apart_from_each_other_and_polls_are_counted_by_device() {
        let (throttle, now) = (Throttle::new(Quotas::AZURE), Instant::now());
        let refused = |taken: Result<(), Throttled>| taken.unwrap_err().to_string();

        for _ in 0..1000 {
            assert_eq!(throttle.registration(now), Ok(()));
            assert_eq!(throttle.operation(now), Ok(()));
        }
        for id in ["a", "b"] {
            for _ in 0..5 {
                assert_eq!(throttle.poll(&device(id), now), Ok(()));
            }
        }

        let later = now + Duration::from_millis(2500);
        assert_eq!(
            refused(throttle.registration(later)),
            "the quota registrations=1000/min is used up (H.3); told to wait 58 s"
        );
        assert!(refused(throttle.operation(later)).contains("operations=1000/min"));
        assert_eq!(
            refused(throttle.poll(&device("A"), later)),
            "the quota polls=5/10s is used up (H.3); told to wait 8 s",
            "one device, however it is spelled"
        );
        assert_eq!(throttle.poll(&device("c"), later), Ok(()));
    }
}
