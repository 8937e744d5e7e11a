//! JSON as it goes over the wire: payloads that pass through untouched, replies in pure ASCII.

use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

/// A text that is not one JSON value.
#[derive(Debug, Error)]
#[error("not valid JSON: {0}")]
pub struct PayloadError(#[from] serde_json::Error);

/// One JSON value of a device or webhook, kept as written: numbers keep their digits and members
/// their order, only white space between tokens is dropped.
#[derive(Clone)]
pub struct Payload(Box<RawValue>);

impl Payload {
    /// The value as compact JSON.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// What a value of our own is as JSON.
    pub fn of(value: &impl Serialize) -> Self {
        let json = serde_json::value::to_raw_value(value);
        Self(json.unwrap_or_else(|_| unreachable!("what is written has names for its members")))
    }

    /// What is to be said before it is sent, if it is one that DPS refuses (A.5).
    pub fn warning(&self) -> Option<&'static str> {
        let is_taken = self.as_json().starts_with('{') || self.is_null();
        (!is_taken).then_some(
            "the payload is no JSON object; DPS takes objects only, and refuses others with 400012",
        )
    }

    /// Whether the value is `null`, which on the wire means "no payload" (A.5).
    pub fn is_null(&self) -> bool {
        self.as_json() == "null"
    }
}

impl FromStr for Payload {
    type Err = PayloadError;

    fn from_str(text: &str) -> Result<Self, PayloadError> {
        // A value that serde_json reads whole is one that every reader on the way can take; mere
        // well-formedness is not enough, because it says nothing of depth or of number ranges.
        serde_json::from_str::<serde::de::IgnoredAny>(text)?;
        Ok(Self(RawValue::from_string(compact(text))?))
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        RawValue::from_string(compact(raw.get())).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The members of a JSON object in their order, each kept as written.
#[derive(Clone, Default, PartialEq)]
pub struct Members(Vec<(Box<str>, Payload)>);

impl Members {
    /// Adds a member behind the others.
    pub fn add(&mut self, name: &str, value: &impl Serialize) {
        self.0.push((name.into(), Payload::of(value)));
    }

    /// Adds a member behind the others if it has a value.
    pub fn add_some(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.add(name, &value);
        }
    }

    /// Adds these behind the others.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// The same without those that have one of these names.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&&**name));
        self
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Payload> {
        self.0.iter().find_map(|(key, value)| (**key == *name).then_some(value))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Payload)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some(member) = map.next_entry()? {
                    members.0.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Drops the white space between the tokens of a JSON text that is known to be well-formed.
fn compact(json: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    json.chars()
        .filter(|&c| {
            if in_string {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
                return true;
            }
            in_string = c == '"';
            !matches!(c, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

/// Reads a JSON object. (serde would take an array in its place, member by member.)
pub fn from_json_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, serde_json::Error> {
    match json.trim_ascii_start().first() {
        Some(b'{') | None => serde_json::from_slice(json),
        Some(_) => {
            // What is no JSON at all is a syntax error and not one of shape.
            serde_json::from_slice::<serde::de::IgnoredAny>(json)?;
            Err(serde::de::Error::custom("expected a JSON object"))
        }
    }
}

/// `value` as compact JSON in which every character beyond ASCII is escaped: the Node client
/// decodes MQTT payloads as 7-bit ASCII.
pub fn to_ascii_json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?;
    if json.is_ascii() {
        return Ok(json);
    }
    let mut ascii = String::with_capacity(json.len() + 16);
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_payload_keeps_its_digits_and_order_and_loses_only_white_space() {
        let payload: Payload =
            "{ \"z\": 1.50,\n\t\"a\": [1e3, 12345678901234567890.0, \" \\\" x \"] }"
                .parse()
                .unwrap();

        assert_eq!(payload.as_json(), r#"{"z":1.50,"a":[1e3,12345678901234567890.0," \" x "]}"#);
    }

    #[test]
    fn members_keep_their_order_and_what_is_written() {
        let mut members: Members = from_json_object(br#"{"z": 1.50, "a": {"n": 1e3}}"#).unwrap();
        members.add("b", &"x");

        assert_eq!(serde_json::to_string(&members).unwrap(), r#"{"z":1.50,"a":{"n":1e3},"b":"x"}"#);
        assert_eq!(members.get("a").unwrap().as_json(), r#"{"n":1e3}"#);
        assert_eq!(members.without(&["z", "b"]).names().collect::<Vec<_>>(), ["a"]);
        assert!(from_json_object::<Members>(b"[1]").is_err());
    }

    #[test]
    fn every_kind_of_json_value_is_a_payload_and_nothing_else_is() {
        for good in ["{}", "[]", "null", "true", "0", "\"x\""] {
            assert_eq!(good.parse::<Payload>().unwrap().as_json(), good);
        }
        for bad in ["", "{", "{a:1}", "1 2", "'x'", "{\"a\":1,}"] {
            assert!(bad.parse::<Payload>().is_err(), "{bad}");
        }
    }

    #[test]
    fn replies_are_ascii_and_read_back_the_same() {
        let json = to_ascii_json(&"Küche 🍞").unwrap();

        assert_eq!(json, r#""K\u00fcche \ud83c\udf5e""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "Küche 🍞");
    }

    proptest! {
        #[test]
        fn compacting_never_changes_the_value(text in "\\PC{0,40}", number in any::<f64>(), flag: bool) {
            let value = serde_json::json!({ "t": text, "n": [number, flag, { "inner": text }] });
            let pretty = serde_json::to_string_pretty(&value).unwrap();

            let payload: Payload = pretty.parse().unwrap();

            prop_assert_eq!(payload.as_json(), serde_json::to_string(&value).unwrap());
            let ascii = to_ascii_json(&value).unwrap();
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&ascii).unwrap(), serde_json::from_str::<serde_json::Value>(&pretty).unwrap());
        }
    }
}
