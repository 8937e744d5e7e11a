//! Was it as expected?

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::expectation::{Expectation, Issued};
use crate::device::{Class, Error, Notice, Registered};
use crate::wire::HubName;

/// What became of a device. Programs are told of the first four members always, and of others where
/// they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
    /// How the assignment came about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substatus: Option<String>,
    /// Its ID at the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// What kind of failure it was, see [`Error::KINDS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// What the webhook has to say to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The service's last answer, where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// The certificate that it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<Issued>,
    /// Its twin, as the hub's service API shows it; whoever plays the scenario asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twin: Option<Value>,
    /// How long it took; whoever plays the scenario measures it.
    #[serde(skip)]
    pub took: Option<Duration>,
}

impl Actual {
    /// What a registration came to.
    pub fn of(result: &Result<Registered, Error>) -> Self {
        let json = |text: &str| serde_json::from_str(text).ok();
        match result {
            Ok(registered) => Self {
                status: "assigned".to_owned(),
                assigned_hub: Some(registered.assigned_hub.clone()),
                substatus: registered.substatus.as_ref().map(|word| word.as_str().to_owned()),
                device_id: Some(registered.device_id.to_string()),
                payload: registered.payload.as_ref().and_then(|payload| json(payload.as_json())),
                answer: json(&registered.body),
                issued: registered.issued_chain.as_ref().map(Issued::of),
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
                error_code: error.code().map(|code| code.0),
                error_message: Some(message(error)),
                failure: Some(error.kind()),
                ..Self::default()
            },
        }
    }

    /// The same with other names: those of the file, where the service has others.
    pub fn renamed(self, here: impl Fn(&str) -> String) -> Self {
        let text = |text: Option<String>| text.map(|text| here(&text));
        let value = |value: Option<Value>| {
            value.map(|value| serde_json::from_str(&here(&value.to_string())).unwrap_or(value))
        };
        Self {
            error_message: text(self.error_message),
            device_id: text(self.device_id),
            payload: value(self.payload),
            answer: value(self.answer),
            issued: self.issued.map(|it| Issued { subject: here(&it.subject), ..it }),
            twin: value(self.twin),
            ..self
        }
    }

    /// As programs are told of it.
    fn asked_for(self, expected: &Expectation) -> Self {
        Self {
            substatus: self.substatus.filter(|_| expected.substatus.is_some()),
            device_id: self.device_id.filter(|_| expected.device_id.is_some()),
            failure: self.failure.filter(|_| expected.failure.is_some()),
            payload: self.payload.filter(|_| expected.payload.is_some()),
            answer: self.answer.filter(|_| expected.answer.is_some()),
            issued: self.issued.filter(|_| expected.issued.is_some()),
            twin: self.twin.filter(|_| expected.twin.is_some()),
            ..self
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

/// The last answer of the service, which an error does not keep whole.
#[derive(Debug, Clone, Default)]
pub struct LastAnswer(Option<Vec<u8>>);

impl LastAnswer {
    /// Listens to what the device is told.
    pub fn notice(&mut self, notice: &Notice) {
        if let Notice::Received(received) = notice
            && let Some(answer) = received.answer()
        {
            self.0 = Some(answer.to_vec());
        }
    }

    /// The answer, if there was one and it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.0.as_deref()?).ok()
    }
}

/// What was expected, held against what came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What came out.
    pub actual: Actual,
    /// Each way in which it is not what was expected; empty if all holds.
    pub differences: Vec<String>,
}

impl Verdict {
    /// Compares.
    pub fn new(expected: &Expectation, actual: Actual) -> Self {
        let differences = differences(expected, &actual);
        Self { actual: actual.asked_for(expected), differences }
    }

    /// Whether all holds.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }

    /// What came out, in a few words.
    pub fn summary(&self) -> String {
        let Actual { status, assigned_hub, error_code, error_message, .. } = &self.actual;
        match (assigned_hub, error_code, error_message) {
            (Some(hub), ..) => format!("{status} to {hub}"),
            (None, Some(code), Some(message)) => format!("{status} with {code}, {message}"),
            (None, None, Some(message)) => format!("{status}: {message}"),
            _ => status.clone(),
        }
    }
}

fn differences(expected: &Expectation, actual: &Actual) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare =
        |what: &str, expected: Option<String>, holds: bool, actual: Option<String>| {
            let Some(expected) = expected.filter(|_| !holds) else { return };
            let actual = actual.unwrap_or_else(|| "none".to_owned());
            differences.push(format!("expected {what} {expected}, got {actual}"));
        };
    let hub = |hub: &Option<HubName>| hub.as_ref().map(|hub| hub.as_str().to_ascii_lowercase());
    let mut same = |what: &str, expected: Option<String>, actual: Option<String>| {
        let holds = expected == actual;
        compare(what, expected, holds, actual);
    };
    let number = |code: Option<u32>| code.map(|code| code.to_string());
    same("status", expected.status.clone(), Some(actual.status.clone()));
    same("failure", expected.failure.clone(), actual.failure.map(str::to_owned));
    same("assignedHub", hub(&expected.assigned_hub), hub(&actual.assigned_hub));
    same("substatus", expected.substatus.clone(), actual.substatus.clone());
    same("errorCode", number(expected.error_code), number(actual.error_code));
    for (what, expected, actual) in [
        ("deviceId", &expected.device_id, &actual.device_id),
        ("errorMessage", &expected.error_message, &actual.error_message),
    ] {
        let Some(pattern) = expected else { continue };
        let holds = actual.as_ref().is_some_and(|actual| pattern.matches(actual));
        let actual = actual.as_ref().map(|actual| format!("{actual:?}"));
        compare(what, Some(pattern.to_string()), holds, actual);
    }
    for (at, pattern, actual) in [
        ("payload", &expected.payload, &actual.payload),
        ("answer", &expected.answer, &actual.answer),
    ] {
        let Some(pattern) = pattern else { continue };
        differences.extend(pattern.differences(at, actual.as_ref()));
    }
    if let Some(issued) = &expected.issued {
        differences.extend(issued.differences(actual.issued.as_ref()));
    }
    if let Some(twin) = &expected.twin {
        differences.extend(twin.differences(actual.twin.as_ref()));
    }
    if let (Some(bounds), Some(took)) = (&expected.took, actual.took) {
        differences.extend(bounds.difference("took", took));
    }
    differences
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
