//! What serde has to say of a file, in words for the person who wrote it.

/// serde's own words, without the place in a text that nobody sees, and without the strings that it
/// quotes: one may be a key in the wrong place. Where a known word was meant, it says which.
pub fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let quoted = text.split_once("string \"").zip(text.rsplit_once("\", expected "));
    let text = match quoted {
        Some(((before, _), (_, expected))) => format!("{before}string, expected {expected}"),
        None => format!("{text}{}", suggestion(text).unwrap_or_default()),
    };
    // Nobody outside knows the names of our types.
    match text.split_once(", expected struct ") {
        Some((found, _)) => format!("{found}, expected an object"),
        None => text,
    }
}

/// The member that is not known, if that is what is wrong.
pub(super) fn unknown_member(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix("unknown field `")?.split_once("`, ")?;
    Some(name.to_owned())
}

/// Of `unknown variant `Custom`, expected one of `hashed`, `custom`` the word that comes near.
fn suggestion(text: &str) -> Option<String> {
    let known = ["unknown variant `", "unknown field `"];
    let rest = known.iter().find_map(|known| text.strip_prefix(known))?;
    let (given, expected) = rest.split_once("`, expected ")?;
    let word = nearest(given, expected.split('`').skip(1).step_by(2))?;
    Some(format!("; did you mean `{word}`?"))
}

/// The word that was meant, if one comes near enough.
pub fn nearest<'a>(given: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.8;
    let given = given.to_lowercase();
    let likeness = |word: &str| strsim::jaro_winkler(&given, &word.to_lowercase());
    let (word, likeness) = words
        .into_iter()
        .map(|word| (word, likeness(word)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (likeness > NEAR).then_some(word)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    enum Policy {
        Hashed,
        Custom,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Record {
        #[expect(dead_code, reason = "only errors are looked at")]
        primary_key: Option<u8>,
    }

    fn policy(json: &str) -> String {
        reason(&serde_json::from_str::<Policy>(json).unwrap_err())
    }

    #[test]
    fn a_word_that_comes_near_is_suggested_and_no_other() {
        assert_eq!(
            policy("\"Custom\""),
            "unknown variant `Custom`, expected `hashed` or `custom`; did you mean `custom`?"
        );
        assert_eq!(
            policy("\"nearest\""),
            "unknown variant `nearest`, expected `hashed` or `custom`"
        );
        let error = serde_json::from_str::<Record>("{\"primarykey\": 1}").unwrap_err();
        assert!(reason(&error).ends_with("; did you mean `primaryKey`?"), "{error}");
        assert_eq!(unknown_member(&error).as_deref(), Some("primarykey"));
    }

    #[test]
    fn what_stands_in_the_wrong_place_is_not_repeated() {
        let error =
            serde_json::from_str::<Record>("{\n\"primaryKey\": \"s\\\"3cret\"}").unwrap_err();

        assert_eq!(reason(&error), "invalid type: string, expected u8");
    }
}
