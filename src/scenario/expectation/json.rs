//! A JSON value that is expected, as far as it is named: an object may have more members than those.
//!
//! Three objects are no values but say what may stand in their place: `{ regex = "…" }` any text in
//! which it is found, `{ exactly = … }` this value and no member more, `{ absent = true }` nothing.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Number, Value};

use super::text::TextPattern;

/// How long a value is shown in a difference, in characters.
const LONGEST: usize = 200;

/// A JSON value, as far as it is named.
#[derive(Debug, Clone)]
pub struct JsonPattern(Pattern);

#[derive(Debug, Clone)]
enum Pattern {
    /// These members, and any more.
    Members(Vec<(String, Pattern)>),
    /// These items, in this order, and no more.
    Items(Vec<Pattern>),
    /// Such a text.
    Text(TextPattern),
    /// This number, `true`, `false` or `null`.
    Is(Value),
    /// This value, whole.
    Exactly(Value),
    /// Nothing.
    Absent,
}

impl JsonPattern {
    /// What a value of the file stands for.
    ///
    /// # Errors
    ///
    /// If one of the objects that stand for others is wrong.
    pub fn new(value: Value) -> Result<Self, String> {
        Pattern::of(value).map(Self)
    }

    /// Each way in which a value is not what is expected, by the member's path, which begins with
    /// `at`: `payload.model: expected "x", got "y"`.
    pub fn differences(&self, at: &str, actual: Option<&Value>) -> Vec<String> {
        let mut differences = Vec::new();
        self.0.compare(at, actual, &mut differences);
        differences
    }
}

impl<'de> Deserialize<'de> for JsonPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Pattern {
    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(Self::Text(TextPattern::Is(text))),
            Value::Array(items) => {
                items.into_iter().map(Self::of).collect::<Result<_, _>>().map(Self::Items)
            }
            Value::Object(members) => Self::of_object(members),
            value => Ok(Self::Is(value)),
        }
    }

    fn of_object(mut members: Map<String, Value>) -> Result<Self, String> {
        if members.len() == 1 {
            if let Some(whole) = members.remove("exactly") {
                return Ok(Self::Exactly(whole));
            }
            match (members.get("regex"), members.get("absent")) {
                (Some(Value::String(regex)), _) => return TextPattern::like(regex).map(Self::Text),
                (_, Some(Value::Bool(true))) => return Ok(Self::Absent),
                _ => {}
            }
        }
        let members = members.into_iter().map(|(name, value)| Ok((name, Self::of(value)?)));
        members.collect::<Result<_, _>>().map(Self::Members)
    }

    fn compare(&self, at: &str, actual: Option<&Value>, differences: &mut Vec<String>) {
        let mut differs = |expected: &str| {
            let got = actual.map_or_else(|| "none".to_owned(), shown);
            differences.push(format!("{at}: expected {expected}, got {got}"));
        };
        match (self, actual) {
            (Self::Members(members), Some(Value::Object(actual))) => {
                for (name, pattern) in members {
                    pattern.compare(&format!("{at}.{name}"), actual.get(name), differences);
                }
            }
            (Self::Items(items), Some(Value::Array(actual))) if items.len() == actual.len() => {
                for (index, (pattern, actual)) in items.iter().zip(actual).enumerate() {
                    pattern.compare(&format!("{at}[{index}]"), Some(actual), differences);
                }
            }
            (Self::Items(items), Some(Value::Array(actual))) => {
                differences.push(format!(
                    "{at}: expected {} items, got {}",
                    items.len(),
                    actual.len()
                ));
            }
            (Self::Text(pattern), Some(Value::String(text))) if pattern.matches(text) => {}
            (Self::Is(value), Some(actual)) if is_same(value, actual) => {}
            (Self::Exactly(value), Some(actual)) if is_same(value, actual) => {}
            (Self::Absent, None) => {}
            (Self::Members(members), _) if members.is_empty() => differs("an object"),
            // Each by its name, so that nobody has to look for it in what is printed.
            (Self::Members(members), None) => {
                for (name, pattern) in members {
                    pattern.compare(&format!("{at}.{name}"), None, differences);
                }
            }
            (Self::Members(_), Some(_)) => differs("an object"),
            (Self::Items(_), _) => differs("an array"),
            (Self::Text(pattern), _) => differs(&pattern.to_string()),
            (Self::Is(value), _) => differs(&shown(value)),
            (Self::Exactly(value), _) => differs(&format!("exactly {}", shown(value))),
            (Self::Absent, _) => differs("none"),
        }
    }
}

/// Whether two values are the same: numbers by what they are, not by how they are written.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => is_same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| is_same(one, other)))
        }
        (one, other) => one == other,
    }
}

fn is_same_number(one: &Number, other: &Number) -> bool {
    one == other || (one.is_f64() != other.is_f64() && one.as_f64() == other.as_f64())
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
