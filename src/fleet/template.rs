//! Texts with places for what differs from device to device: `{n}`, `{n:06}`, `{reg_id}`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::wire::{IdError, MAX_MESSAGE, Payload, RegistrationId};

/// Longest number that `{n:WIDTH}` can ask for: a `u64` has no more digits.
const MAX_WIDTH: usize = 20;

/// Why a text is no pattern of registration IDs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// All devices would have the same name.
    #[error("it has no {{n}}, so that all devices would have the same name")]
    NoNumber,
    /// Braces around something else.
    #[error("{0} is not known here; write {{n}}, or {{n:06}} for at least six digits")]
    Unknown(
        /// The braces and what is in them.
        String,
    ),
    /// What it makes is no registration ID.
    #[error("it makes {id:?}, which is no registration ID: {reason}")]
    NoId {
        /// What it makes.
        id: String,
        /// Why that is none.
        reason: IdError,
    },
}

/// Why a text is no template of payloads.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PayloadTemplateError {
    /// What it makes is not JSON.
    #[error("for {registration_id} it makes {reason}")]
    NotJson {
        /// The device.
        registration_id: RegistrationId,
        /// What is wrong.
        reason: crate::wire::PayloadError,
    },
    /// What it makes is too long.
    #[error(
        "for {registration_id} it makes {length} bytes; DPS takes messages of up to {MAX_MESSAGE}"
    )]
    TooLong {
        /// The device.
        registration_id: RegistrationId,
        /// Bytes made.
        length: usize,
    },
}

/// Makes a registration ID of a number: `sim-{n:06}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPattern(Template);

/// Makes a payload of a registration ID and a number: `{"serial":"{reg_id}"}`.
///
/// Registration IDs hold nothing that JSON would have to escape. Whatever else stands in braces is
/// JSON and is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadTemplate(Template);

/// Makes the name of a file of a registration ID and a number: `keys/{reg_id}.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePattern(Template);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The number, with at least so many digits.
    Number(usize),
    RegistrationId,
}

impl IdPattern {
    /// The ID of device `number`, counted from 0.
    ///
    /// # Errors
    ///
    /// If the result is no registration ID; see [`check`](Self::check).
    pub fn id(&self, number: u64) -> Result<RegistrationId, PatternError> {
        let id = self.0.render(number, "");
        id.parse().map_err(|reason| PatternError::NoId { id, reason })
    }

    /// Checks that all of the first `count` devices have an ID: only the length of a number can
    /// make one bad that follows a good one.
    ///
    /// # Errors
    ///
    /// If the first or the last has none.
    pub fn check(&self, count: u64) -> Result<(), PatternError> {
        self.id(0)?;
        self.id(count.saturating_sub(1)).map(|_| ())
    }
}

impl FromStr for IdPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let template = Template::read(text);
        let stray = template.0.iter().find_map(|part| match part {
            Part::RegistrationId => Some("{reg_id}".to_owned()),
            Part::Text(text) => text.find('{').map(|start| {
                let rest = &text[start..];
                rest[..rest.find('}').map_or(rest.len(), |end| end + 1)].to_owned()
            }),
            Part::Number(_) => None,
        });
        if let Some(stray) = stray {
            return Err(PatternError::Unknown(stray));
        }
        if !template.0.iter().any(|part| matches!(part, Part::Number(_))) {
            return Err(PatternError::NoNumber);
        }
        Ok(Self(template))
    }
}

impl PayloadTemplate {
    /// Reads a template. Every text is one; whether it makes JSON is found by
    /// [`payload`](Self::payload).
    pub fn new(text: &str) -> Self {
        Self(Template::read(text))
    }

    /// The payload of one device.
    ///
    /// # Errors
    ///
    /// If it is not one JSON value, or longer than a message may be.
    pub fn payload(
        &self,
        registration_id: &RegistrationId,
        number: u64,
    ) -> Result<Payload, PayloadTemplateError> {
        let text = self.0.render(number, registration_id.as_str());
        let registration_id = registration_id.clone();
        match text.parse::<Payload>() {
            Ok(payload) if payload.as_json().len() > MAX_MESSAGE => {
                let length = payload.as_json().len();
                Err(PayloadTemplateError::TooLong { registration_id, length })
            }
            Ok(payload) => Ok(payload),
            Err(reason) => Err(PayloadTemplateError::NotJson { registration_id, reason }),
        }
    }
}

impl FilePattern {
    /// The name of one device's file.
    pub fn path(&self, registration_id: &RegistrationId, number: u64) -> PathBuf {
        self.0.render(number, registration_id.as_str()).into()
    }

    /// Whether each device has a file of its own.
    pub fn tells_apart(&self) -> bool {
        !self.0.0.iter().all(|part| matches!(part, Part::Text(_)))
    }
}

impl FromStr for FilePattern {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Template::read(text)))
    }
}

impl Template {
    fn read(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            literal.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = rest.find('}').map_or(rest.len(), |end| end + 1);
            match Part::of(&rest[..end]) {
                Some(part) => {
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                    rest = &rest[end..];
                }
                None => {
                    literal.push('{');
                    rest = &rest[1..];
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self(parts)
    }

    fn render(&self, number: u64, registration_id: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                // Writing to a string does not fail.
                Part::Number(width) => {
                    let _ = write!(text, "{number:0width$}");
                }
                Part::RegistrationId => text.push_str(registration_id),
            }
        }
        text
    }
}

impl Part {
    /// The meaning of a text in braces, braces included.
    fn of(text: &str) -> Option<Self> {
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        match name {
            "n" => Some(Self::Number(1)),
            "reg_id" => Some(Self::RegistrationId),
            _ => {
                let width = name.strip_prefix("n:")?;
                let is_number = !width.is_empty() && width.bytes().all(|b| b.is_ascii_digit());
                let width = width.parse().ok().filter(|_| is_number)?;
                (1..=MAX_WIDTH).contains(&width).then_some(Self::Number(width))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Result<IdPattern, String> {
        text.parse().map_err(|error: PatternError| error.to_string())
    }

    #[test]
    fn a_pattern_numbers_the_devices() {
        let made = |text: &str, number| pattern(text).unwrap().id(number).unwrap().to_string();

        assert_eq!(made("sim-{n:06}", 42), "sim-000042");
        assert_eq!(made("sim-{n}", 42), "sim-42");
        assert_eq!(made("{n:2}:hall-{n}", 123), "123:hall-123");
    }

    #[test]
    fn a_pattern_that_names_no_devices_says_why() {
        for (text, said) in [
            ("sim", "it has no {n}"),
            ("sim-{i}", "{i} is not known here"),
            ("sim-{n:x}-{n}", "{n:x} is not known here"),
            ("sim-{n}-{reg_id}", "{reg_id} is not known here"),
            ("sim-{n}-{n:99}", "{n:99} is not known here"),
            ("sim-{n", "{n is not known here"),
        ] {
            let error = pattern(text).unwrap_err();
            assert!(error.starts_with(said), "{text}: {error}");
        }
        let bad = pattern("sim {n}").unwrap().check(1).unwrap_err().to_string();
        assert!(bad.contains("\"sim 0\", which is no registration ID"), "{bad}");
        let long = pattern(&format!("{}{{n}}", "x".repeat(127))).unwrap();
        assert_eq!(long.check(10), Ok(()));
        assert!(matches!(long.check(11), Err(PatternError::NoId { .. })));
    }

    #[test]
    fn a_payload_keeps_the_braces_of_json() {
        let template = PayloadTemplate::new(r#"{"id":"{reg_id}","n":{n},"x":{"y":"{z}"},"e":{}}"#);

        let payload = template.payload(&"pump-7".parse().unwrap(), 7).unwrap();

        assert_eq!(payload.as_json(), r#"{"id":"pump-7","n":7,"x":{"y":"{z}"},"e":{}}"#);
        let error = PayloadTemplate::new("{n").payload(&"a".parse().unwrap(), 1).unwrap_err();
        assert!(error.to_string().starts_with("for a it makes not valid JSON"), "{error}");
        let long = PayloadTemplate::new(&format!("\"{}\"", "x".repeat(MAX_MESSAGE)));
        let error = long.payload(&"a".parse().unwrap(), 1).unwrap_err();
        assert!(matches!(error, PayloadTemplateError::TooLong { .. }));
    }

    proptest! {
        #[test]
        fn devices_never_share_a_name(width in 1..8_usize, a in 0..2_000_000_u64, b in 0..2_000_000_u64) {
            let pattern = pattern(&format!("p-{{n:{width}}}")).unwrap();

            prop_assert_eq!(pattern.id(a).unwrap() == pattern.id(b).unwrap(), a == b);
        }

        #[test]
        fn no_text_is_too_much(text in "[{}n:0-9a-z_ ]{0,40}") {
            let _ = text.parse::<IdPattern>().map(|pattern| pattern.id(7));
            let _ = PayloadTemplate::new(&text).payload(&"a".parse().unwrap(), 7);
        }
    }
}
