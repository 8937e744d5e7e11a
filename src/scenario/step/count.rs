//! How many there should be: a number, or `{ atLeast = 1, atMost = 3 }`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// How many of something are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    least: u64,
    most: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Range {
    at_least: Option<u64>,
    at_most: Option<u64>,
}

impl Count {
    /// So many, or more.
    pub fn at_least(least: u64) -> Self {
        Self { least, most: u64::MAX }
    }

    /// Whether so many are allowed.
    pub fn allows(self, count: u64) -> bool {
        (self.least..=self.most).contains(&count)
    }

    /// What is wrong with so many: `registers: expected 1, got 2`.
    pub fn difference(self, what: &str, actual: u64) -> Option<String> {
        (!self.allows(actual)).then(|| format!("{what}: expected {self}, got {actual}"))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, u64::MAX) => write!(f, "at least {least}"),
            (0, most) => write!(f, "at most {most}"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or an object of atLeast and atMost")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Count, E> {
                Ok(Count { least: count, most: count })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Count, A::Error> {
                let range = Range::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let (least, most) =
                    (range.at_least.unwrap_or(0), range.at_most.unwrap_or(u64::MAX));
                match range {
                    Range { at_least: None, at_most: None } => {
                        Err(de::Error::custom("name atLeast, atMost, or both"))
                    }
                    _ if least > most => Err(de::Error::custom("atLeast is more than atMost")),
                    _ => Ok(Count { least, most }),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(json: &str) -> Result<Count, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_count_is_a_number_or_bounds_of_which_both_count() {
        let told = |json: &str, actual| count(json).unwrap().difference("polls", actual);

        assert_eq!(told("1", 1), None);
        assert_eq!(told("1", 2).unwrap(), "polls: expected 1, got 2");
        assert_eq!(told(r#"{"atLeast":1,"atMost":3}"#, 3), None);
        assert_eq!(
            told(r#"{"atLeast":1,"atMost":3}"#, 4).unwrap(),
            "polls: expected 1 to 3, got 4"
        );
        assert_eq!(told(r#"{"atLeast":2}"#, 1).unwrap(), "polls: expected at least 2, got 1");
        assert_eq!(told(r#"{"atMost":2}"#, 3).unwrap(), "polls: expected at most 2, got 3");
    }

    #[test]
    fn bounds_that_nothing_is_within_are_refused() {
        assert!(count("{}").unwrap_err().contains("name atLeast"));
        assert!(count(r#"{"atLeast":2,"atMost":1}"#).unwrap_err().contains("more than atMost"));
        assert!(count("-1").is_err() && count(r#""1""#).is_err());
    }
}
