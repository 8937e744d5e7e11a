//! The file's names and those that they have at a service that others use too.
//!
//! Pure. Every name that a run gives begins with its prefix there. On the way back the prefix is taken
//! out of whatever text it stands in, so that what a file expects, and what people read, has the
//! file's own names.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::prefix::Prefix;

/// Between the names of a file and those of a service.
#[derive(Debug, Clone)]
pub struct Mapping {
    prefix: Prefix,
    /// Registration IDs that cannot be others there, in lower case.
    kept: BTreeSet<String>,
}

impl Mapping {
    /// With this prefix for all names but the registration IDs in `kept`: those that a certificate
    /// has, or a key that was derived from them.
    pub fn new<'a>(prefix: Prefix, kept: impl IntoIterator<Item = &'a str>) -> Self {
        let kept = kept.into_iter().map(str::to_ascii_lowercase).collect();
        Self { prefix, kept }
    }

    /// A name of the file as it is there: of an enrollment group, or of a device on a hub.
    pub fn there(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A registration ID of the file as it is there.
    pub fn registration_id(&self, id: &str) -> String {
        if self.keeps(id) { id.to_owned() } else { self.there(id) }
    }

    /// Whether a device has the same registration ID there, under which there may be another one.
    pub fn keeps(&self, id: &str) -> bool {
        self.kept.contains(&id.to_ascii_lowercase())
    }

    /// A text of the service, also one of JSON, with the file's names.
    pub fn here<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let prefix = self.prefix.as_str();
        // All of it is ASCII, so lower case has the same places.
        let lower = text.to_ascii_lowercase();
        let mut found = lower.match_indices(prefix).map(|(place, _)| place).peekable();
        if found.peek().is_none() {
            return Cow::Borrowed(text);
        }
        let (mut here, mut rest) = (String::with_capacity(text.len()), 0);
        for place in found {
            here.push_str(&text[rest..place]);
            rest = place + prefix.len();
        }
        here.push_str(&text[rest..]);
        Cow::Owned(here)
    }

    /// The same for every text in a value, and for the names of members.
    pub fn value_here(&self, value: Value) -> Value {
        // Neither JSON nor a prefix changes the other: a prefix has no character that is escaped.
        let json = value.to_string();
        match self.here(&json) {
            Cow::Borrowed(_) => value,
            Cow::Owned(here) => serde_json::from_str(&here).unwrap_or(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn mapping() -> Mapping {
        Mapping::new("ps-7k2m9q4x-".parse().unwrap(), ["Fixed"])
    }

    #[test]
    fn j_290_texts_of_the_service_have_the_files_names() {
        let mapping = mapping();

        assert_eq!(
            mapping.here("device PS-7K2M9Q4X-pump-1 of ps-7k2m9q4x-pumps"),
            "device pump-1 of pumps"
        );
        assert_eq!(
            mapping.value_here(json!({"ps-7k2m9q4x-a": ["ps-7k2m9q4x-b", 1.5, "\""]})),
            json!({"a": ["b", 1.5, "\""]})
        );
    }

    #[test]
    fn j_291_an_id_that_a_certificate_has_stays_what_it_is() {
        let mapping = mapping();

        assert_eq!(mapping.registration_id("fixed"), "fixed");
        assert_eq!(mapping.registration_id("pump-1"), "ps-7k2m9q4x-pump-1");
        assert!(mapping.keeps("FIXED") && !mapping.keeps("pump-1"));
    }

    proptest! {
        #[test]
        fn a_name_comes_back_as_it_went(name in "[A-Za-z0-9._:-]{0,40}", before in "\\PC{0,9}", behind in "\\PC{0,9}") {
            let mapping = mapping();
            prop_assume!(!name.to_ascii_lowercase().contains("ps-7k2m9q4x-"));

            let there = mapping.there(&name);

            prop_assert_eq!(mapping.here(&there), name.as_str());
            // What stands around it is none of a name's business.
            let (text, expected) = (format!("{before} {there} {behind}"), format!("{before} {name} {behind}"));
            prop_assert_eq!(mapping.here(&text), expected);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = mapping().here(&text);
        }
    }
}
