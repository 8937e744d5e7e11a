//! A section of a twin: a JSON object that keeps its numbers as they were written (K-7).
//!
//! Pure. A section is its own compact text: a value read into memory would forget that `1.50` was not
//! `1.5`, and takes several times the room. It is taken apart only to be changed or looked into. Names
//! and texts are written in one way, whatever escapes they came with, and a name is there once (J-193).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A JSON object as compact text. Copies share it, and an empty one takes no room.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Section(Option<Arc<str>>);

impl Section {
    /// Takes an object over, its numbers as they are written.
    ///
    /// # Errors
    ///
    /// If it is no JSON object.
    pub fn read(json: &str) -> Result<Self, serde_json::Error> {
        // First as a value: what is only well-formed may still have texts or numbers that no reader can
        // take, or be nested beyond what the stack can.
        serde_json::from_str::<Map<String, Value>>(json)?;
        Ok(Self::of(written(members(json)?)?))
    }

    /// What is known to be the text of a section.
    pub(in crate::service) fn of_text(json: &str) -> Option<Self> {
        (json.starts_with('{') && json.ends_with('}')).then(|| Self::of(json))
    }

    fn of(text: impl AsRef<str> + Into<Arc<str>>) -> Self {
        Self((text.as_ref() != EMPTY).then(|| text.into()))
    }

    /// Its text.
    pub fn as_json(&self) -> &str {
        self.0.as_deref().unwrap_or(EMPTY)
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Its members as values, to be looked into: in these, numbers are only what they are worth.
    pub fn values(&self) -> Map<String, Value> {
        serde_json::from_str(self.as_json()).unwrap_or_default()
    }

    /// Takes in a merge patch (RFC 7396). What it does not name stays as it is written.
    #[must_use]
    pub fn merged(&self, patch: &Self) -> Self {
        // Both have been read before.
        merged(self.as_json(), patch.as_json()).map_or_else(|_| self.clone(), Self::of)
    }

    /// The same without the members of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let kept = members(self.as_json()).and_then(|mut members| {
            members.retain(|(name, _)| !names.contains(&&**name));
            written(members)
        });
        kept.map_or_else(|_| self.clone(), Self::of)
    }

    /// The same with a member more, behind the others.
    #[must_use]
    pub fn with(&self, name: &str, value: &impl Serialize) -> Self {
        let json = self.as_json();
        let comma = if self.is_empty() { "" } else { "," };
        match (serde_json::to_string(name), serde_json::to_string(value)) {
            (Ok(name), Ok(value)) => {
                Self::of(format!("{}{comma}{name}:{value}}}", &json[..json.len() - 1]))
            }
            _ => self.clone(),
        }
    }
}

const EMPTY: &str = "{}";

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.as_json())
            .map_err(serde::ser::Error::custom)?
            .serialize(to)
    }
}

type Member<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The members of an object in their order, their values as written. Of two with one name the last
/// counts, in the place of the first.
fn members(object: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    let Raw(all) = serde_json::from_str(object)?;
    let mut members = Members::default();
    for (name, value) in all {
        members.put(name, Cow::Borrowed(value.get()));
    }
    Ok(members.list())
}

/// Members that are found by their names, in the order in which they came.
#[derive(Default)]
struct Members<'a> {
    list: Vec<Option<Member<'a>>>,
    places: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.list.get(*self.places.get(name)?)?.as_ref()?;
        Some(value)
    }

    fn put(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        match self.places.get(&name) {
            Some(place) => self.list[*place] = Some((name, value)),
            None => {
                self.places.insert(name.clone(), self.list.len());
                self.list.push(Some((name, value)));
            }
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(place) = self.places.remove(name) {
            self.list[place] = None;
        }
    }

    fn list(self) -> Vec<Member<'a>> {
        self.list.into_iter().flatten().collect()
    }
}

/// A merge patch (RFC 7396) of one object.
fn merged(target: &str, patch: &str) -> Result<String, serde_json::Error> {
    let mut result = Members::default();
    for (name, value) in members(target)? {
        result.put(name, value);
    }
    for (name, change) in members(patch)? {
        match change.as_bytes().first() {
            Some(b'n') => result.remove(&name),
            Some(b'{') => {
                let before = result.get(&name).filter(|value| value.starts_with('{'));
                let value = merged(before.unwrap_or(EMPTY), &change)?;
                result.put(name, value.into());
            }
            _ => result.put(name, change),
        }
    }
    written(result.list())
}

/// An object of these members.
fn written(members: Vec<Member<'_>>) -> Result<String, serde_json::Error> {
    let mut text = String::from("{");
    for (name, value) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text += &serde_json::to_string(&name)?;
        text.push(':');
        text += &compact(&value)?;
    }
    text.push('}');
    Ok(text)
}

/// A value in the one way in which it is kept. Numbers stay as they are.
fn compact(value: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    Ok(match value.as_bytes().first() {
        Some(b'{') => written(members(value)?)?.into(),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value)?;
            let items: Result<Vec<_>, _> = items.iter().map(|item| compact(item.get())).collect();
            format!("[{}]", items?.join(",")).into()
        }
        Some(b'"') if value.contains('\\') => {
            serde_json::to_string(&serde_json::from_str::<String>(value)?)?.into()
        }
        _ => value.into(),
    })
}

/// All members of an object as they stand in its text.
struct Raw<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Raw(members))
            }
        }

        from.deserialize_map(Object)
    }
}

/// A name, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn section(json: &str) -> Section {
        Section::read(json).unwrap()
    }

    fn merge(target: &str, patch: &str) -> String {
        section(target).merged(&section(patch)).to_string()
    }

    /// J-193.
    #[test]
    fn k_7_numbers_stay_as_written_and_all_else_is_written_in_one_way() {
        let read = section(
            "{ \"z\": 1.50, \"a\": [1e3, {\"b\" : -0.0}], \"\\u00fc\": \"\\u00fc \\\" \\/\",\n \"e\": {} }",
        );

        assert_eq!(read.as_json(), r#"{"z":1.50,"a":[1e3,{"b":-0.0}],"ü":"ü \" /","e":{}}"#);
        assert_eq!(section(" { } "), Section::default());
        let twice = section(r#"{"a":{"x":1,"x":2},"b":1,"\u0061":[{"y":1,"y":2.0}]}"#);
        assert_eq!(twice.as_json(), r#"{"a":[{"y":2.0}],"b":1}"#);
    }

    #[test]
    fn k_7_a_merge_leaves_what_it_does_not_name_as_it_is_written() {
        let before = r#"{"n":1e3,"led":{"hue":1.50,"on":true},"old":1.0,"list":[2.50]}"#;

        for (patch, after) in [
            ("{}", before),
            (
                r#"{"led":{"on":null,"new":0.10},"old":null}"#,
                r#"{"n":1e3,"led":{"hue":1.50,"new":0.10},"list":[2.50]}"#,
            ),
            (
                r#"{"n":{"x":1e2,"no":null},"led":7e0,"list":[null,1.0]}"#,
                r#"{"n":{"x":1e2},"led":7e0,"old":1.0,"list":[null,1.0]}"#,
            ),
        ] {
            assert_eq!(merge(before, patch), after);
        }
        assert_eq!(merge(r#"{"a":1,"b":2}"#, r#"{"a":null,"b":null}"#), "{}");
        // Of two with one name the last is the patch.
        assert_eq!(merge("{}", r#"{"a":{"b":1},"a":{"c":2}}"#), r#"{"a":{"c":2}}"#);
    }

    #[test]
    fn what_no_reader_can_take_is_no_section() {
        for json in ["", "[1]", "7", "null", "{", "{} {}", r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#] {
            assert!(Section::read(json).is_err(), "{json}");
        }
        assert!(
            Section::read(&format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200))).is_err()
        );
    }

    #[test]
    fn members_are_added_behind_and_left_out_by_name() {
        let one = section(r#"{"a":1e3,"$version":7}"#).without(&["$version"]);

        assert_eq!(one.with("$version", &2).as_json(), r#"{"a":1e3,"$version":2}"#);
        assert_eq!(Section::default().with("$version", &2).as_json(), r#"{"$version":2}"#);
        assert_eq!(one.without(&["a"]), Section::default());
    }

    /// The same by values.
    fn by_value(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
        for (name, change) in patch {
            match change {
                Value::Null => drop(target.shift_remove(name)),
                Value::Object(change) => {
                    let mut inner = match target.get(name) {
                        Some(Value::Object(inner)) => inner.clone(),
                        _ => Map::new(),
                    };
                    by_value(&mut inner, change);
                    target.insert(name.clone(), Value::Object(inner));
                }
                other => drop(target.insert(name.clone(), other.clone())),
            }
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()).prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                object(inner).prop_map(Value::Object),
            ]
        })
    }

    /// Few names, so that they meet.
    fn object(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
        let name = prop_oneof!["[a-c]", Just("ü\"\\\n".to_owned())];
        prop::collection::vec((name, values), 0..5).prop_map(|all| all.into_iter().collect())
    }

    proptest! {
        #[test]
        fn k_7_merging_texts_is_merging_values(target in object(json()), patch in object(json())) {
            let text = |it: &Map<String, Value>| serde_json::to_string_pretty(it).unwrap();
            // As it is kept: without the nulls of a patch.
            let mut kept = Map::new();
            by_value(&mut kept, &target);
            let before = Section::default().merged(&section(&text(&target)));
            prop_assert_eq!(before.as_json(), serde_json::to_string(&kept).unwrap());

            by_value(&mut kept, &patch);
            let after = before.merged(&section(&text(&patch)));

            prop_assert_eq!(after.as_json(), serde_json::to_string(&kept).unwrap());
            prop_assert_eq!(after.values(), kept);
        }
    }
}
