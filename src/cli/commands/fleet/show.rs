//! How a fleet is shown: a line for each device, and one that says how far it is.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::fleet::{DeviceResult, Issuance, Outcome, Progress};
use crate::text::spoken;

/// One device, as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line<'a> {
    registration_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_hub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// Only of a device that asked for a certificate, and has a hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<bool>,
    tries: u32,
    throttled: u32,
    lost: u32,
    intended_ms: f64,
    began_ms: f64,
    ended_ms: f64,
    phases: Map<String, Value>,
}

impl<'a> Line<'a> {
    pub(super) fn of(result: &'a DeviceResult) -> Self {
        let (status, assigned_hub, code, message) = match &result.outcome {
            Outcome::Assigned { hub } => ("assigned", Some(hub.as_str()), None, None),
            Outcome::Failed { code, message } => {
                ("failed", None, Some(code.as_str()), Some(message.as_str()))
            }
            Outcome::Refused { code, message } => {
                ("refused", None, Some(code.as_str()), Some(message.as_str()))
            }
        };
        let phases = result.phases.iter();
        Self {
            registration_id: &result.registration_id,
            status,
            assigned_hub,
            code,
            message,
            issued: result.issuance.map(|issuance| issuance == Issuance::Issued),
            tries: result.tries,
            throttled: result.throttled,
            lost: result.lost,
            intended_ms: ms(result.intended),
            began_ms: ms(result.began),
            ended_ms: ms(result.ended),
            phases: phases
                .map(|(phase, took)| (format!("{}Ms", phase.name()), ms(*took).into()))
                .collect(),
        }
    }
}

/// To the microsecond.
fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// How often it is said where nobody watches a terminal.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// How it is said on standard error how far it is.
#[derive(Debug)]
enum Way {
    /// As a line that stays in its place, on a terminal.
    InPlace,
    /// As a line from time to time; when the next is due.
    Now { next: Duration },
    /// Not at all.
    Quietly,
}

/// Where it is said.
#[derive(Debug)]
struct Place(Way);

impl Place {
    fn new(is_quiet: bool) -> Self {
        Self(match (std::io::stderr().is_terminal(), is_quiet) {
            (true, _) => Way::InPlace,
            (false, false) => Way::Now { next: LOGGED_EVERY },
            (false, true) => Way::Quietly,
        })
    }

    /// Says it, if it is time for that.
    fn say(&mut self, elapsed: Duration, text: impl FnOnce() -> String) {
        let mut stderr = std::io::stderr().lock();
        // A standard error that is closed has nobody who reads it.
        let _ = match &mut self.0 {
            Way::InPlace => write!(stderr, "\r\x1b[2K{}", text()).and_then(|()| stderr.flush()),
            Way::Now { next } if elapsed >= *next => {
                *next = elapsed + LOGGED_EVERY;
                writeln!(stderr, "{}", text())
            }
            Way::Now { .. } | Way::Quietly => Ok(()),
        };
    }

    /// Makes room for other lines.
    fn clear(&mut self) {
        if let Way::InPlace = self.0 {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
        }
    }
}

/// The line that says how far it is.
pub(super) struct ProgressLine {
    place: Place,
    total: Option<u64>,
    rate: Rate,
}

/// The line that says how many there are of what has to be there before devices begin.
pub(super) struct CountLine {
    place: Place,
    total: Option<u64>,
    what: &'static str,
    rate: Rate,
}

/// How many devices end in a second, of late.
#[derive(Debug, Default)]
struct Rate {
    last: (Duration, u64),
    per_second: Option<f64>,
}

impl Rate {
    /// So many had ended by `now`. What was before fades.
    fn update(&mut self, now: Duration, ended: u64) {
        const OLD_SHARE: f64 = 0.8;
        let (before, ended_before) = std::mem::replace(&mut self.last, (now, ended));
        let span = now.saturating_sub(before).as_secs_f64();
        if span > 0.0 {
            let current = ended.saturating_sub(ended_before) as f64 / span;
            let faded = self
                .per_second
                .map_or(current, |old| old * OLD_SHARE + current * (1.0 - OLD_SHARE));
            self.per_second = Some(faded);
        }
    }
}

impl ProgressLine {
    /// Of `total` devices, where that is known.
    pub(super) fn new(total: Option<u64>, is_quiet: bool) -> Self {
        Self { place: Place::new(is_quiet), total, rate: Rate::default() }
    }

    /// Says how far it is. `ended`: devices assigned, failed, and refused as expected.
    pub(super) fn draw(&mut self, progress: Progress, ended: (u64, u64, u64)) {
        let (assigned, failed, refused) = ended;
        self.rate.update(progress.elapsed, assigned + failed + refused);
        let rate = self.rate.per_second.unwrap_or_default();
        self.place.say(progress.elapsed, || told(progress, ended, self.total, rate));
    }

    /// Makes room for other lines.
    pub(super) fn clear(&mut self) {
        self.place.clear();
    }
}

impl CountLine {
    /// Of `total`, where that is known; `what` they are called.
    pub(super) fn new(total: Option<u64>, what: &'static str, is_quiet: bool) -> Self {
        Self { place: Place::new(is_quiet), total, what, rate: Rate::default() }
    }

    /// Says how many there are; to be called a few times a second.
    pub(super) fn draw(&mut self, elapsed: Duration, count: u64) {
        self.rate.update(elapsed, count);
        let rate = self.rate.per_second.unwrap_or_default();
        let (total, what) = (self.total, self.what);
        self.place.say(elapsed, || counted(count, total, what, rate));
    }

    /// Makes room for other lines.
    pub(super) fn clear(&mut self) {
        self.place.clear();
    }
}

fn counted(count: u64, total: Option<u64>, what: &str, per_second: f64) -> String {
    let Some(total) = total else { return format!("{count} {what}") };
    format!("{count} of {total} {what}{}", to_go(total.saturating_sub(count), per_second))
}

/// How long the rest takes, where that can be told.
fn to_go(left: u64, per_second: f64) -> String {
    if per_second < 0.1 {
        return String::new();
    }
    let seconds = Duration::from_secs_f64((left as f64 / per_second).min(1e9).ceil());
    format!(", {} to go", spoken(seconds))
}

fn told(
    progress: Progress,
    (assigned, failed, refused): (u64, u64, u64),
    total: Option<u64>,
    per_second: f64,
) -> String {
    let ended = assigned + failed + refused;
    let mut text = ended.to_string();
    // Writing to a string does not fail.
    if let Some(total) = total {
        let _ = write!(text, " of {total}");
    }
    let _ = write!(text, " devices, {per_second:.0}/s: {assigned} assigned, {failed} failed, ");
    if refused > 0 {
        let _ = write!(text, "{refused} refused as expected, ");
    }
    let _ = write!(text, "{} in flight", progress.open);
    if let Some(total) = total {
        text.push_str(&to_go(total.saturating_sub(ended), per_second));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: Progress = Progress { elapsed: Duration::from_secs(10), begun: 170, open: 20 };

    #[test]
    fn the_line_says_how_far_it_is_and_how_long_it_takes() {
        assert_eq!(
            told(PROGRESS, (149, 1, 0), Some(1000), 10.0),
            "150 of 1000 devices, 10/s: 149 assigned, 1 failed, 20 in flight, 1 min 25 s to go"
        );
        assert_eq!(
            told(PROGRESS, (140, 0, 10), None, 0.0),
            "150 devices, 0/s: 140 assigned, 0 failed, 10 refused as expected, 20 in flight"
        );
    }

    #[test]
    fn what_is_made_beforehand_is_counted_too() {
        assert_eq!(counted(20, Some(100), "TPMs", 8.0), "20 of 100 TPMs, 10 s to go");
        assert_eq!(counted(0, Some(100), "TPMs", 0.0), "0 of 100 TPMs");
        assert_eq!(counted(20, None, "TPMs", 8.0), "20 TPMs");
    }

    #[test]
    fn the_rate_is_that_of_late() {
        let mut rate = Rate::default();
        rate.update(Duration::from_secs(1), 100);
        assert_eq!(rate.per_second, Some(100.0));

        for second in 2..60 {
            rate.update(Duration::from_secs(second), 100 + 10 * (second - 1));
        }

        assert!((rate.per_second.unwrap() - 10.0).abs() < 0.1, "{rate:?}");
    }
}
