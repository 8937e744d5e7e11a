//! A report as JSON, for programs and for merging; the form is described in `docs/fleet.md`.
//!
//! Percentiles are written for those who read them; what is read back is the histogram beside them,
//! so that nothing is lost between shards.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::latency::Latency;
use super::run_info::RunInfo;
use super::tally::{Failure, Tally};
use super::timeline::Timeline;
use super::{GeneratorHealth, Report};
use crate::fleet::Phase;
use crate::text::misread;

/// Raised when an older reader would misunderstand.
const VERSION: u64 = 1;
const ASSIGNED: &str = "assigned";

/// Why a JSON value is no report.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A member is missing, or is something else.
    #[error("it is no report of a fleet: {0}")]
    Form(String),
    /// Another version of this program wrote it.
    #[error("it is a report of version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// The histogram of a phase cannot be read.
    #[error("the histogram of phase {phase:?} cannot be read: {reason}")]
    Histogram {
        /// The phase's name.
        phase: String,
        /// Why not.
        reason: String,
    },
    /// The numbers contradict each other.
    #[error("its numbers contradict each other: {0}")]
    Sums(&'static str),
}

/// What is read; members that are for people alone are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    version: u64,
    devices: u64,
    elapsed_seconds: f64,
    outcomes: BTreeMap<String, u64>,
    #[serde(default)]
    issued: u64,
    #[serde(default)]
    left_out: u64,
    #[serde(default)]
    examples: BTreeMap<String, String>,
    #[serde(default)]
    expected: BTreeMap<String, u64>,
    hubs: BTreeMap<String, u64>,
    tries: u64,
    retries: u64,
    throttled: u64,
    lost: u64,
    phases: BTreeMap<String, ReadPhase>,
    timeline: Timeline,
    generator: Generator,
    #[serde(default)]
    runs: Vec<RunInfo>,
}

#[derive(Deserialize)]
struct ReadPhase {
    histogram: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generator {
    cpu_share: f64,
    max_lag_ms: f64,
    /// As above in what older versions wrote.
    #[serde(default)]
    steady_lag_ms: Option<f64>,
    late_starts: u64,
    open_peak: u64,
    #[serde(default)]
    is_bottleneck: bool,
    #[serde(default)]
    why: Option<String>,
}

impl Report {
    /// The report as the object that `docs/fleet.md` describes.
    pub fn to_json(&self) -> Value {
        let Self { tally, elapsed, generator, runs } = self;
        let mut outcomes = Map::from_iter([(ASSIGNED.to_owned(), tally.assigned.into())]);
        outcomes.extend(tally.failures.iter().map(|(code, f)| (code.clone(), f.devices.into())));
        let examples: BTreeMap<_, _> =
            tally.failures.iter().map(|(code, failure)| (code, &failure.example)).collect();
        let expected: BTreeMap<_, _> = tally
            .failures
            .iter()
            .filter(|(_, failure)| failure.expected > 0)
            .map(|(code, failure)| (code, failure.expected))
            .collect();
        let phases = tally
            .phases
            .iter()
            .map(|(phase, latency)| (phase.name().to_owned(), phase_json(latency)));
        let why = self.bottleneck();
        json!({
            "version": VERSION,
            "devices": tally.devices,
            "assigned": tally.assigned,
            "failed": tally.failed(),
            "refused": tally.refused(),
            "issued": tally.issued,
            "leftOut": tally.left_out,
            "elapsedSeconds": elapsed.as_secs_f64(),
            "registrationsPerSecond": self.rate(),
            "outcomes": outcomes,
            "examples": examples,
            "expected": expected,
            "hubs": tally.hubs,
            "tries": tally.tries,
            "retries": tally.retries,
            "throttled": tally.throttled,
            "lost": tally.lost,
            "phases": Map::from_iter(phases),
            "timeline": tally.timeline,
            "generator": Generator {
                cpu_share: generator.cpu_share,
                max_lag_ms: generator.max_lag.as_secs_f64() * 1e3,
                steady_lag_ms: Some(generator.steady_lag.as_secs_f64() * 1e3),
                late_starts: generator.late_starts,
                open_peak: generator.open_peak,
                is_bottleneck: why.is_some(),
                why,
            },
            "runs": runs,
        })
    }

    /// Reads what [`to_json`](Self::to_json) wrote, here or on another machine.
    ///
    /// # Errors
    ///
    /// If the value is no report of this version, or contradicts itself.
    pub fn from_json(value: &Value) -> Result<Self, ReadError> {
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) | None => {}
            Some(other) => return Err(ReadError::Version(other)),
        }
        let mut read: Read = serde_path_to_error::deserialize(value)
            .map_err(|error| ReadError::Form(misread(&error)))?;
        debug_assert_eq!(read.version, VERSION);
        let elapsed = Duration::try_from_secs_f64(read.elapsed_seconds)
            .map_err(|_| span("", "elapsedSeconds"))?;
        let lag = |member, millis: f64| {
            Duration::try_from_secs_f64(millis / 1e3).map_err(|_| span("generator.", member))
        };
        let max_lag_ms = read.generator.max_lag_ms;
        let generator = GeneratorHealth {
            cpu_share: read.generator.cpu_share,
            max_lag: lag("maxLagMs", max_lag_ms)?,
            steady_lag: lag("steadyLagMs", read.generator.steady_lag_ms.unwrap_or(max_lag_ms))?,
            late_starts: read.generator.late_starts,
            open_peak: read.generator.open_peak,
        };
        let runs = std::mem::take(&mut read.runs);
        Ok(Self { tally: tally(read)?, elapsed, generator, runs })
    }
}

/// A time that no run takes.
fn span(holder: &str, member: &str) -> ReadError {
    ReadError::Form(format!("{holder}{member}: expected a time that is not negative"))
}

fn phase_json(latency: &Latency) -> Value {
    let millis = |duration: Option<Duration>| duration.map(|d| d.as_secs_f64() * 1e3);
    json!({
        "count": latency.count(),
        "p50Ms": millis(latency.percentile(50.0)),
        "p90Ms": millis(latency.percentile(90.0)),
        "p99Ms": millis(latency.percentile(99.0)),
        "maxMs": millis(latency.max()),
        "histogram": latency.to_base64(),
    })
}

fn tally(mut read: Read) -> Result<Tally, ReadError> {
    let assigned = read.outcomes.remove(ASSIGNED).unwrap_or(0);
    let failures: BTreeMap<_, _> = read
        .outcomes
        .into_iter()
        .map(|(code, devices)| {
            let example = read.examples.remove(&code).unwrap_or_default();
            let expected = read.expected.remove(&code).unwrap_or_default();
            (code, Failure { devices, expected, example })
        })
        .collect();
    if failures.values().any(|failure| failure.expected > failure.devices) {
        return Err(ReadError::Sums("more failures are expected than there are"));
    }
    let ended = sum(failures.values().map(|failure| failure.devices).chain([assigned]));
    if ended != Some(read.devices) {
        return Err(ReadError::Sums("the outcomes do not add up to the devices"));
    }
    if sum(read.hubs.values().copied()) != Some(assigned) {
        return Err(ReadError::Sums("the hubs do not add up to the devices assigned"));
    }
    if sum([read.issued, read.left_out]).is_none_or(|asked| asked > assigned) {
        return Err(ReadError::Sums("more devices asked for certificates than have a hub"));
    }
    let phases = read.phases.into_iter().map(read_phase).collect::<Result<_, _>>()?;
    Ok(Tally {
        devices: read.devices,
        assigned,
        issued: read.issued,
        left_out: read.left_out,
        failures,
        hubs: read.hubs,
        tries: read.tries,
        retries: read.retries,
        throttled: read.throttled,
        lost: read.lost,
        phases,
        timeline: read.timeline,
    })
}

/// Nothing if it is beyond all bounds.
fn sum(counts: impl IntoIterator<Item = u64>) -> Option<u64> {
    counts.into_iter().try_fold(0, u64::checked_add)
}

fn read_phase((name, phase): (String, ReadPhase)) -> Result<(Phase, Latency), ReadError> {
    let wrong = |reason: String| ReadError::Histogram { phase: name.clone(), reason };
    let known = Phase::ALL.into_iter().find(|known| known.name() == name);
    let known = known.ok_or_else(|| wrong("there is no such phase".to_owned()))?;
    Ok((known, Latency::from_base64(&phase.histogram).map_err(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{report_of, result};
    use super::*;

    fn sample() -> Value {
        let mut slow = result("b", Ok("hub-1"), 0, 4000);
        slow.phases = vec![(Phase::Tls, Duration::from_millis(30))];
        slow.tries = 2;
        report_of(&[
            result("a", Ok("hub-1"), 0, 1000),
            slow,
            result("c", Err(("400207", "webhook")), 0, 5),
        ])
        .to_json()
    }

    #[test]
    fn the_members_of_the_contract_are_there() {
        let json = sample();

        assert_eq!(json["devices"], 3);
        assert_eq!(json["assigned"], 2);
        assert_eq!(json["failed"], 1);
        assert_eq!(json["elapsedSeconds"], 4.0);
        assert_eq!(json["registrationsPerSecond"], 0.5);
        assert_eq!(json["outcomes"], json!({"assigned": 2, "400207": 1}));
        assert_eq!(json["examples"], json!({"400207": "webhook"}));
        assert_eq!(json["hubs"], json!({"hub-1": 2}));
        assert_eq!((&json["tries"], &json["retries"]), (&json!(4), &json!(1)));
        let near = |member: &str, millis: f64| {
            let found = json["phases"]["assigned"][member].as_f64().unwrap();
            assert!((found / millis - 1.0).abs() < 1e-3, "{member}: {found}");
        };
        near("p50Ms", 1000.0);
        near("p90Ms", 4000.0);
        near("p99Ms", 4000.0);
        near("maxMs", 4000.0);
        assert_eq!(json["phases"]["tls"]["count"], 1);
        assert_eq!(json["timeline"]["launched"], json!([3, 0, 0, 0, 0]));
        assert_eq!(json["timeline"]["secondsPerStep"], 1);
        assert_eq!(
            json["generator"],
            json!({"cpuShare": 0.25, "maxLagMs": 1.25, "steadyLagMs": 1.25, "lateStarts": 0, "openPeak": 7,
                "isBottleneck": false, "why": null})
        );
    }

    #[test]
    fn a_report_of_an_older_version_is_read_and_merged() {
        let mut old = sample();
        for member in ["runs", "expected", "refused", "issued", "leftOut"] {
            assert!(old.as_object_mut().unwrap().remove(member).is_some(), "{member}");
        }
        assert!(old["generator"].as_object_mut().unwrap().remove("steadyLagMs").is_some());
        assert!(old["timeline"].as_object_mut().unwrap().remove("throttled").is_some());
        let mut new = Report::from_json(&sample()).unwrap();
        new.runs.push(RunInfo { service: "localhost:8883".to_owned(), ..RunInfo::default() });

        let mut whole = Report::from_json(&old).unwrap();
        whole.merge(&Report::from_json(&new.to_json()).unwrap());

        assert_eq!((whole.tally.devices, whole.tally.failed()), (6, 2));
        assert_eq!(whole.runs, new.runs);
    }

    #[test]
    fn what_is_no_report_is_refused_with_the_reason() {
        let refused = |change: fn(&mut Value)| {
            let mut json = sample();
            change(&mut json);
            Report::from_json(&json).unwrap_err().to_string()
        };

        for (value, said) in [
            (json!([]), "it is no report of a fleet: expected an object, found an array"),
            (json!(7), "it is no report of a fleet: expected an object, found the number 7"),
            (json!({"version": 1}), "it is no report of a fleet: the member `devices` is missing"),
            (
                json!({"version": "1"}),
                "it is no report of a fleet: version: expected a whole number that is not \
                 negative, found a string",
            ),
        ] {
            assert_eq!(Report::from_json(&value).unwrap_err().to_string(), said);
        }
        assert_eq!(
            refused(|json| json["hubs"] = json!(1)),
            "it is no report of a fleet: hubs: expected an object, found the number 1"
        );
        assert_eq!(
            refused(|json| json["hubs"]["hub-1"] = json!(-1)),
            "it is no report of a fleet: hubs.hub-1: expected a whole number that is not \
             negative, found the number -1"
        );
        assert_eq!(
            refused(|json| json["phases"]["tls"] = json!({})),
            "it is no report of a fleet: phases.tls: the member `histogram` is missing"
        );
        assert!(
            refused(|json| json["timeline"]["launched"][1] = json!("x"))
                .contains("timeline.launched[1]: expected a whole number")
        );
        assert!(refused(|json| json["expected"] = json!({"400207": 2})).contains("more failures"));
        assert!(refused(|json| json["issued"] = json!(3)).contains("than have a hub"));
        assert!(refused(|json| json["leftOut"] = json!(u64::MAX)).contains("than have a hub"));
        assert!(refused(|json| json["version"] = json!(2)).contains("version 2"));
        assert!(refused(|json| json["devices"] = json!(4)).contains("outcomes do not add up"));
        assert!(refused(|json| json["hubs"]["hub-1"] = json!(u64::MAX)).contains("hubs do not"));
        assert!(
            refused(|json| json["elapsedSeconds"] = json!(-1))
                .contains("elapsedSeconds: expected a time that")
        );
        assert!(
            refused(|json| json["phases"]["tls"]["histogram"] = json!("AAAA"))
                .contains("phase \"tls\"")
        );
        assert!(
            refused(|json| json["phases"]["lunch"] = json!({"histogram": ""}))
                .contains("no such phase")
        );
        assert!(refused(|json| json["timeline"]["launched"] = json!([])).contains("equally long"));
    }
}
