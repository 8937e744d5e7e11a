//! What a user is told when something goes wrong: what happened, why that usually is, what to try.

use serde::Serialize;

use super::exit::Exit;
use super::timings::Timings;

/// A failure, ready to be shown. Serializes to the `error` object of `-o json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// A word for programs.
    pub(crate) kind: &'static str,
    #[serde(rename = "exitCode", serialize_with = "as_number")]
    pub(crate) exit: Exit,
    /// The C SDK's name of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<&'static str>,
    /// The service's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u32>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'static str>,
    /// What happened, in one line. For a failed registration the service's own words, in `headline`
    /// those of the C sample.
    pub(crate) message: String,
    #[serde(skip)]
    pub(crate) headline: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracking_id: Option<String>,
    /// As the service writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
    /// The likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) causes: Vec<String>,
    /// The quickest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) remedies: Vec<String>,
    /// The enrollment group of the local service whose key was taken.
    #[serde(skip)]
    pub(crate) group: Option<Box<str>>,
    /// How long the parts took of what failed.
    #[serde(skip)]
    pub(crate) timings: Option<Box<Timings>>,
}

fn as_number<S: serde::Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(*exit as u8)
}

impl Report {
    pub(crate) fn new(kind: &'static str, exit: Exit, message: impl ToString) -> Self {
        Self {
            kind,
            exit,
            result: None,
            code: None,
            name: None,
            message: message.to_string(),
            headline: None,
            operation_id: None,
            tracking_id: None,
            date: None,
            causes: Vec::new(),
            remedies: Vec::new(),
            group: None,
            timings: None,
        }
    }

    /// Bad input: names the argument and the reason.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new("usage", Exit::Usage, message)
    }

    /// A defect of ours.
    pub(crate) fn internal(message: impl ToString) -> Self {
        Self::new("internal", Exit::Internal, message)
    }

    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }

    /// The lines for a person, without the `error:` in front.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let code = self.code.map(|code| match self.name {
            Some(name) => format!("{code} {name}"),
            None => code.to_string(),
        });
        let facts = [
            ("code", code),
            ("operation", self.operation_id.clone().filter(|_| self.headline.is_none())),
            ("tracking id", self.tracking_id.clone().filter(|id| !id.is_empty())),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let causes = self.causes.iter().map(|cause| ("cause", cause.clone()));
        let remedies = self.remedies.iter().map(|remedy| ("try", remedy.clone()));
        facts.chain(causes).chain(remedies).collect()
    }
}
