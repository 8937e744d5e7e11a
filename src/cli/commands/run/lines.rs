//! The results for programs.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::played::Played;
use crate::scenario::{Actual, Ended, Verdict};
use crate::verdicts::{Case, Totals, in_seconds};

/// A device's verdict.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    scenario: &'a str,
    registration_id: &'a str,
    passed: bool,
    actual: &'a Actual,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    differences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

pub(super) fn of_device(scenario: &str, ended: &Ended) -> Box<RawValue> {
    let Verdict { actual, differences } = &ended.verdict;
    let line = Line {
        scenario,
        registration_id: &ended.device,
        passed: ended.verdict.holds(),
        actual,
        differences,
        seconds: actual.took.map(in_seconds),
    };
    // All of it has a form in JSON.
    to_raw_value(&line).unwrap_or_default()
}

/// What came of a step, behind the verdicts on its devices.
#[derive(Serialize)]
pub(super) struct Step<'a> {
    pub(super) scenario: &'a str,
    #[serde(rename = "case")]
    pub(super) case: &'a Case,
}

/// A file that cannot be played.
#[derive(Serialize)]
pub(super) struct Broken<'a> {
    pub(super) scenario: &'a str,
    pub(super) error: &'a str,
}

/// The end of `-o json`.
#[derive(Serialize)]
pub(super) struct Total<'a> {
    devices: Vec<&'a RawValue>,
    files: Vec<FileTotal<'a>>,
    passed: usize,
    failed: usize,
    skipped: usize,
    broken: usize,
    seconds: f64,
}

/// A file of it.
#[derive(Serialize)]
struct FileTotal<'a> {
    file: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    seconds: f64,
    cases: &'a [Case],
}

impl<'a> Total<'a> {
    pub(super) fn of(played: &'a [Played], totals: Totals, took: Duration) -> Self {
        let file = |played: &'a Played| FileTotal {
            file: played.suite.file.as_deref().unwrap_or(&played.suite.name),
            name: &played.suite.name,
            error: played.fault.as_deref(),
            seconds: in_seconds(played.suite.took),
            cases: &played.suite.cases,
        };
        Self {
            devices: played.iter().flat_map(|file| file.devices.iter().map(|it| &**it)).collect(),
            files: played.iter().map(file).collect(),
            passed: totals.passed,
            failed: totals.failed,
            skipped: totals.skipped,
            broken: totals.broken,
            seconds: in_seconds(took),
        }
    }
}
