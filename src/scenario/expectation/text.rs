//! A text that is expected: itself, or `{ regex = "…" }`.

use regex_lite::Regex;
use serde::{Deserialize, Deserializer, de};

use super::shape::TextOrTable;

/// A text, or a pattern of texts.
#[derive(Debug, Clone)]
pub enum TextPattern {
    /// This text.
    Is(String),
    /// Any in which this is found.
    Like(Regex),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    regex: String,
}

impl TextPattern {
    /// The pattern of all texts in which a regular expression is found.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn like(regex: &str) -> Result<Self, String> {
        let regex = Regex::new(regex).map_err(|error| format!("no regular expression: {error}"))?;
        Ok(Self::Like(regex))
    }

    /// Whether a text is what is expected.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Is(expected) => expected == text,
            Self::Like(regex) => regex.is_match(text),
        }
    }
}

/// As it stands in a difference: `"text"`, or `like /regex/`.
impl std::fmt::Display for TextPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Is(text) => write!(f, "{text:?}"),
            Self::Like(regex) => write!(f, "like /{}/", regex.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for TextPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextOrTable::<Table>::deserialize(deserializer)? {
            TextOrTable::Text(text) => Ok(Self::Is(text)),
            TextOrTable::Table(Table { regex }) => Self::like(&regex).map_err(de::Error::custom),
        }
    }
}
