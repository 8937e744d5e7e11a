//! What a check has found.

use serde::Serialize;

use crate::device::{Class, Error};
use crate::explain::{Context, explain};
use crate::sources::Clock;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Ok,
    /// It may come to trouble, or is trouble that this registration does not meet.
    Warn,
    /// The device cannot register like this.
    Fail,
    /// Not checked.
    Skip,
}

impl Status {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// What a check has found. Serializes to `status`, `finding` and `advice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it ended.
    pub status: Status,
    /// What is the case, in one line.
    pub finding: String,
    /// What to do about it, in one line.
    pub advice: Option<String>,
    /// The class of a failure.
    #[serde(skip)]
    pub class: Option<Class>,
}

/// A check with its name, its finding, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The check's name.
    pub check: &'static str,
    /// What it found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Milliseconds.
    pub ms: u64,
}

impl Finding {
    fn new(status: Status, finding: impl Into<String>) -> Self {
        Self { status, finding: finding.into(), advice: None, class: None }
    }

    pub(super) fn ok(finding: impl Into<String>) -> Self {
        Self::new(Status::Ok, finding)
    }

    pub(super) fn warn(finding: impl Into<String>) -> Self {
        Self::new(Status::Warn, finding)
    }

    pub(super) fn fail(class: Class, finding: impl Into<String>) -> Self {
        Self { class: Some(class), ..Self::new(Status::Fail, finding) }
    }

    pub(super) fn skip(finding: impl Into<String>) -> Self {
        Self::new(Status::Skip, finding)
    }

    pub(super) fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    /// A failure as the catalogue explains it: with its likeliest cause, and what to try first.
    pub(super) fn of_error(error: &Error, context: &Context) -> Self {
        let explanation = explain(error, context, Clock::system().now());
        let mut finding = error.to_string();
        if let Some(cause) = explanation.causes.first() {
            let probably = if explanation.is_certain { "" } else { "probably " };
            finding = format!("{finding}; {probably}{cause}");
        }
        let mut advice = explanation.remedies;
        // This is it already.
        advice.retain(|remedy| !remedy.contains("provision-sim diagnose"));
        advice.truncate(2);
        advice.push(format!("more: provision-sim explain {}", explanation.entry.key));
        Self::fail(error.class(), finding).advice(advice.join("; "))
    }

    /// The same said of something that this registration does not need.
    pub(super) fn softened(self) -> Self {
        match self.status {
            Status::Fail => Self { status: Status::Warn, class: None, ..self },
            _ => self,
        }
    }
}
