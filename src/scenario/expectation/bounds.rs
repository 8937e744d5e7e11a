//! How long something may take: `{ atLeast = "3s", atMost = "10s" }`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::text::written;

/// A duration from, and to; both count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    at_least: Option<Duration>,
    at_most: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Table {
    at_least: Option<String>,
    at_most: Option<String>,
}

impl Bounds {
    /// What is wrong with a duration, if anything: `took: expected at least 3s, got 1s`.
    pub fn difference(&self, what: &str, actual: Duration) -> Option<String> {
        let wrong = |bound: &str, limit: Duration| {
            // Exact, or a difference of a moment would not be seen.
            let actual = written(Duration::from_micros(actual.as_micros() as u64));
            format!("{what}: expected {bound} {}, got {actual}", written(limit))
        };
        let early = self.at_least.filter(|least| actual < *least);
        let late = self.at_most.filter(|most| actual > *most);
        early.map(|least| wrong("at least", least)).or(late.map(|most| wrong("at most", most)))
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table { at_least, at_most } = Table::deserialize(deserializer)?;
        let read = |text: Option<String>| {
            let read = |text: String| {
                humantime::parse_duration(&text).map_err(|_| {
                    de::Error::custom(format!("write a duration, such as \"3s\", not {text:?}"))
                })
            };
            text.map(read).transpose()
        };
        let bounds = Self { at_least: read(at_least)?, at_most: read(at_most)? };
        match bounds {
            Self { at_least: None, at_most: None } => {
                Err(de::Error::custom("name atLeast, atMost, or both"))
            }
            Self { at_least: Some(least), at_most: Some(most) } if least > most => {
                Err(de::Error::custom("atLeast is more than atMost"))
            }
            bounds => Ok(bounds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(json: &str) -> Result<Bounds, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn both_ends_count() {
        let bounds = bounds(r#"{"atLeast": "3s", "atMost": "10s"}"#).unwrap();
        let told = |millis| bounds.difference("took", Duration::from_millis(millis));

        assert_eq!((told(3000), told(10_000)), (None, None));
        assert_eq!(told(2999).unwrap(), "took: expected at least 3s, got 2s999ms");
        assert_eq!(told(12_000).unwrap(), "took: expected at most 10s, got 12s");
    }

    #[test]
    fn bounds_that_nothing_or_everything_is_within_are_refused() {
        for (json, told) in [
            ("{}", "name atLeast, atMost"),
            (r#"{"atLeast": "3s", "atMost": "1s"}"#, "atLeast is more than atMost"),
            (r#"{"atMost": "soon"}"#, "write a duration, such as \"3s\", not \"soon\""),
        ] {
            let error = bounds(json).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
