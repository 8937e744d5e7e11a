//! What a webhook's answer comes to where nobody registers (J-228).

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::answer::WebhookAnswer;
use crate::service::twin::InitialTwin;
use crate::wire::{ErrorCode, HubName, Payload};

/// What an answer comes to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// In one word.
    pub verdict: Verdict,
    /// What the device would be told.
    pub told: Told,
    /// The first twin that the answer gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_twin: Option<InitialTwin>,
    /// Why there is no hub, as in the service's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is odd in the answer, in whole sentences.
    pub odd: Vec<String>,
    /// The answer; none if none came.
    pub answer: Option<Answered>,
    /// How long it took; in JSON milliseconds.
    #[serde(rename = "ms", serialize_with = "as_millis")]
    pub took: Duration,
}

/// What an answer comes to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The device gets a hub.
    Accepted,
    /// The webhook refuses the device, with a status for that.
    Refused,
    /// The answer is of no use.
    Bad,
    /// No answer came.
    NotReachable,
}

impl Verdict {
    /// Of an answer that gives no hub.
    pub(super) fn of_failure(answer: &WebhookAnswer) -> Self {
        match answer {
            WebhookAnswer::Http { status: 400 | 403, .. } => Self::Refused,
            WebhookAnswer::Http { .. } => Self::Bad,
            WebhookAnswer::Timeout { .. } | WebhookAnswer::Unreachable { .. } => Self::NotReachable,
        }
    }

    /// The word, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Bad => "bad",
            Self::NotReachable => "not reachable",
        }
    }
}

/// What the device would be told: members of a registration state (F.3).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// `assigned` or `failed`.
    pub status: &'static str,
    /// The hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_hub: Option<HubName>,
    /// The device's ID there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// What the webhook has to say to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// Why there is no hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<ErrorCode>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// An answer as it may be shown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its body, masked (G-2) and cut as in the journal (J-95).
    pub body: String,
    /// Where it says that the webhook is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What it says that its body is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

fn as_millis<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Tenths: a function on this machine answers within one millisecond.
    serializer.serialize_f64((took.as_secs_f64() * 10_000.0).round() / 10.0)
}
