//! Which devices a step is about: a registration ID, a pattern of them, or a list of these.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::text::{Glob, nearest};

/// Which devices are meant.
#[derive(Debug, Clone)]
pub struct Selection(Vec<(String, Glob)>);

impl Selection {
    fn of(texts: Vec<String>) -> Option<Self> {
        if texts.is_empty() {
            return None;
        }
        let globs = texts.into_iter().map(|text| Some((text.clone(), Glob::new(&text)?)));
        globs.collect::<Option<_>>().map(Self)
    }

    /// Exactly this device.
    pub fn of_device(name: &str) -> Self {
        Self(Glob::new(name).map(|glob| (name.to_owned(), glob)).into_iter().collect())
    }

    /// Whether it is one name, without any pattern.
    pub fn is_single(&self) -> bool {
        matches!(&self.0[..], [(text, _)] if !text.contains(['*', '?']))
    }

    /// Whether it means this device.
    pub fn takes(&self, registration_id: &str) -> bool {
        self.0.iter().any(|(_, glob)| glob.matches(registration_id))
    }

    /// Of these devices those that are meant, in the order in which they are declared.
    pub fn of_these<'a, T>(&self, all: &'a [T], name: impl Fn(&T) -> &str) -> Vec<&'a T> {
        all.iter().filter(|it| self.takes(name(it))).collect()
    }

    /// Whether each part of it means a device that is declared.
    ///
    /// # Errors
    ///
    /// The part that means none.
    pub fn check<'a>(&self, declared: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
        let is_vain = |(_, glob): &&(String, Glob)| !declared.clone().any(|id| glob.matches(id));
        let Some((vain, _)) = self.0.iter().find(is_vain) else { return Ok(()) };
        let near = nearest(vain, declared.clone());
        let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        Err(format!("there is no [[device]] {vain:?}{near}"))
    }
}

/// As it is written, for titles.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(|(text, _)| text.as_str()).collect();
        f.write_str(&texts.join(", "))
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = OneOrMany::deserialize(deserializer)?.0;
        Self::of(texts)
            .ok_or_else(|| de::Error::custom("name a device, or a pattern such as pump-*"))
    }
}

/// A text, or a list of them.
#[derive(Debug, Clone)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<OneOrMany, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list)).map(OneOrMany)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(json: &str) -> Selection {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_selection_means_devices_in_the_order_of_the_file() {
        let all = ["pump-1", "valve-1", "pump-2"];
        let meant = |json: &str| selection(json).of_these(&all, |id| id).len();

        assert_eq!(
            selection(r#"["pump-2","pump-1"]"#).of_these(&all, |id| id),
            [&"pump-1", &"pump-2"]
        );
        assert_eq!((meant(r#""pump-*""#), meant(r#""*""#), meant(r#""PUMP-1""#)), (2, 3, 1));
    }

    #[test]
    fn a_name_that_no_device_has_is_told_with_the_one_that_was_meant() {
        let told = |json: &str| selection(json).check(["pump-1", "valve-1"].into_iter());

        assert_eq!(told(r#"["pump-*", "valve-1"]"#), Ok(()));
        assert_eq!(
            told(r#"["pump-*", "vlave-1"]"#).unwrap_err(),
            "there is no [[device]] \"vlave-1\"; did you mean \"valve-1\"?"
        );
    }
}
