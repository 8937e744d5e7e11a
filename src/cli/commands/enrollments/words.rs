//! Values as command lines of `az` write them: words without case, Python's way to write JSON.

use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use serde_json::Value;

/// What the flags of a record's name are called besides, for groups too.
pub(super) const ID_ALIASES: [&str; 3] = ["eid", "group-id", "gid"];

/// One of these words, in whatever case it was given. The argument needs `ignore_case`.
pub(super) fn words(
    all: &'static [&'static str],
) -> impl TypedValueParser<Value = String> + 'static {
    PossibleValuesParser::new(all).map(move |given: String| {
        let known = all.iter().find(|word| word.eq_ignore_ascii_case(&given));
        known.map_or(given, |word| (*word).to_owned())
    })
}

/// `true`, `yes`, `1` and their opposites.
pub(super) fn yes_or_no() -> BoolishValueParser {
    BoolishValueParser::new()
}

/// A dictionary as Python writes it, which `az` takes in the place of JSON and its help shows:
/// `{'location': {'region': 'US'}}`.
pub(super) fn python_literal(text: &str) -> Option<Value> {
    let mut json = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\'' | '"' => string(character, &mut rest, &mut json)?,
            _ if character.is_ascii_alphabetic() => {
                let mut word = String::from(character);
                while let Some(more) = rest.next_if(char::is_ascii_alphabetic) {
                    word.push(more);
                }
                json.push_str(match word.as_str() {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    other => other,
                });
            }
            _ => json.push(character),
        }
    }
    serde_json::from_str(&json).ok()
}

/// A string up to its closing quote, as JSON. Of Python's escapes those that JSON has too are kept.
fn string(quote: char, rest: &mut impl Iterator<Item = char>, json: &mut String) -> Option<()> {
    json.push('"');
    loop {
        match rest.next()? {
            end if end == quote => break,
            '\\' => match rest.next()? {
                '\'' => json.push('\''),
                escaped => json.extend(['\\', escaped]),
            },
            '"' => json.push_str("\\\""),
            other => json.push(other),
        }
    }
    json.push('"');
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_json_stays_what_it_is(
            text in "[{}:,'\"\\\\a-zTF0-9 ]{0,40}", value in "[^\\x00-\\x1f]{0,20}",
        ) {
            let _ = python_literal(&text);
            let object = json!({ "a": value, "b": [1, true, null] });
            prop_assert_eq!(python_literal(&object.to_string()), Some(object));
        }
    }

    #[test]
    fn a_dictionary_of_python_is_the_json_that_it_stands_for() {
        for (text, value) in [
            ("{'location':{'region':'US'}}", Some(json!({"location": {"region": "US"}}))),
            (
                "{'a': True, 'b': None, 'c': [1, 2.5]}",
                Some(json!({"a": true, "b": null, "c": [1, 2.5]})),
            ),
            (
                r#"{'say': 'it\'s "so"', "x": 'True'}"#,
                Some(json!({"say": "it's \"so\"", "x": "True"})),
            ),
            ("{'a': 'open}", None),
            ("{a: 1}", None),
            ("", None),
        ] {
            assert_eq!(python_literal(text), value, "{text}");
        }
    }
}
