//! Results made by hand.

use std::time::Duration;

use super::{GeneratorHealth, Report, Tally};
use crate::fleet::{DeviceResult, Outcome};

/// A device that began as intended, `at` milliseconds after the start, and ended `took` later.
pub(super) fn result(
    id: &str,
    outcome: Result<&str, (&str, &str)>,
    at: u64,
    took: u64,
) -> DeviceResult {
    let outcome = match outcome {
        Ok(hub) => Outcome::Assigned { hub: hub.parse().unwrap() },
        Err((code, message)) => {
            Outcome::Failed { code: code.to_owned(), message: message.to_owned() }
        }
    };
    DeviceResult {
        registration_id: id.to_owned(),
        outcome,
        issuance: None,
        tries: 1,
        throttled: 0,
        throttled_at: Vec::new(),
        lost: 0,
        intended: Duration::from_millis(at),
        began: Duration::from_millis(at),
        ended: Duration::from_millis(at + took),
        phases: Vec::new(),
    }
}

/// The report of a generator without fault, which ended with the last device.
pub(super) fn report_of(results: &[DeviceResult]) -> Report {
    let mut tally = Tally::new();
    results.iter().for_each(|result| tally.record(result));
    let elapsed = results.iter().map(|result| result.ended).max().unwrap_or_default();
    let generator = GeneratorHealth {
        cpu_share: 0.25,
        max_lag: Duration::from_micros(1250),
        steady_lag: Duration::from_micros(1250),
        late_starts: 0,
        open_peak: 7,
    };
    Report { tally, elapsed, generator, runs: Vec::new() }
}
