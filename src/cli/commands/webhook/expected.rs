//! What must come out.

use clap::Args;
use serde::Serialize;

use crate::cli::report::Report;
use crate::service::{Judgement, Verdict};
use crate::wire::HubName;

/// What must come out, in place of an answer that is accepted.
#[derive(Debug, Args)]
pub(super) struct ExpectedArgs {
    /// The hub that the answer must choose
    #[arg(long, value_name = "HUB")]
    expect_hub: Option<HubName>,
    /// The status that the answer must have, such as 400 for a device that must be refused
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(100..=599))]
    expect_status: Option<u16>,
}

/// One expectation, and whether it holds.
#[derive(Debug, Serialize)]
pub(super) struct Expectation {
    pub(super) what: &'static str,
    pub(super) holds: bool,
    pub(super) expected: String,
    pub(super) found: Option<String>,
}

impl ExpectedArgs {
    /// That both can be.
    pub(super) fn check(&self) -> Result<(), Report> {
        match (&self.expect_hub, self.expect_status) {
            (Some(_), Some(status)) if !(200..300).contains(&status) => Err(Report::usage(
                format!("--expect-hub: an answer with status {status} chooses no hub"),
            )
            .remedy("give one of --expect-hub and --expect-status")),
            _ => Ok(()),
        }
    }

    /// The hub that is expected.
    pub(super) fn hub(&self) -> Option<&HubName> {
        self.expect_hub.as_ref()
    }

    /// Whether an answer is what is wanted: accepted, unless a status is expected that refuses.
    pub(super) fn is_met(&self, judgement: &Judgement) -> bool {
        let refuses = self.expect_status.is_some_and(|status| !(200..300).contains(&status));
        (refuses || judgement.verdict == Verdict::Accepted)
            && self.compare(judgement).iter().all(|it| it.holds)
    }

    /// Each expectation beside what was found.
    pub(super) fn compare(&self, judgement: &Judgement) -> Vec<Expectation> {
        let hub = self.expect_hub.as_ref().map(|expected| {
            let found = judgement.told.assigned_hub.as_ref();
            Expectation {
                what: "hub",
                holds: found == Some(expected),
                expected: expected.to_string(),
                found: found.map(ToString::to_string),
            }
        });
        let status = self.expect_status.map(|expected| {
            let found = judgement.answer.as_ref().map(|answer| answer.status);
            Expectation {
                what: "status",
                holds: found == Some(expected),
                expected: expected.to_string(),
                found: found.map(|status| status.to_string()),
            }
        });
        hub.into_iter().chain(status).collect()
    }
}
