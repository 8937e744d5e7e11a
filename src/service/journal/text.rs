//! Texts of the journal: shared where they repeat, cut where they are long.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Most bytes of a body that are kept.
pub(super) const MAX_BODY: usize = 4 * 1024;

/// How many texts are known that may come again: scopes, versions, enrollments, hubs, addresses.
const MAX_SHARED: usize = 1024;

/// A text that entries of the journal share. Serializes as the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// The text of a body, marked where it was cut.
    pub(super) fn body(text: &str) -> Self {
        if text.len() <= MAX_BODY {
            return text.into();
        }
        let end = text.floor_char_boundary(MAX_BODY);
        let kept = text.get(..end).unwrap_or_default();
        format!("{kept}… (cut here; {} bytes in all)", text.len()).as_str().into()
    }

    /// The text.
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
        f.write_str(&self.0)
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
    fn a_long_body_is_cut_between_characters_and_says_so() {
        let long = "é".repeat(MAX_BODY);

        let text = Text::body(&format!("x{long}"));

        let (kept, mark) = text.split_once('…').unwrap();
        assert_eq!(kept.len(), MAX_BODY - 1, "the character that does not fit is left out");
        assert_eq!(mark, format!(" (cut here; {} bytes in all)", 2 * MAX_BODY + 1));
        assert_eq!(Text::body(&"x".repeat(MAX_BODY)).len(), MAX_BODY);
    }

    #[test]
    fn texts_that_come_again_are_kept_once_and_never_too_many_of_them() {
        let mut shared = Shared::default();

        assert!(Arc::ptr_eq(&shared.text("hub").0, &shared.text("hub").0));

        (0..10 * MAX_SHARED).for_each(|n| assert_eq!(shared.text(&n.to_string()), *n.to_string()));
        assert!(shared.0.len() <= MAX_SHARED);
    }
}
