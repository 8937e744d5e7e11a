//! What came of a request to a webhook, as pages tell it.

use askama::Template;

use super::shown::{Shown, pretty};
use crate::service::allocation::{Judgement, Trial, Verdict};
use crate::text::{inert, spoken};

/// An answer of a webhook, judged. Every text is inert.
#[derive(Debug, Template)]
#[template(path = "page/judged.html")]
pub(super) struct Judged {
    word: &'static str,
    is_accepted: bool,
    url: String,
    took: String,
    status: Option<u16>,
    told: Vec<(&'static str, String)>,
    twin: Option<String>,
    reason: Option<String>,
    odd: Vec<String>,
    request: String,
    answer: Option<String>,
}

impl Judged {
    /// What the service makes of an answer, and what is odd in it.
    pub(super) fn of(trial: &Trial, judgement: &Judgement) -> Self {
        let told = &judgement.told;
        let text = |text: &str| inert(text).into_owned();
        let mut lines = vec![("status", told.status.to_owned())];
        lines.extend(told.assigned_hub.as_ref().map(|hub| ("assignedHub", text(hub.as_str()))));
        lines.extend(told.device_id.as_ref().map(|id| ("deviceId", text(id))));
        lines.extend(told.payload.as_ref().map(|it| ("payload", pretty(it.as_json()))));
        lines.extend(told.error_code.map(|code| ("errorCode", code.0.to_string())));
        lines.extend(told.error_message.as_ref().map(|it| ("errorMessage", text(it))));
        let twin = judgement.initial_twin.as_ref();
        Self {
            word: match judgement.verdict {
                Verdict::Accepted => "Accepted",
                Verdict::Refused => "Refused",
                Verdict::Bad => "Bad answer",
                Verdict::NotReachable => "Not reachable",
            },
            is_accepted: judgement.verdict == Verdict::Accepted,
            url: text(&trial.url().masked()),
            took: spoken(judgement.took),
            status: judgement.answer.as_ref().map(|answer| answer.status),
            told: lines,
            twin: twin.map(|it| pretty(&serde_json::to_string(it).unwrap_or_default())),
            reason: judgement.reason.as_deref().map(text),
            odd: judgement.odd.iter().map(|it| text(it)).collect(),
            request: pretty(trial.request()),
            answer: judgement.answer.as_ref().map(|answer| Shown::of(&answer.body).text),
        }
    }
}
