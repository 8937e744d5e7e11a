//! `--seed` and `--clock`: what makes two runs the same, byte for byte.

use std::time::{Duration, SystemTime};

use clap::Args;

use crate::sources::{Chance, Clock, Sources, TestSeed};

/// What time a clock shows that stands for a seed alone: 1 January 2026, 00:00 UTC.
const NEW_YEAR: Duration = Duration::from_secs(1_767_225_600);

/// What makes two runs the same. For tests.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Runs that are the same")]
pub(crate) struct Sameness {
    /// Have operation IDs, etags, keys and jitter follow from this number. For tests: whoever knows it
    /// knows the keys
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The time to begin at, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    clock: Option<SystemTime>,
}

impl Sameness {
    /// For a scenario: its clock stands where one is given, or a seed; but not if it is played away, at a
    /// service that is there already.
    pub(crate) fn of_a_scenario(self, is_away: bool) -> Sources {
        if is_away {
            // That service has a clock of its own.
            return self.sources(None);
        }
        let time = self.clock.or(self.seed.map(|_| SystemTime::UNIX_EPOCH + NEW_YEAR));
        self.sources(time.map(Clock::standing))
    }

    /// For a service that devices of others reach: its clock goes on.
    pub(crate) fn of_a_service(self) -> Sources {
        self.sources(self.clock.map(Clock::running))
    }

    fn sources(self, clock: Option<Clock>) -> Sources {
        let chance = self.seed.map(|seed| Chance::seeded(TestSeed(seed)));
        Sources { clock: clock.unwrap_or_default(), chance: chance.unwrap_or_default() }
    }
}

fn time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339_weak(text)
        .map_err(|_| "expected a time in UTC such as 2026-01-01T00:00:00Z".to_owned())
}
