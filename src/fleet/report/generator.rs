//! Whether the machine that made the load was the bottleneck: then the figures are about it, and
//! the report must say so.

use std::time::Duration;

use super::units::percent;

use crate::text::spoken;

/// From this share of the processors on, figures are the generator's.
const BUSY: f64 = 0.9;
/// Below this share a generator that is late was kept waiting by others.
const IDLE: f64 = 0.5;
/// An event loop that answers later than this measures itself …
const LAG: Duration = Duration::from_millis(50);
/// … if it is more than this part of what is measured (J-235).
const LAG_PART: u32 = 10;
/// More of the devices than this began late.
const LATE: f64 = 0.01;

/// How the machine that made the load did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GeneratorHealth {
    /// How much of the processors that it may use the process has used: 1 is all.
    pub cpu_share: f64,
    /// The longest that the event loop was late.
    pub max_lag: Duration,
    /// The same, of the time in which no devices were open that began all at once, by order: a crowd
    /// makes every loop late for a moment (J-234).
    pub steady_lag: Duration,
    /// How many devices began later than they were meant to; of those that began all at once, none.
    pub late_starts: u64,
    /// The most connections that were open at the same time.
    pub open_peak: u64,
}

impl GeneratorHealth {
    /// Why it was the bottleneck of a run of so many devices, half of which took `median` or less, in a
    /// sentence; nothing if it was not.
    pub(super) fn bottleneck(&self, devices: u64, median: Option<Duration>) -> Option<String> {
        let lag = median.map_or(LAG, |median| LAG.max(median / LAG_PART));
        let late = self.late_starts as f64 / devices.max(1) as f64;
        let reasons: Vec<_> = [
            (self.cpu_share >= BUSY)
                .then(|| format!("it used {} of its processors", percent(self.cpu_share))),
            (self.steady_lag > lag)
                .then(|| format!("its event loop was up to {} late", spoken(self.steady_lag))),
            (late > LATE).then(|| format!("{} of the devices began late", percent(late))),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!reasons.is_empty()).then(|| reasons.join(", "))
    }

    /// What to do about it. One that had most of its processors to spare was kept waiting by others: often
    /// by the service, on the same machine.
    pub(super) fn remedy(&self) -> &'static str {
        match self.cpu_share < IDLE {
            true => {
                "it had processors to spare, so that other programs on its machine, such as the \
                 service, kept it waiting: run it elsewhere, or lower --rate or --concurrency"
            }
            false => {
                "lower --rate or --concurrency, or share the devices out among machines (--shard, \
                 fleet merge)"
            }
        }
    }

    /// Of several machines the worst counts; their connections were open side by side (J-171).
    pub(super) fn merge(&mut self, other: &Self) {
        self.cpu_share = self.cpu_share.max(other.cpu_share);
        self.max_lag = self.max_lag.max(other.max_lag);
        self.steady_lag = self.steady_lag.max(other.steady_lag);
        self.late_starts = self.late_starts.saturating_add(other.late_starts);
        self.open_peak = self.open_peak.saturating_add(other.open_peak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_235_the_bottleneck_is_named_with_every_reason() {
        let calm = GeneratorHealth {
            cpu_share: 0.899,
            max_lag: Duration::from_secs(9),
            steady_lag: LAG,
            late_starts: 1,
            open_peak: 5,
        };
        let why =
            |health: GeneratorHealth| health.bottleneck(100, Some(Duration::from_millis(100)));

        assert_eq!(why(calm), None);
        assert_eq!(
            why(GeneratorHealth { cpu_share: 0.9, ..calm }).unwrap(),
            "it used 90 % of its processors"
        );
        assert_eq!(
            why(GeneratorHealth { steady_lag: Duration::from_millis(51), ..calm }).unwrap(),
            "its event loop was up to 51 ms late"
        );
        assert_eq!(
            why(GeneratorHealth { late_starts: 2, cpu_share: 1.0, ..calm }).unwrap(),
            "it used 100 % of its processors, 2 % of the devices began late"
        );
        assert!(calm.remedy().starts_with("lower --rate"));
        let idle = GeneratorHealth { cpu_share: 0.1, ..calm };
        assert!(idle.remedy().contains("other programs on its machine"));
        // A tenth of three seconds.
        let slow = Some(Duration::from_secs(3));
        let late = |millis| GeneratorHealth { steady_lag: Duration::from_millis(millis), ..calm };
        assert_eq!(late(300).bottleneck(100, slow), None);
        assert!(late(301).bottleneck(100, slow).is_some());
    }

    #[test]
    fn of_several_machines_the_worst_counts() {
        let mut one = GeneratorHealth {
            cpu_share: 0.5,
            max_lag: Duration::from_millis(9),
            steady_lag: Duration::from_millis(1),
            late_starts: 3,
            open_peak: 100,
        };
        one.merge(&GeneratorHealth {
            cpu_share: 0.7,
            max_lag: Duration::from_millis(2),
            steady_lag: Duration::from_millis(2),
            late_starts: 4,
            open_peak: 50,
        });

        assert_eq!(
            one,
            GeneratorHealth {
                cpu_share: 0.7,
                max_lag: Duration::from_millis(9),
                steady_lag: Duration::from_millis(2),
                late_starts: 7,
                open_peak: 150,
            }
        );
    }
}
