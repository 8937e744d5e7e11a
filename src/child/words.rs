//! A command line with facts filled in.
//!
//! Braces stand for themselves unless a known name is between them: JSON and scripts are full of them.

use thiserror::Error;

use super::fact::Fact;
use crate::text::nearest;

/// Why a command line cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlaceholderError {
    /// It looks like a known one.
    #[error("{{{given}}} is not known; did you mean {{{meant}}}?")]
    Unknown {
        /// What stands there.
        given: String,
        /// What comes nearest.
        meant: String,
    },
    /// There is nothing to put in its place.
    #[error("{{{name}}}: {why}")]
    Absent {
        /// Which one.
        name: String,
        /// Why there is nothing.
        why: &'static str,
    },
}

/// A word with facts in the place of their names.
///
/// # Errors
///
/// If a name is nearly that of a fact, or its fact has no value.
pub fn filled(word: &str, facts: &[Fact]) -> Result<String, PlaceholderError> {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, name, behind)) = next(rest) {
        text.push_str(before);
        match facts.iter().find(|fact| fact.name == name) {
            Some(Fact { value: Ok(value), .. }) => text.push_str(value),
            Some(Fact { value: Err(why), .. }) => {
                return Err(PlaceholderError::Absent { name: name.to_owned(), why });
            }
            None => {
                if let Some(meant) = nearest(name, facts.iter().map(|fact| fact.name)) {
                    let (given, meant) = (name.to_owned(), meant.to_owned());
                    return Err(PlaceholderError::Unknown { given, meant });
                }
                text.push_str(&format!("{{{name}}}"));
            }
        }
        rest = behind;
    }
    text.push_str(rest);
    Ok(text)
}

/// The names between braces in some words.
pub fn placeholders(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().flat_map(|word| {
        let mut rest = word.as_str();
        std::iter::from_fn(move || {
            let (_, name, behind) = next(rest)?;
            rest = behind;
            Some(name)
        })
    })
}

/// What is before the first name in braces, the name, and what is behind it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text.get(from..)?.find('{')?;
        let inside = text.get(open + 1..)?;
        let end = inside.find(|it: char| !(it.is_ascii_lowercase() || it == '-'))?;
        if end > 0 && inside.get(end..)?.starts_with('}') {
            return Some((text.get(..open)?, inside.get(..end)?, inside.get(end + 1..)?));
        }
        from = open + 1;
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn facts() -> Vec<Fact> {
        let fact = |name, value: Result<&str, &'static str>| Fact {
            name,
            variable: "X",
            value: value.map(|it| Zeroizing::new(it.to_owned())),
            is_secret: false,
        };
        vec![
            fact("mqtt", Ok("localhost:1")),
            fact("registration-id", Ok("pump")),
            fact("cert", Err("there is none")),
        ]
    }

    /// J-320.
    #[test]
    fn j_320_names_in_braces_are_replaced_and_other_braces_stay() {
        let filled = |word: &str| filled(word, &facts()).unwrap();

        assert_eq!(filled("mqtts://{mqtt}/{registration-id}"), "mqtts://localhost:1/pump");
        for word in ["{", "{}", r#"{"a":{"b":1}}"#, "{print $1}", "{x}", "{{", "a{mqtt"] {
            assert_eq!(filled(word), word);
        }
        assert_eq!(filled("{{mqtt}}"), "{localhost:1}");
    }

    #[test]
    fn j_320_what_is_nearly_a_name_or_has_no_value_is_refused() {
        let refused = |word: &str| filled(word, &facts()).unwrap_err().to_string();

        assert_eq!(
            refused("{registration_id}{registrationid}"),
            "{registrationid} is not known; did you mean {registration-id}?"
        );
        assert_eq!(refused("{cert}"), "{cert}: there is none");
        let words = ["a{mqtt}b{x}".to_owned(), "{".to_owned()];
        assert_eq!(placeholders(&words).collect::<Vec<_>>(), ["mqtt", "x"]);
    }
}
