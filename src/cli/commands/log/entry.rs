//! An entry of the journal, as far as a line of a terminal has room for it.

use serde::Deserialize;

/// What is shown of a registration.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) time: String,
    pub(super) registration_id: String,
    pub(super) transport: Option<String>,
    pub(super) enrollment: Option<Enrollment>,
    pub(super) attestation: Option<Attestation>,
    pub(super) status: String,
    pub(super) failed_check: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) assigned_hub: Option<String>,
    pub(super) error_code: Option<u32>,
    pub(super) error_message: Option<String>,
    pub(super) ms: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Enrollment {
    pub(super) kind: String,
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attestation {
    pub(super) r#type: String,
    pub(super) key_slot: Option<String>,
}

/// Its story, as it stands in the answer to a question for it alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Story {
    pub(super) timeline: Vec<Moment>,
    pub(super) explanation: Option<Explanation>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Moment {
    /// Milliseconds from the request on.
    pub(super) at: u64,
    pub(super) actor: String,
    pub(super) title: String,
    pub(super) detail: Option<String>,
    pub(super) outcome: String,
}

/// What a failure means.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Explanation {
    pub(super) title: String,
    pub(super) meaning: String,
    pub(super) remedies: Vec<String>,
}

impl Entry {
    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.status != "assigning"
    }

    /// Which check was passed, or which one was not.
    pub(super) fn check(&self) -> String {
        if let Some(failed) = &self.failed_check {
            return failed.clone();
        }
        let Some(attestation) = &self.attestation else { return "-".to_owned() };
        match &attestation.key_slot {
            Some(slot) => format!("{} {slot}", attestation.r#type),
            None => attestation.r#type.clone(),
        }
    }

    /// Why there is no hub: code and message as the device has them, then the reason of the log.
    pub(super) fn failure(&self) -> Vec<String> {
        let told = match (self.error_code, &self.error_message) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (Some(code), None) => Some(format!("error {code}")),
            (None, message) => message.clone(),
        };
        let is_failure = self.is_over() && self.status != "assigned";
        told.into_iter().chain(self.reason.clone()).filter(|_| is_failure).collect()
    }
}
