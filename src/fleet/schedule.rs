//! When each device is meant to begin: pure, so that it can be tested to the last device.
//!
//! Times are computed from the device's place in the row, not from the one before it, so that
//! nothing adds up to a drift.

use std::time::Duration;

use super::rate::{Stage, StartRate};

/// When the devices of a fleet begin.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Plan {
    /// Each when another has ended: only the number of open registrations is bounded.
    WhenFree,
    /// All at once: the power is back.
    Storm,
    /// Each at a random moment within this time, as the documents advise (H.3). For so many devices.
    Random {
        /// In which time.
        within: Duration,
        /// How many.
        devices: u64,
    },
    /// At a rate that grows from nothing in the time of the ramp.
    Rate {
        /// Devices a second.
        rate: StartRate,
        /// How long it grows.
        ramp: Duration,
    },
    /// At one rate after the other.
    Stages(Vec<Stage>),
}

impl Plan {
    /// The devices' times. `seed` decides the random ones and nothing else.
    pub fn schedule(&self, seed: u64) -> Schedule {
        Schedule { plan: self.clone(), next: 0, random: fastrand::Rng::with_seed(seed), last: 0.0 }
    }

    /// Whether it says when devices begin, rather than how many at a time.
    pub fn is_timed(&self) -> bool {
        *self != Self::WhenFree
    }

    /// When device `nth` begins, in seconds, where that follows from its place alone.
    fn seconds(&self, nth: u64) -> f64 {
        let nth = nth as f64;
        match self {
            Self::WhenFree | Self::Storm | Self::Random { .. } => 0.0,
            Self::Rate { rate, ramp } => {
                let (rate, ramp) = (rate.per_second(), ramp.as_secs_f64());
                // The rate t·R/L has begun R·t²/2L devices after t; at its end R·L/2.
                let in_ramp = rate * ramp / 2.0;
                if nth < in_ramp {
                    (2.0 * ramp * nth / rate).sqrt()
                } else {
                    ramp + (nth - in_ramp) / rate
                }
            }
            Self::Stages(stages) => {
                let (mut begun, mut time) = (0.0, 0.0);
                for (index, Stage { length, rate }) in stages.iter().enumerate() {
                    let (length, rate) = (length.as_secs_f64(), rate.per_second());
                    let in_stage = rate * length;
                    if nth < begun + in_stage || index + 1 == stages.len() {
                        return time + (nth - begun) / rate;
                    }
                    (begun, time) = (begun + in_stage, time + length);
                }
                time
            }
        }
    }
}

/// The times at which devices are meant to begin, since the fleet's start and in order; `None` for
/// when there is room. Without an end.
#[derive(Debug)]
pub struct Schedule {
    plan: Plan,
    next: u64,
    random: fastrand::Rng,
    /// The last random time, as a part of the whole.
    last: f64,
}

impl Iterator for Schedule {
    type Item = Option<Duration>;

    fn next(&mut self) -> Option<Option<Duration>> {
        let nth = self.next;
        self.next += 1;
        let seconds = match self.plan {
            Plan::WhenFree => return Some(None),
            Plan::Random { within, devices } => {
                // The least of m uniform times in what is left is 1 - u^(1/m) of it: so they come
                // in order, and none needs to be kept.
                let left = devices.saturating_sub(nth).max(1) as f64;
                self.last += (1.0 - self.last) * (1.0 - self.random.f64().powf(1.0 / left));
                within.as_secs_f64() * self.last.clamp(0.0, 1.0)
            }
            _ => self.plan.seconds(nth),
        };
        // So far off that no clock can tell is as good as never.
        Some(Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(plan: &Plan, count: usize) -> Vec<f64> {
        plan.schedule(7).take(count).map(|time| time.unwrap().as_secs_f64()).collect()
    }

    fn rate(per_second: u32) -> StartRate {
        format!("{per_second}/s").parse().unwrap()
    }

    fn stage(text: &str) -> Stage {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_plan_each_begins_when_there_is_room() {
        assert!(Plan::WhenFree.schedule(1).take(9).all(|time| time.is_none()));
        assert_eq!(times(&Plan::Storm, 3), [0.0; 3]);
    }

    #[test]
    fn a_steady_rate_spaces_devices_evenly() {
        let steady = Plan::Rate { rate: rate(4), ramp: Duration::ZERO };

        assert_eq!(times(&steady, 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn a_ramp_begins_slowly_and_ends_at_the_rate() {
        let ramp = Plan::Rate { rate: rate(10), ramp: Duration::from_secs(10) };

        let times = times(&ramp, 81);

        // Half of what the full rate would have begun.
        assert_eq!(times.iter().filter(|time| **time < 10.0).count(), 50);
        assert!((times[80] - 13.0).abs() < 1e-6, "{}", times[80]);
        assert!(times[1] - times[0] > times[49] - times[48]);
    }

    /// J-165.
    #[test]
    fn stages_follow_each_other_and_the_last_goes_on() {
        let stages = Plan::Stages(vec![stage("2s:1/s"), stage("1s:4/s"), stage("1s:2/s")]);

        assert_eq!(times(&stages, 9), [0.0, 1.0, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn random_times_are_spread_over_the_whole() {
        let plan = Plan::Random { within: Duration::from_secs(100), devices: 10_000 };

        let times = times(&plan, 10_000);

        for tenth in 0..10 {
            let range = f64::from(tenth) * 10.0..f64::from(tenth + 1) * 10.0;
            let found = times.iter().filter(|time| range.contains(time)).count();
            assert!((850..1150).contains(&found), "{found} in {range:?}");
        }
    }

    proptest! {
        #[test]
        fn times_never_go_backwards_and_keep_to_the_plan(
            seed in any::<u64>(),
            lengths in proptest::collection::vec((1..20_u64, 1..200_u32), 1..6),
            ramp in 0..30_u64,
            count in 1..500_usize,
        ) {
            let stages: Vec<_> = lengths
                .iter()
                .map(|(length, per_second)| Stage {
                    length: Duration::from_secs(*length),
                    rate: rate(*per_second),
                })
                .collect();
            let within = Duration::from_secs(60);
            for plan in [
                Plan::Storm,
                Plan::Random { within, devices: count as u64 },
                Plan::Rate { rate: stages[0].rate, ramp: Duration::from_secs(ramp) },
                Plan::Stages(stages.clone()),
            ] {
                let times: Vec<_> = plan.schedule(seed).take(count).map(Option::unwrap).collect();
                prop_assert!(times.is_sorted(), "{plan:?}: {times:?}");
                if matches!(plan, Plan::Random { .. }) {
                    prop_assert!(times.iter().all(|time| *time <= within));
                }
            }
            let plan = Plan::Stages(stages.clone());
            let times = plan.schedule(seed).take(count).map(Option::unwrap);
            let in_first = times.filter(|time| *time < stages[0].length).count() as u64;
            let due = lengths[0].0 * u64::from(lengths[0].1);
            let expected = if stages.len() == 1 { in_first } else { due.min(count as u64) };
            prop_assert_eq!(in_first, expected);
        }
    }
}
