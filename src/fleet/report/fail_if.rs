//! `--fail-if`: a condition on a report that decides the exit code.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::units::{grouped, per_second, percent};
use super::{LONGEST, Report};
use crate::fleet::Phase;
use crate::text::{spoken, written};

/// A condition such as `p99>5s`, `p50(tls)>200ms`, `failed>0.1%`, `rate<100/s`.
///
/// ```
/// use provision_sim::fleet::report::FailIf;
///
/// let slow: FailIf = "p99 > 5s".parse()?;
/// assert_eq!(slow.to_string(), "p99(assigned)>5s");
/// assert!("p99>soon".parse::<FailIf>().is_err());
/// # Ok::<(), provision_sim::fleet::report::FailIfError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FailIf {
    subject: Subject,
    comparison: Comparison,
    bound: Bound,
}

/// Why a text is no [`FailIf`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FailIfError {
    /// Nothing is compared.
    #[error("{0:?}: expected a comparison such as p99>5s, failed>0.1% or rate<100/s")]
    Form(String),
    /// There is no such figure.
    #[error(
        "{0:?} is no figure of a report; expected p50, p99.9 or another percentile, max, failed, \
         throttled, lost, retries, issued, left-out or rate"
    )]
    Figure(String),
    /// There is no such phase.
    #[error("{0:?} is no phase; expected {phases}", phases = Phase::ALL.map(Phase::name).join(", "))]
    Phase(String),
    /// The number does not fit the figure.
    #[error("{given:?}: {figure} is compared with {expected}")]
    Bound {
        /// What was given.
        given: String,
        /// The figure.
        figure: &'static str,
        /// What is compared with it.
        expected: &'static str,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Subject {
    /// The percentile of the time of a phase; the largest value is the 100th.
    Percentile(f64, Phase),
    Count(Count),
    Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Failed,
    Throttled,
    Lost,
    Retries,
    Issued,
    LeftOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    More,
    AtLeast,
    Less,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Time(Duration),
    Number(u64),
    /// In percent of the devices.
    Percent(f64),
    /// In each second.
    Rate(f64),
}

impl Count {
    const ALL: [Self; 6] =
        [Self::Failed, Self::Throttled, Self::Lost, Self::Retries, Self::Issued, Self::LeftOut];

    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Throttled => "throttled",
            Self::Lost => "lost",
            Self::Retries => "retries",
            Self::Issued => "issued",
            Self::LeftOut => "left-out",
        }
    }

    fn of(self, report: &Report) -> u64 {
        match self {
            Self::Failed => report.tally.failed(),
            Self::Throttled => report.tally.throttled,
            Self::Lost => report.tally.lost,
            Self::Retries => report.tally.retries,
            Self::Issued => report.tally.issued,
            Self::LeftOut => report.tally.left_out,
        }
    }
}

impl Comparison {
    /// The longer signs first: each begins with a shorter one.
    const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::More, Self::Less];

    fn sign(self) -> &'static str {
        match self {
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Less => "<",
            Self::AtMost => "<=",
        }
    }

    fn holds(self, actual: f64, bound: f64) -> bool {
        match self {
            Self::More => actual > bound,
            Self::AtLeast => actual >= bound,
            Self::Less => actual < bound,
            Self::AtMost => actual <= bound,
        }
    }
}

impl FailIf {
    /// Whether the run is to be called a failure. A percentile of what no device went through is
    /// not known, and fails nothing (J-172).
    pub fn holds(&self, report: &Report) -> bool {
        let (actual, bound) = match (self.subject, self.bound) {
            (Subject::Percentile(percent, phase), Bound::Time(bound)) => {
                let Some(actual) = percentile(report, percent, phase) else { return false };
                (actual.as_secs_f64(), bound.as_secs_f64())
            }
            (Subject::Count(count), Bound::Percent(bound)) => (share(count, report) * 100.0, bound),
            (Subject::Count(count), Bound::Number(bound)) => {
                (count.of(report) as f64, bound as f64)
            }
            (Subject::Rate, Bound::Rate(bound)) => (report.rate(), bound),
            // The reader lets nothing else through.
            _ => return false,
        };
        self.comparison.holds(actual, bound)
    }

    /// What the figure is in this report, for people: `6.12 s`, `0.2 %`.
    pub fn actual(&self, report: &Report) -> String {
        match (self.subject, self.bound) {
            (Subject::Percentile(percent, phase), _) => {
                percentile(report, percent, phase).map_or_else(|| "not known".to_owned(), spoken)
            }
            (Subject::Count(count), Bound::Percent(_)) => percent(share(count, report)),
            (Subject::Count(count), _) => grouped(count.of(report)),
            (Subject::Rate, _) => per_second(report.rate()),
        }
    }
}

fn percentile(report: &Report, percent: f64, phase: Phase) -> Option<Duration> {
    report.tally.phase(phase)?.percentile(percent)
}

fn share(count: Count, report: &Report) -> f64 {
    count.of(report) as f64 / report.tally.devices.max(1) as f64
}

impl FromStr for FailIf {
    type Err = FailIfError;

    fn from_str(text: &str) -> Result<Self, FailIfError> {
        let wrong_form = || FailIfError::Form(text.to_owned());
        let at = text.find(['<', '>']).ok_or_else(wrong_form)?;
        let (figure, rest) = text.split_at(at);
        let (comparison, bound) = Comparison::ALL
            .into_iter()
            .find_map(|comparison| Some((comparison, rest.strip_prefix(comparison.sign())?)))
            .ok_or_else(wrong_form)?;
        let (figure, bound) = (figure.trim(), bound.trim());
        if figure.is_empty() || bound.is_empty() {
            return Err(wrong_form());
        }
        let subject = figure.parse()?;
        let bound = match subject {
            Subject::Percentile(..) => time(bound),
            Subject::Count(_) => number(bound),
            Subject::Rate => rate(bound),
        }?;
        Ok(Self { subject, comparison, bound })
    }
}

impl FromStr for Subject {
    type Err = FailIfError;

    fn from_str(text: &str) -> Result<Self, FailIfError> {
        let unknown = || FailIfError::Figure(text.to_owned());
        if text == "rate" {
            return Ok(Self::Rate);
        }
        if let Some(count) = Count::ALL.into_iter().find(|count| count.name() == text) {
            return Ok(Self::Count(count));
        }
        let (name, phase) = match text.split_once('(') {
            None => (text, Phase::Assigned),
            Some((name, rest)) => {
                let wanted = rest.strip_suffix(')').ok_or_else(unknown)?.trim();
                let phase = Phase::ALL.into_iter().find(|phase| phase.name() == wanted);
                (name.trim_end(), phase.ok_or_else(|| FailIfError::Phase(wanted.to_owned()))?)
            }
        };
        let percent = match name.strip_prefix('p') {
            Some(digits) => decimal(digits).filter(|percent| (0.0..=100.0).contains(percent)),
            None => (name == "max").then_some(100.0),
        };
        Ok(Self::Percentile(percent.ok_or_else(unknown)?, phase))
    }
}

/// Digits with at most one point among them; no sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
}

fn wrong(given: &str, figure: &'static str, expected: &'static str) -> FailIfError {
    FailIfError::Bound { given: given.to_owned(), figure, expected }
}

fn time(text: &str) -> Result<Bound, FailIfError> {
    let duration = humantime::parse_duration(text).ok().filter(|bound| *bound <= LONGEST);
    let expected = "a duration such as 5s or 200ms, an hour at most";
    duration.map(Bound::Time).ok_or_else(|| wrong(text, "a time", expected))
}

fn number(text: &str) -> Result<Bound, FailIfError> {
    let bound = match text.strip_suffix('%') {
        Some(percent) => decimal(percent.trim_end()).map(Bound::Percent),
        None if text.starts_with('+') => None,
        None => text.parse().ok().map(Bound::Number),
    };
    let expected = "a whole number such as 3, or a share of the devices such as 0.1%";
    bound.ok_or_else(|| wrong(text, "a count", expected))
}

fn rate(text: &str) -> Result<Bound, FailIfError> {
    let bound = text.split_once('/').and_then(|(count, unit)| {
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(Bound::Rate(decimal(count.trim())? / seconds))
    });
    bound.ok_or_else(|| wrong(text, "the rate", "a rate such as 100/s or 950/m"))
}

impl fmt::Display for FailIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Subject::Percentile(100.0, phase) => write!(f, "max({})", phase.name()),
            Subject::Percentile(percent, phase) => write!(f, "p{percent}({})", phase.name()),
            Subject::Count(count) => f.write_str(count.name()),
            Subject::Rate => f.write_str("rate"),
        }?;
        f.write_str(self.comparison.sign())?;
        match self.bound {
            Bound::Time(bound) => f.write_str(&written(bound)),
            Bound::Number(bound) => write!(f, "{bound}"),
            Bound::Percent(bound) => write!(f, "{bound}%"),
            Bound::Rate(bound) => write!(f, "{bound}/s"),
        }
    }
}

#[cfg(test)]
#[path = "fail_if_tests.rs"]
mod tests;
