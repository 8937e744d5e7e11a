//! How fast: when devices begin, and how many may be open.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::cli::args::duration::duration;
use crate::cli::report::Report;
use crate::fleet::{Plan, Stage, StartRate};

/// How many registrations are open at a time where nothing else says when devices begin.
const DEFAULT_CONCURRENCY: u64 = 200;
/// Files that are open besides connections.
const OTHER_FILES: u64 = 64;
/// No fleet takes longer.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// How fast.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct PaceArgs {
    /// How many registrations may be open at a time [default: 200; with --rate, --stage or --start
    /// as many as the system lets files be open]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    concurrency: Option<u64>,
    /// How many devices begin in which time, such as 100/s or 1000/m
    #[arg(long, value_name = "RATE", conflicts_with_all = ["stage", "start"])]
    rate: Option<StartRate>,
    /// Grow to --rate, or to --concurrency, in this time
    #[arg(long, value_name = "DURATION", value_parser = long, conflicts_with_all = ["stage", "start"])]
    ramp: Option<Duration>,
    /// A rate for some time, such as 1m:100/s; may be given again, the last one goes on until all
    /// devices have begun
    #[arg(long, value_name = "DURATION:RATE", conflicts_with = "start")]
    stage: Vec<Stage>,
    /// boot-storm: all at once; random:DURATION: each at a random moment within it, as Azure's
    /// documents advise
    #[arg(long, value_name = "HOW")]
    start: Option<Start>,
    /// Let no more devices begin after this
    #[arg(long, value_name = "DURATION", value_parser = long)]
    duration: Option<Duration>,
}

fn long(text: &str) -> Result<Duration, String> {
    duration(text, LONGEST)
}

/// A way to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    BootStorm,
    Random(Duration),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "boot-storm" => Ok(Self::BootStorm),
            Some(("random", within)) => long(within).map(Self::Random),
            _ => Err("expected boot-storm or random:DURATION, such as random:10m".to_owned()),
        }
    }
}

impl PaceArgs {
    /// When devices begin, and how many may be open; `count` is how many there are.
    pub(super) fn plan(&self, count: Option<u64>) -> Result<(Plan, usize), Report> {
        let plan = match (self.start, self.rate) {
            (Some(Start::BootStorm), _) => Plan::Storm,
            (Some(Start::Random(within)), _) => {
                let devices = count.ok_or_else(|| {
                    Report::usage("--start random: the number of devices must be known beforehand")
                        .remedy("put the list of --reg-ids into a file")
                })?;
                Plan::Random { within, devices }
            }
            (None, Some(rate)) => Plan::Rate { rate, ramp: self.ramp() },
            (None, None) if !self.stage.is_empty() => Plan::Stages(self.stage.clone()),
            (None, None) => Plan::WhenFree,
        };
        let room = raise_file_limit();
        let (concurrency, warning) = concurrency(self.concurrency, plan.is_timed(), room);
        if let Some(warning) = warning {
            tracing::warn!("{warning}");
        }
        Ok((plan, concurrency))
    }

    /// How long it takes to get to full speed.
    pub(super) fn ramp(&self) -> Duration {
        self.ramp.unwrap_or_default()
    }

    /// When the last may begin.
    pub(super) fn duration(&self) -> Option<Duration> {
        self.duration
    }
}

/// How many connections may be open, after the limit was raised as far as it goes.
fn raise_file_limit() -> u64 {
    let limit = rlimit::increase_nofile_limit(u64::MAX);
    // Where there is no such limit, it cannot be told.
    limit.map_or(u64::MAX, |limit| limit.saturating_sub(OTHER_FILES).max(1))
}

fn concurrency(asked: Option<u64>, is_timed: bool, room: u64) -> (usize, Option<String>) {
    let wanted = asked.unwrap_or(if is_timed { room } else { DEFAULT_CONCURRENCY });
    let warning = (wanted > room).then(|| {
        format!(
            "--concurrency {wanted} is more than the open-file limit has room for; {room} it is (raise it: ulimit -n)"
        )
    });
    (usize::try_from(wanted.min(room)).unwrap_or(usize::MAX), warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_161_the_files_bound_what_may_be_open() {
        let told = |asked, is_timed| {
            let (concurrency, warning) = concurrency(asked, is_timed, 1000);
            (concurrency, warning.is_some())
        };

        assert_eq!(told(None, false), (200, false));
        assert_eq!(told(None, true), (1000, false));
        assert_eq!(told(Some(5), true), (5, false));
        assert_eq!(told(Some(1000), false), (1000, false));
        assert_eq!(told(Some(1001), false), (1000, true));
        let few = concurrency(None, false, 100);
        assert!(few.0 == 100 && few.1.unwrap().contains("ulimit -n"));
    }

    #[test]
    fn a_way_to_begin_is_one_of_two() {
        assert_eq!("boot-storm".parse(), Ok(Start::BootStorm));
        assert_eq!("random:10m".parse(), Ok(Start::Random(Duration::from_secs(600))));
        for text in ["storm", "random", "random:", "random:0s", "boot-storm:1s"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
    }
}
