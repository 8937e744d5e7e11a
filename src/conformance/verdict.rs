//! A finding, as the reports have it.
//!
//! Pure.

use std::fmt::Write;
use std::time::Duration;

use super::case::{Case, Level};
use super::finding::{Finding, seconds};
use super::observation::Observation;
use super::play::Report;
use super::story::story;
use crate::verdicts::{Case as Verdict, Outcome, Part, PartKind, Rule, Seen};

/// What all cases belong to.
pub(super) const CLASS: &str = "conformance";
/// Of how many runs of one case the conversation is kept: all that differs is chance.
const MAX_RUNS: usize = 3;

/// What became of a case.
pub(super) fn verdict(
    case: &Case,
    finding: Finding,
    runs: &[Observation],
    reports: &[Report],
) -> Verdict {
    let took = runs.iter().map(|run| run.took).max().unwrap_or_default();
    let (outcome, said) = match finding {
        Finding::Kept(how) => (Outcome::Passed, how),
        Finding::Broken(why) if case.level == Level::Must => {
            (Outcome::Failed(vec![why.clone()]), why)
        }
        Finding::Failed(why) => (Outcome::Failed(vec![why.clone()]), why),
        Finding::Broken(why) | Finding::Wanting(why) => (Outcome::Warned(why.clone()), why),
        Finding::Unseen(why) => (Outcome::NotObserved(why.clone()), why),
    };
    let mut verdict = Verdict::new(CLASS, case.id, outcome);
    verdict.took = took;
    verdict.seen.push(Seen::new(Duration::ZERO, case.title));
    verdict.seen.push(Seen::new(took, said));
    verdict.rule = Some(Rule {
        id: case.rule.id.to_owned(),
        text: case.rule.text.to_owned(),
        source: case.rule.source.0.map(str::to_owned),
    });
    verdict.conversation = conversation(runs, reports);
    verdict
}

/// A case that could not be played.
pub(super) fn broken(case: &Case, why: String) -> Verdict {
    Verdict::new(CLASS, case.id, Outcome::Broken(why))
}

fn conversation(runs: &[Observation], reports: &[Report]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = |kind, text: &dyn Fn(&Observation, &Report) -> String| {
        let mut all = String::new();
        for (number, (run, report)) in (1..).zip(runs.iter().zip(reports)).take(MAX_RUNS) {
            let text = text(run, report);
            if runs.len() > 1 && !text.is_empty() {
                // Writing to a string does not fail.
                let _ = writeln!(all, "run {number} of {}:", runs.len());
            }
            all.push_str(&text);
        }
        if !all.is_empty() {
            parts.push(Part::new(kind, all));
        }
    };
    part(PartKind::Timeline, &|run, _| {
        let told = story(run);
        told.iter().map(|(at, text)| format!("{:>10}  {text}\n", seconds(*at))).collect()
    });
    part(PartKind::Output, &|_, report| report.output.clone());
    part(PartKind::Errors, &|_, report| report.errors.clone());
    part(PartKind::Journal, &|_, report| report.journal.clone());
    parts
}
