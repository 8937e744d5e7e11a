//! When the properties of a twin were last changed, each on its own (`$metadata`, I).
//!
//! Pure. A section has a time, and so has each member of each object in it; an array is a value like
//! any other.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::wire::timestamp;

/// When something was last changed, and which of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// When.
    pub at: SystemTime,
    /// The version of the section that it came with.
    pub version: u64,
    /// The same of its members. One that is not named has never been changed.
    pub members: BTreeMap<String, Metadata>,
}

impl Metadata {
    /// Of something whose members, if it has any, were never changed.
    pub fn new(at: SystemTime, version: u64) -> Self {
        Self { at, version, members: BTreeMap::new() }
    }

    /// Takes in what a merge patch names (RFC 7396): that is what it changes, even to the same value.
    #[must_use]
    pub fn patched(&self, patch: &Map<String, Value>, at: SystemTime, version: u64) -> Self {
        let mut members = self.members.clone();
        for (name, change) in patch {
            match change {
                Value::Null => drop(members.remove(name)),
                Value::Object(change) => {
                    let before = members.remove(name).unwrap_or_else(|| Self::new(at, version));
                    members.insert(name.clone(), before.patched(change, at, version));
                }
                _ => drop(members.insert(name.clone(), Self::new(at, version))),
            }
        }
        Self { at, version, members }
    }

    /// Of something of which all was changed at once.
    pub fn of_all(values: &Map<String, Value>, at: SystemTime, version: u64) -> Self {
        let members = values.iter().map(|(name, value)| {
            let member = match value {
                Value::Object(values) => Self::of_all(values, at, version),
                _ => Self::new(at, version),
            };
            (name.clone(), member)
        });
        Self { at, version, members: members.collect() }
    }

    /// As it is shown, in the order of `values`; with versions, as desired properties have them. What
    /// was never changed is `original`.
    pub fn shown(&self, values: &Map<String, Value>, original: &Self, has_versions: bool) -> Value {
        let mut shown = Map::new();
        shown.insert("$lastUpdated".to_owned(), timestamp(self.at).into());
        if has_versions {
            shown.insert("$lastUpdatedVersion".to_owned(), self.version.into());
        }
        let none = Map::new();
        for (name, value) in values {
            let member = self.members.get(name).unwrap_or(original);
            let values = value.as_object().unwrap_or(&none);
            shown.insert(name.clone(), member.shown(values, original, has_versions));
        }
        Value::Object(shown)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn object(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn i_what_a_patch_names_is_new_and_all_else_keeps_its_time() {
        let original = Metadata::new(at(1), 1);

        let metadata = original.patched(&object(r#"{"led":{"hue":8},"old":null}"#), at(2), 2);

        let after = object(r#"{"led":{"on":true,"hue":8},"b":[1],"c":{"d":1}}"#);
        let shown = |has_versions| metadata.shown(&after, &original, has_versions);
        let (first, second) = ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z");
        let expected = format!(
            "{{\"$lastUpdated\":\"{second}\",\"led\":{{\"$lastUpdated\":\"{second}\",\
             \"on\":{{\"$lastUpdated\":\"{first}\"}},\"hue\":{{\"$lastUpdated\":\"{second}\"}}}},\
             \"b\":{{\"$lastUpdated\":\"{first}\"}},\"c\":{{\"$lastUpdated\":\"{first}\",\
             \"d\":{{\"$lastUpdated\":\"{first}\"}}}}}}"
        );
        assert_eq!(shown(false).to_string(), expected);
        assert_eq!(shown(true)["led"]["$lastUpdatedVersion"], 2);
        assert_eq!(shown(true)["led"]["on"]["$lastUpdatedVersion"], 1);
        let all = Metadata::of_all(&after, at(3), 3);
        let all = all.shown(&after, &original, false).to_string();
        assert!(!all.contains(first) && !all.contains(second), "{all}");
    }

    #[test]
    fn i_what_becomes_another_kind_of_value_forgets_its_members() {
        let metadata = Metadata::new(at(1), 1).patched(&object(r#"{"a":{"b":1}}"#), at(2), 2);

        let metadata = metadata.patched(&object(r#"{"a":7}"#), at(3), 3);

        assert_eq!(metadata.members["a"], Metadata::new(at(3), 3));
    }
}
