//! What a device asks of its hub, and what the hub has to say, however it travels (I).

use serde_json::{Map, Value};

use super::error::{HubBreach, HubError};
use super::twin::{DesiredChange, Twin};
use crate::wire::from_json_object;

/// What questions are called in errors.
const TWIN: &str = "the twin request";
const REPORT: &str = "the report";
pub(super) const MESSAGE: &str = "the message";

/// At most this many questions are under way at once, far fewer than there are packet IDs.
pub(super) const MOST_UNDER_WAY: usize = 64;

/// What a device may ask of its hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Its twin.
    Twin,
    /// To note what it reports: a merge patch, JSON.
    Report(Vec<u8>),
    /// To take a message.
    Message(Vec<u8>),
}

impl Question {
    /// What it is called in errors.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Twin => TWIN,
            Self::Report(_) => REPORT,
            Self::Message(_) => MESSAGE,
        }
    }
}

/// What the hub answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// The twin.
    Twin(Twin),
    /// The new version of the reported properties, where the hub names it.
    Reported(Option<u64>),
    /// It has the message.
    Taken,
}

/// What the hub published.
#[derive(Debug)]
pub(super) enum Heard<W> {
    /// An answer, and who waits for it.
    Answer(W, Result<Answer, HubError>),
    /// The back end wants something.
    Desired(DesiredChange),
    /// An answer that nobody waits for any more, or nothing that a hub publishes.
    Stray,
}

/// Which answer is expected.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// The twin.
    Twin,
    /// That the hub has noted a report.
    Report,
}

/// What an answer says.
pub(super) fn answer(
    expected: Expected,
    status: u16,
    version: Option<u64>,
    body: &[u8],
) -> Result<Answer, HubError> {
    let request = match expected {
        Expected::Twin => TWIN,
        Expected::Report => REPORT,
    };
    match (expected, status) {
        (Expected::Twin, 200..=299) => {
            let unusable = |reason| HubBreach::Body { request, reason };
            let mut twin: Map<String, Value> =
                from_json_object(body).map_err(|error| unusable(error.to_string()))?;
            let mut section = |name: &str| match twin.remove(name) {
                Some(Value::Object(properties)) => Ok(properties),
                _ => Err(unusable(format!("it has no object `{name}`"))),
            };
            Ok(Answer::Twin(Twin { desired: section("desired")?, reported: section("reported")? }))
        }
        (Expected::Report, 200..=299) => Ok(Answer::Reported(version)),
        _ => Err(HubError::Status { request, status }),
    }
}
