//! What is shown of a registration. Every text of others is inert here.

use std::time::Duration;

use askama::Template;

use crate::service::commentary::Explanation;
use crate::service::endpoint::page::address::{address, of_enrollment};
use crate::service::endpoint::page::registrations::{Status, Time, label};
use crate::service::endpoint::page::shown::Shown;
use crate::service::hub::Hubs;
use crate::service::journal::{
    Actor, EntryStatus, JournalEntry, MomentOutcome, TimelineMoment, presence, timeline,
};
use crate::service::record::HubKey;
use crate::text::{inert, spoken};

/// A name and what it is; a link where there is a page about it.
#[derive(Debug)]
pub(super) struct Fact {
    name: &'static str,
    value: String,
    link: Option<String>,
}

/// A moment of the conversation.
#[derive(Debug)]
pub(super) struct Moment {
    /// Since the request.
    at: String,
    actor: &'static str,
    title: String,
    detail: Option<Shown>,
    /// Class in the style.
    outcome: &'static str,
    /// For those who see no colour.
    sign: &'static str,
    said: &'static str,
}

/// A hint of the catalogue, in parts: every second one is to be typed.
#[derive(Debug, Template)]
#[template(path = "page/hint.html")]
pub(super) struct Hint {
    parts: Vec<String>,
}

/// What a failure means.
#[derive(Debug)]
pub(super) struct Meaning {
    key: String,
    title: String,
    meaning: Hint,
    causes: Vec<Hint>,
    remedies: Vec<Hint>,
}

/// The part of the page that is told anew while the registration goes on.
#[derive(Debug, Template)]
#[template(path = "page/conversation.html")]
pub(super) struct Conversation {
    status: Status,
    time: Time,
    facts: Vec<Fact>,
    reason: Option<Shown>,
    meaning: Option<Meaning>,
    moments: Vec<Moment>,
    again: Option<AskAgain>,
}

/// The form that sends its webhook the same again.
#[derive(Debug)]
struct AskAgain {
    sequence: u64,
    token: String,
}

impl Conversation {
    pub(super) fn new(
        entry: &JournalEntry,
        explanation: Option<Explanation>,
        hubs: &Hubs,
        token: &str,
    ) -> Self {
        let has_failed = !matches!(entry.status, EntryStatus::Assigned | EntryStatus::Assigning);
        let reason = entry.reason.as_deref().filter(|_| has_failed);
        Self {
            status: entry.status.into(),
            time: entry.time.into(),
            facts: facts(entry),
            reason: reason.map(Shown::of),
            meaning: explanation.filter(|_| has_failed).map(Meaning::from),
            moments: moments(entry, hubs).into_iter().map(Moment::from).collect(),
            again: entry
                .webhook
                .as_ref()
                .map(|_| AskAgain { sequence: entry.sequence, token: token.to_owned() }),
        }
    }
}

fn facts(entry: &JournalEntry) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>, link: Option<String>| {
        facts.extend(value.map(|value| Fact { name, value, link }));
    };
    let enrollment = entry.enrollment.as_ref();
    add(
        "Enrollment",
        enrollment.map(|it| format!("{} ({})", it.name, it.kind.as_str())),
        enrollment.map(|it| of_enrollment(it.kind, it.name.as_str())),
    );
    let hub = entry.assigned_hub.as_ref().map(|hub| hub.as_str());
    let at_hub = hub.map(|hub| address("/ui/hub", &[("name", hub)]));
    add("Hub", hub.map(|hub| inert(hub).into_owned()), at_hub);
    let id = entry.device_id.as_ref();
    let device = hub.zip(id).map(|(hub, id)| address("/ui/device", &[("hub", hub), ("id", id)]));
    add("Device ID", id.map(ToString::to_string), device);
    let error = entry.error_code.map(|code| match &entry.error_message {
        Some(message) => format!("{code}: {message}"),
        None => code.to_string(),
    });
    add("Told the device", error, None);
    add("Over", entry.transport.map(|it| label(it).to_owned()), None);
    let took = entry.took.filter(|took| !took.is_zero()).map(spoken);
    let polls = match entry.polls {
        0 => None,
        1 => Some("asked for once".to_owned()),
        polls => Some(format!("asked for {polls} times")),
    };
    let result: Vec<_> = took.into_iter().chain(polls).collect();
    add("Result after", (!result.is_empty()).then(|| result.join(", ")), None);
    let scope = Some(&entry.id_scope).filter(|scope| !scope.is_empty());
    add("ID scope", scope.map(ToString::to_string), None);
    add("Operation", entry.operation_id.as_ref().map(ToString::to_string), None);
    facts
}

/// All that is known of it, and whether its hub has seen the device since.
fn moments(entry: &JournalEntry, hubs: &Hubs) -> Vec<TimelineMoment> {
    let mut moments = timeline(entry);
    moments.extend(since(entry, hubs));
    moments
}

fn since(entry: &JournalEntry, hubs: &Hubs) -> Option<TimelineMoment> {
    let device_id = entry.device_id.as_ref()?.parse().ok()?;
    let now = hubs.presence(&HubKey::new(entry.assigned_hub.as_ref()?, &device_id));
    presence(entry, now.is_online, now.changed?)
}

impl From<TimelineMoment> for Moment {
    fn from(moment: TimelineMoment) -> Self {
        let (outcome, sign, said) = match moment.outcome {
            MomentOutcome::Good => ("good", "✓", "good"),
            MomentOutcome::Bad => ("bad", "✕", "not good"),
            MomentOutcome::Neutral => ("", "", ""),
        };
        let actor = match moment.actor {
            Actor::Device => "Device",
            Actor::Service => "Service",
            Actor::Webhook => "Webhook",
            Actor::Hub => "Hub",
        };
        let at = if moment.at == Duration::ZERO {
            "0".to_owned()
        } else {
            format!("+{}", spoken(moment.at))
        };
        let detail = moment.detail.as_deref().map(Shown::of);
        Self { at, actor, title: inert(&moment.title).into_owned(), detail, outcome, sign, said }
    }
}

impl From<Explanation> for Meaning {
    fn from(explanation: Explanation) -> Self {
        let Explanation { key, title, meaning, causes, remedies } = explanation;
        let hints = |texts: Vec<String>| texts.iter().map(|text| Hint::new(text)).collect();
        Self {
            key: inert(&key).into_owned(),
            title: inert(&title).into_owned(),
            meaning: Hint::new(&meaning),
            causes: hints(causes),
            remedies: hints(remedies),
        }
    }
}

impl Hint {
    fn new(text: &str) -> Self {
        Self { parts: inert(text).split('`').map(str::to_owned).collect() }
    }
}
