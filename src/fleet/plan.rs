//! How long a rollout takes under the documented limits, and how fast to start its devices.
//!
//! Pure arithmetic on limits that are handed in: it knows neither the service nor whose limits they
//! are.

use std::time::Duration;

use thiserror::Error;

/// Of a limit this share is used, so that pacing that is not perfect does not run into it (J-173).
const SHARE: f64 = 0.95;
/// Random starts crowd: a window may hold this many standard deviations more than its mean (J-173).
const DEVIATIONS: f64 = 4.0;

/// At most `count` in any stretch of time as long as `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How often.
    pub count: u32,
    /// In which time; more than nothing.
    pub window: Duration,
}

impl Limit {
    fn per_second(self) -> f64 {
        f64::from(self.count) / self.window.as_secs_f64()
    }
}

/// The tier of a hub. Basic and free tiers have the limits of the standard one of their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tier {
    /// S1, B1 and the free tier.
    S1,
    /// S2 and B2.
    S2,
    /// S3 and B3.
    S3,
}

/// The hubs that devices are assigned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hubs {
    /// How many; devices are thought to be spread evenly.
    pub hubs: u32,
    /// Units of each.
    pub units: u32,
    /// Tier of each.
    pub tier: Tier,
}

impl Hubs {
    /// New connections a second that all hubs together let in (H.4).
    pub fn connections_per_second(&self) -> u64 {
        let units = u64::from(self.units);
        let hub = match self.tier {
            Tier::S1 => (12 * units).max(100),
            Tier::S2 => 120 * units,
            Tier::S3 => 6000 * units,
        };
        hub * u64::from(self.hubs)
    }

    /// Operations on the identity registries a minute of all hubs together (H.4).
    pub fn identities_per_minute(&self) -> u64 {
        let unit = match self.tier {
            Tier::S1 | Tier::S2 => 100,
            Tier::S3 => 5000,
        };
        unit * u64::from(self.units) * u64::from(self.hubs)
    }
}

/// What is to be rolled out, and under which limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// Devices; one at least.
    pub devices: u64,
    /// Polls of each device until it is assigned.
    pub polls: u32,
    /// Lookups of each device's registration, which count as registrations (H.3).
    pub lookups: u32,
    /// The limit on registrations of all devices together.
    pub registrations: Option<Limit>,
    /// The limit on the polls of each device.
    pub device_polls: Option<Limit>,
    /// The hubs that the devices connect to when they are assigned.
    pub hubs: Option<Hubs>,
}

/// What a [`Rollout`] is limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bound {
    /// Registrations of the provisioning service.
    Registrations,
    /// New connections to the hubs.
    Connections,
}

impl Bound {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registrations => "registrations",
            Self::Connections => "connections",
        }
    }
}

/// One limit, and what follows from it alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Which.
    pub bound: Bound,
    /// The limit.
    pub limit: Limit,
    /// Devices a second that it lets through.
    pub devices_per_second: f64,
    /// How long it takes at least to let all devices through.
    pub at_least: Duration,
}

/// What happens when every device starts at once, and each comes back when it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storm {
    /// How many 429 answers there are in all, about.
    pub refusals: u64,
    /// How many windows it takes until nobody is refused.
    pub rounds: u64,
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The limits that were looked at, the tightest first; that one binds.
    pub lines: Vec<Line>,
    /// Devices to start in each second at an even pace.
    pub rate: f64,
    /// How long the rollout takes at that pace.
    pub takes: Duration,
    /// When devices start by themselves after a random time: up to how long that must be.
    pub spread: Duration,
    /// If all start at once; nothing if registrations are not limited.
    pub storm: Option<Storm>,
    /// How long a device's polls take at least.
    pub polls_take: Duration,
}

/// Why there is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Nothing is limited.
    #[error("nothing limits the rollout: neither registrations nor hubs have a limit")]
    NoLimit,
}

impl Rollout {
    /// Computes the plan.
    ///
    /// # Errors
    ///
    /// If nothing is limited.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let uses = 1 + self.lookups;
        let registrations =
            self.registrations.map(|limit| self.line(Bound::Registrations, limit, uses));
        let connections = self.hubs.map(|hubs| {
            let count = u32::try_from(hubs.connections_per_second()).unwrap_or(u32::MAX);
            let limit = Limit { count, window: Duration::from_secs(1) };
            self.line(Bound::Connections, limit, 1)
        });
        let mut lines: Vec<_> = [registrations, connections].into_iter().flatten().collect();
        lines.sort_by(|a, b| a.devices_per_second.total_cmp(&b.devices_per_second));
        let tightest = lines.first().ok_or(PlanError::NoLimit)?;
        let rate = proposed(tightest.devices_per_second);
        let spread = lines
            .iter()
            .map(|line| {
                let uses = if line.bound == Bound::Registrations { uses } else { 1 };
                spread(self.devices, line.limit, uses)
            })
            .max()
            .unwrap_or_default();
        let polls_take = self.polls_take();
        let takes = seconds((self.devices - 1) as f64 / rate).saturating_add(polls_take);
        let storm = self.registrations.map(|limit| storm(self.devices, limit, uses));
        Ok(Plan { rate, takes, spread, storm, polls_take, lines })
    }

    fn line(&self, bound: Bound, limit: Limit, uses: u32) -> Line {
        // The first window's worth passes at once.
        let all = self.devices.saturating_mul(u64::from(uses));
        let windows = all.div_ceil(u64::from(limit.count)).saturating_sub(1);
        Line {
            bound,
            limit,
            devices_per_second: limit.per_second() / f64::from(uses),
            at_least: seconds(windows as f64 * limit.window.as_secs_f64()),
        }
    }

    /// The first `count` polls may come at once, then the window must pass.
    fn polls_take(&self) -> Duration {
        let Some(limit) = self.device_polls else { return Duration::ZERO };
        limit.window.saturating_mul(self.polls.saturating_sub(1) / limit.count)
    }
}

/// A little less than the limit, in whole devices a second or a minute where that is precise enough.
fn proposed(limit: f64) -> f64 {
    let rate = limit * SHARE;
    if rate >= 50.0 {
        rate.floor()
    } else if rate * 60.0 >= 20.0 {
        (rate * 60.0).floor() / 60.0
    } else {
        rate
    }
}

/// The time over which random starts may be spread so that no window gets more than its limit,
/// but for a chance of about one in thirty thousand for each (J-173): with a mean of `m` in a window
/// the deviation is `√m`, and `m + 4√m` must not be more than the limit.
fn spread(devices: u64, limit: Limit, uses: u32) -> Duration {
    let places = f64::from(limit.count) / f64::from(uses);
    let root = (-DEVIATIONS + (DEVIATIONS * DEVIATIONS + 4.0 * places).sqrt()) / 2.0;
    let mean = root * root;
    if devices as f64 <= places {
        return Duration::ZERO;
    }
    seconds(devices as f64 * limit.window.as_secs_f64() / mean)
}

/// In each window one window's worth gets in, and everybody else is refused once (J-174).
fn storm(devices: u64, limit: Limit, uses: u32) -> Storm {
    let places = u64::from(limit.count / uses).max(1);
    let rounds = devices.div_ceil(places);
    // devices - places, devices - 2 places, … until nobody is left.
    let (n, c, k) = (u128::from(devices), u128::from(places), u128::from(rounds - 1));
    let refusals = k * n - c * k * (k + 1) / 2;
    Storm { refusals: u64::try_from(refusals).unwrap_or(u64::MAX), rounds }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AZURE: Limit = Limit { count: 1000, window: Duration::from_secs(60) };

    fn rollout(devices: u64) -> Rollout {
        Rollout {
            devices,
            polls: 1,
            lookups: 0,
            registrations: Some(AZURE),
            device_polls: Some(Limit { count: 5, window: Duration::from_secs(10) }),
            hubs: None,
        }
    }

    /// J-173, J-174.
    #[test]
    fn h_3_a_hundred_thousand_devices_take_an_hour_and_three_quarters() {
        let plan = rollout(100_000).plan().unwrap();

        assert_eq!(plan.lines[0].at_least, Duration::from_secs(99 * 60));
        assert!((plan.rate * 60.0 - 950.0).abs() < 1e-9);
        assert_eq!(plan.takes.as_secs(), 99_999 * 60 / 950);
        // m + 4√m = 1000 has the solution 881.256.
        assert_eq!(plan.spread.as_secs(), (100_000.0 * 60.0 / 881.256) as u64);
        assert_eq!(plan.storm, Some(Storm { refusals: 4_950_000, rounds: 100 }));
    }

    #[test]
    fn h_3_a_lookup_counts_as_a_registration_and_a_poll_does_not() {
        let once = rollout(10_000).plan().unwrap();
        let twice = Rollout { lookups: 1, ..rollout(10_000) }.plan().unwrap();
        let polls = Rollout { polls: 16, ..rollout(10_000) }.plan().unwrap();

        assert!((once.rate - 2.0 * twice.rate).abs() < 1e-9);
        assert_eq!((once.rate, once.polls_take), (polls.rate, Duration::ZERO));
        assert_eq!(polls.polls_take, Duration::from_secs(30));
        assert_eq!(polls.takes - once.takes, Duration::from_secs(30));
    }

    #[test]
    fn h_4_hubs_let_in_so_many_connections_by_tier_and_units() {
        let of = |tier, units, hubs| Hubs { hubs, units, tier };

        assert_eq!(of(Tier::S1, 1, 1).connections_per_second(), 100);
        assert_eq!(of(Tier::S1, 2, 1).connections_per_second(), 100);
        assert_eq!(of(Tier::S1, 9, 1).connections_per_second(), 108);
        assert_eq!(of(Tier::S2, 2, 1).connections_per_second(), 240);
        assert_eq!(of(Tier::S3, 1, 3).connections_per_second(), 18_000);
        assert_eq!(of(Tier::S1, 3, 2).identities_per_minute(), 600);
        assert_eq!(of(Tier::S3, 1, 1).identities_per_minute(), 5000);
    }

    #[test]
    fn the_tightest_limit_binds() {
        let hubs = Some(Hubs { hubs: 1, units: 1, tier: Tier::S1 });

        let azure = Rollout { hubs, ..rollout(1000) }.plan().unwrap();
        let raised = Limit { count: 60_000, ..AZURE };
        let raised = Rollout { hubs, registrations: Some(raised), ..rollout(1000) }.plan().unwrap();
        let unlimited = Rollout { hubs, registrations: None, ..rollout(1000) }.plan().unwrap();

        assert_eq!(azure.lines[0].bound, Bound::Registrations);
        assert_eq!((raised.lines[0].bound, raised.rate), (Bound::Connections, 95.0));
        assert_eq!((unlimited.lines.len(), unlimited.storm), (1, None));
        assert_eq!(Rollout { registrations: None, ..rollout(1) }.plan(), Err(PlanError::NoLimit));
    }

    #[test]
    fn what_fits_into_one_window_may_start_at_once() {
        let plan = rollout(1000).plan().unwrap();

        assert_eq!(plan.storm, Some(Storm { refusals: 0, rounds: 1 }));
        assert_eq!((plan.spread, plan.lines[0].at_least), (Duration::ZERO, Duration::ZERO));
        assert_eq!(rollout(1001).plan().unwrap().storm.unwrap().refusals, 1);
        assert_eq!(rollout(2500).plan().unwrap().storm.unwrap().refusals, 1500 + 500);
    }

    proptest! {
        /// J-173.
        #[test]
        fn the_proposed_pace_keeps_every_limit(
            devices in 1..10_000_000_u64, lookups in 0..4_u32, polls in 0..30_u32,
            count in 1..100_000_u32, millis in 1..86_400_000_u64,
            hubs in prop::option::of((1..60_u32, 1..200_u32)),
        ) {
            let limit = Limit { count, window: Duration::from_millis(millis) };
            let hubs = hubs.map(|(hubs, units)| Hubs { hubs, units, tier: Tier::S1 });
            let plan = Rollout {
                lookups, polls, registrations: Some(limit), hubs, ..rollout(devices)
            }.plan().unwrap();

            for line in &plan.lines {
                prop_assert!(plan.rate <= line.devices_per_second * 0.951);
            }
            prop_assert!(plan.rate > 0.0);
            let storm = plan.storm.unwrap();
            prop_assert!(u128::from(storm.refusals) <= u128::from(devices) * u128::from(storm.rounds - 1));
        }
    }
}
