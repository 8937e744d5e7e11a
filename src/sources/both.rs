//! Time and chance, as they are handed around.

use std::time::{Duration, Instant, SystemTime};

use super::chance::Chance;
use super::clock::Clock;

/// Where a service or a device has its time and its chance from. [`Default`] is the system; clones are
/// the same sources.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What time it is.
    pub clock: Clock,
    /// What nobody can foresee.
    pub chance: Chance,
}

impl Sources {
    /// The time, as calendars have it.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The time, as durations are measured by.
    pub fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Since then.
    pub fn since(&self, began: Instant) -> Duration {
        self.instant().saturating_duration_since(began)
    }
}
