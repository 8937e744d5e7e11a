//! Was it as expected?

use serde::Serialize;

use super::file::Expectation;
use crate::device::{Class, Error, Registered};
use crate::wire::HubName;

/// What became of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Actual {
    /// `assigned`, `failed`, `disabled`, `refused` or `error`.
    pub status: String,
    /// Its hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_hub: Option<HubName>,
    /// The service's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    /// The service's error message, or our own where it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl Actual {
    /// What a registration came to.
    pub fn of(result: &Result<Registered, Error>) -> Self {
        match result {
            Ok(registered) => Self {
                status: "assigned".to_owned(),
                assigned_hub: Some(registered.assigned_hub.clone()),
                ..Self::default()
            },
            Err(error) => Self {
                status: match error {
                    Error::Failed { .. } => "failed",
                    Error::Disabled { .. } => "disabled",
                    _ if error.class() == Class::Identity => "refused",
                    _ => "error",
                }
                .to_owned(),
                assigned_hub: None,
                error_code: error.code().map(|code| code.0),
                error_message: Some(message(error)),
            },
        }
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::Failed { message: Some(message), .. } => message.clone(),
        Error::Unauthorized(rejection) | Error::Rejected(rejection) => match &rejection.error {
            Some(error) => error.message.to_string(),
            None => rejection.to_string(),
        },
        other => other.to_string(),
    }
}

/// What was expected, held against what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What came out.
    pub actual: Actual,
    /// Each way in which it is not what was expected; empty if all holds.
    pub differences: Vec<String>,
}

impl Verdict {
    /// Compares.
    pub fn new(expected: &Expectation, actual: Actual) -> Self {
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, actual: Option<String>| {
            let Some(expected) = expected.filter(|expected| Some(expected) != actual.as_ref())
            else {
                return;
            };
            let actual = actual.unwrap_or_else(|| "none".to_owned());
            differences.push(format!("expected {what} {expected}, got {actual}"));
        };
        let hub = |hub: &Option<HubName>| hub.as_ref().map(|hub| hub.as_str().to_ascii_lowercase());
        compare("status", expected.status.clone(), Some(actual.status.clone()));
        compare("assignedHub", hub(&expected.assigned_hub), hub(&actual.assigned_hub));
        let code = |code: Option<u32>| code.map(|code| code.to_string());
        compare("errorCode", code(expected.error_code), code(actual.error_code));
        compare("errorMessage", quoted(&expected.error_message), quoted(&actual.error_message));
        Self { actual, differences }
    }

    /// Whether all holds.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }

    /// What came out, in a few words.
    pub fn summary(&self) -> String {
        let Actual { status, assigned_hub, error_code, error_message } = &self.actual;
        match (assigned_hub, error_code, error_message) {
            (Some(hub), ..) => format!("{status} to {hub}"),
            (None, Some(code), Some(message)) => format!("{status} with {code}, {message}"),
            (None, None, Some(message)) => format!("{status}: {message}"),
            _ => status.clone(),
        }
    }
}

fn quoted(text: &Option<String>) -> Option<String> {
    text.as_ref().map(|text| format!("{text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Expectation =
        Expectation { assigned_hub: None, error_code: None, error_message: None, status: None };

    fn assigned(hub: &str) -> Actual {
        Actual {
            status: "assigned".to_owned(),
            assigned_hub: Some(hub.parse().unwrap()),
            ..Actual::default()
        }
    }

    #[test]
    fn what_is_expected_must_be_there_and_the_rest_may_be_anything() {
        let expected = Expectation { assigned_hub: Some("West.net".parse().unwrap()), ..NOTHING };

        assert!(Verdict::new(&expected, assigned("west.NET")).holds());
        assert_eq!(
            Verdict::new(&expected, assigned("east.net")).differences,
            ["expected assignedHub west.net, got east.net"]
        );
    }

    #[test]
    fn every_difference_is_told() {
        let expected = Expectation {
            error_code: Some(400_207),
            error_message: Some("no".to_owned()),
            status: Some("failed".to_owned()),
            ..NOTHING
        };

        assert_eq!(
            Verdict::new(&expected, assigned("west.net")).differences,
            [
                "expected status failed, got assigned",
                "expected errorCode 400207, got none",
                "expected errorMessage \"no\", got none",
            ]
        );
    }
}
