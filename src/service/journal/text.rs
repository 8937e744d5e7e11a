//! Texts of the journal: shared where they repeat.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::text::write_harmless;

/// How many texts are known that may come again: scopes, versions, enrollments, hubs, addresses.
const MAX_SHARED: usize = 1024;

/// A text that entries of the journal share. Serializes as the text; shown to people it stays in its line
/// and moves no cursor (J-201).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// The text, for programs. Whatever shows it to people does so with `Display`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_harmless(&self.0, f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The texts that came before. When there are too many it starts afresh: then a text is in memory
/// twice, and nothing else happens.
#[derive(Debug, Default)]
pub(super) struct Shared(HashSet<Text>);

impl Shared {
    pub(super) fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= MAX_SHARED {
            self.0.clear();
        }
        let text = Text::from(text);
        self.0.insert(text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_201_a_text_is_shown_in_its_line() {
        let text = Text::from("a\nb\u{1b}[31m");

        assert_eq!(
            (text.to_string().as_str(), text.as_str()),
            ("a\\nb\\u{1b}[31m", "a\nb\u{1b}[31m")
        );
    }

    #[test]
    fn texts_that_come_again_are_kept_once_and_never_too_many_of_them() {
        let mut shared = Shared::default();

        assert!(Arc::ptr_eq(&shared.text("hub").0, &shared.text("hub").0));

        (0..10 * MAX_SHARED).for_each(|n| assert_eq!(shared.text(&n.to_string()), *n.to_string()));
        assert!(shared.0.len() <= MAX_SHARED);
    }
}
