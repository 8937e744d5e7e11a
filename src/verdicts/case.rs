//! One thing that was tried.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::outcome::Outcome;
use crate::text::Secrets;

/// One thing that was tried, and how it went: a device, a step of a scenario, a case of a suite.
///
/// As JSON it has all but the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is called among the cases of its class.
    pub name: String,
    /// What it belongs to, in parts between full stops, as test systems group by.
    pub class: String,
    /// How it went.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// What was seen, in order.
    pub seen: Vec<Seen>,
    /// What asks for it.
    pub rule: Option<Rule>,
    /// What was said by everybody who had a part in it.
    pub conversation: Vec<Part>,
}

/// Something that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When, from the beginning of the case on.
    pub at: Duration,
    /// What, in a sentence without its full stop.
    pub text: String,
}

/// What asks for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its ID in `docs/protocol.md`, as it stands there.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Address of the public document that says so.
    pub source: Option<String>,
}

/// What one of those who had a part in a case has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Who, or what about.
    pub kind: PartKind,
    /// All of it, in lines.
    pub text: String,
}

/// Whose part of a conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// What happened when, told from the journal.
    Timeline,
    /// What the device printed.
    Device,
    /// What a command printed to its standard output.
    Output,
    /// The same of its standard error.
    Errors,
    /// The entries of the service's journal, as JSON.
    Journal,
    /// Requests to webhooks and their answers, as JSON.
    Webhook,
    /// The faults that were asked for, and how often each struck, as JSON.
    Faults,
    /// The service's log.
    Log,
}

impl PartKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Timeline,
        Self::Device,
        Self::Output,
        Self::Errors,
        Self::Journal,
        Self::Webhook,
        Self::Faults,
        Self::Log,
    ];

    /// What it is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Timeline => "What happened",
            Self::Device => "Device",
            Self::Output => "Standard output of the command",
            Self::Errors => "Standard error of the command",
            Self::Journal => "Journal of the service",
            Self::Webhook => "Webhook",
            Self::Faults => "Faults",
            Self::Log => "Log of the service",
        }
    }

    /// The file that it is kept in: its name, and what is behind the full stop.
    pub fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Timeline => ("timeline", "txt"),
            Self::Device => ("device", "txt"),
            Self::Output => ("stdout", "txt"),
            Self::Errors => ("stderr", "txt"),
            Self::Journal => ("journal", "json"),
            Self::Webhook => ("webhook", "json"),
            Self::Faults => ("faults", "json"),
            Self::Log => ("service", "log"),
        }
    }
}

impl Case {
    /// A case of which nothing was seen.
    pub fn new(class: impl Into<String>, name: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            class: class.into(),
            outcome,
            took: Duration::ZERO,
            seen: Vec::new(),
            rule: None,
            conversation: Vec::new(),
        }
    }

    /// From now on none of the secrets stands in it.
    pub fn hide(&mut self, secrets: &Secrets) {
        if secrets.is_empty() {
            return;
        }
        self.outcome.hide(secrets);
        let seen = self.seen.iter_mut().map(|seen| &mut seen.text);
        let parts = self.conversation.iter_mut().map(|part| &mut part.text);
        for text in seen.chain(parts).chain([&mut self.name]) {
            *text = secrets.mask(text).into_owned();
        }
    }
}

impl Seen {
    /// Something that was seen.
    pub fn new(at: Duration, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

impl Part {
    /// A part of a conversation.
    pub fn new(kind: PartKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut case = serializer.serialize_struct("Case", 7)?;
        case.serialize_field("name", &self.name)?;
        case.serialize_field("class", &self.class)?;
        case.serialize_field("outcome", self.outcome.as_str())?;
        match self.outcome.reasons() {
            [] => case.skip_field("reasons")?,
            reasons => case.serialize_field("reasons", reasons)?,
        }
        case.serialize_field("seconds", &in_seconds(self.took))?;
        match &self.seen[..] {
            [] => case.skip_field("seen")?,
            seen => case.serialize_field("seen", seen)?,
        }
        match &self.rule {
            None => case.skip_field("rule")?,
            Some(rule) => case.serialize_field("rule", rule)?,
        }
        case.end()
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seen = serializer.serialize_struct("Seen", 2)?;
        seen.serialize_field("at", &in_seconds(self.at))?;
        seen.serialize_field("text", &self.text)?;
        seen.end()
    }
}

/// Seconds, to the millisecond, as results in JSON have them.
pub fn in_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stands_in_what_is_told_of_a_case() {
        let mut secrets = Secrets::default();
        secrets.add("open \"sesame\"");
        let text = "with open \"sesame\"";
        let mut case = Case::new("pumps", text, Outcome::Failed(vec![text.to_owned()]));
        case.seen.push(Seen::new(Duration::ZERO, text));
        case.conversation.push(Part::new(PartKind::Journal, "{\"a\":\"open \\\"sesame\\\"\"}"));

        case.hide(&secrets);

        let told = format!("{case:?}");
        assert_eq!((told.contains("sesame"), told.matches("***").count()), (false, 4), "{told}");
    }

    #[test]
    fn a_case_is_told_to_programs_without_what_it_does_not_have() {
        let mut case = Case::new("pumps", "pump-1", Outcome::Failed(vec!["no hub".to_owned()]));
        case.took = Duration::from_micros(1_234_567);
        case.seen.push(Seen::new(Duration::from_millis(20), "register"));
        case.rule = Some(Rule { id: "rule-1".to_owned(), text: "wait".to_owned(), source: None });

        assert_eq!(
            serde_json::to_string(&case).unwrap(),
            r#"{"name":"pump-1","class":"pumps","outcome":"failed","reasons":["no hub"],"seconds":1.235,"seen":[{"at":0.02,"text":"register"}],"rule":{"id":"rule-1","text":"wait","source":null}}"#
        );
        assert_eq!(
            serde_json::to_string(&Case::new("a", "b", Outcome::Passed)).unwrap(),
            r#"{"name":"b","class":"a","outcome":"passed","seconds":0.0}"#
        );
    }
}
