//! What serde has to say of a file, in words for the person who wrote it.

use super::path::MemberPath;

/// What is wrong, in the words of JSON: members, objects, arrays and texts, and nothing of how this
/// program holds them. Without the place in a text that nobody sees, and without the strings that
/// serde quotes: one may be a key in the wrong place. Where a known word was meant, it says which.
pub fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let found = |rest: &str| {
        // What was found may be a text that has the separator in it.
        let (found, expected) = rest.rsplit_once(", expected ")?;
        // A list that is too short to be taken, member by member, for an object.
        let is_list = found.parse::<usize>().is_ok() && expected.starts_with("struct ");
        let found = if is_list { "sequence" } else { found };
        Some(format!("expected {}, found {}", wanted(expected), given(found)))
    };
    let wrong_shape = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|known| found(text.strip_prefix(known)?));
    let named = |known: &str| text.strip_prefix(known)?.strip_suffix('`').map(str::to_owned);
    if let Some(told) = wrong_shape {
        told
    } else if let Some(rest) = text.strip_prefix("unknown variant `") {
        unknown("value", text, rest)
    } else if let Some(rest) = text.strip_prefix("unknown field `") {
        unknown("member", text, rest)
    } else if let Some(name) = named("missing field `") {
        format!("the member `{name}` is missing")
    } else if let Some(name) = named("duplicate field `") {
        format!("the member `{name}` is there twice")
    } else if text.starts_with("data did not match any variant") {
        "it has none of the shapes that are known here".to_owned()
    } else if text == "expected value" {
        // What serde_json says of a number or a list in the place of one of several words.
        "expected one of its words, as a string".to_owned()
    } else if let Some(place) = text.strip_prefix("EOF while parsing a") {
        format!("the text ends in the midst of a{place}")
    } else {
        text.to_owned()
    }
}

/// What is wrong, and with which member: `hubs: expected an object, found the number 1`.
pub fn misread(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, reason) = (MemberPath::from(error.path()).to_string(), reason(error.inner()));
    // Of a member that is not known or is there twice, the reason has the name.
    let holder = |path: &str| match path.rsplit_once('.') {
        Some((holder, last)) if reason.contains(&format!("`{last}`")) => holder.to_owned(),
        None if reason.contains(&format!("`{path}`")) => String::new(),
        _ => path.to_owned(),
    };
    match holder(&path) {
        path if path.is_empty() => reason,
        path => format!("{path}: {reason}"),
    }
}

/// Why a text is no JSON at all, and where.
pub fn syntax(error: &serde_json::Error) -> String {
    let said = match reason(error).as_str() {
        "expected one of its words, as a string" | "expected ident" => {
            "expected a value: an object, an array, a string, a number, true, false or null"
                .to_owned()
        }
        "trailing characters" => "more text follows its end".to_owned(),
        "trailing comma" => "a comma stands before its end".to_owned(),
        "key must be a string" => "a member's name stands in double quotes".to_owned(),
        told => told.to_owned(),
    };
    format!("line {}, column {}: {said}", error.line(), error.column())
}

/// A word that is not known, or a member: `given`, expected … A long one may be a key.
fn unknown(what: &str, text: &str, rest: &str) -> String {
    let (word, expected) = rest.split_once("`, ").unwrap_or((rest, ""));
    let expected = match expected.strip_prefix("expected ") {
        Some(list) => format!(", expected {}", list.strip_prefix("one of ").map_or(list, |it| it)),
        None => String::new(),
    };
    let listed = expected.matches('`').count() > 4;
    let expected =
        if listed { expected.replace("expected ", "expected one of ") } else { expected };
    let word = if word.chars().count() > LONGEST_WORD { "" } else { word };
    let shown = if word.is_empty() {
        format!("a {what} that is not known")
    } else {
        format!("unknown {what} `{word}`")
    };
    format!("{shown}{expected}{}", suggestion(text).unwrap_or_default())
}

/// The longest member of the REST APIs has 26 characters; a key has more than this.
const LONGEST_WORD: usize = 40;

/// What serde found, in the words of JSON.
fn given(found: &str) -> String {
    let found = found.trim();
    let inner = |known: &str| found.strip_prefix(known)?.strip_suffix('`');
    let number = inner("integer `").or_else(|| inner("floating point `"));
    if let Some(number) = number {
        format!("the number {number}")
    } else if let Some(value) = inner("boolean `") {
        value.to_owned()
    } else if found.starts_with("string") || found.starts_with("character") {
        "a string".to_owned()
    } else if let Ok(length) = found.parse::<usize>() {
        format!("{length} items")
    } else {
        match found {
            "map" | "newtype struct" => "an object",
            "sequence" => "an array",
            "unit value" | "Option value" | "null" => "null",
            "number" => "a number",
            _ => "something else",
        }
        .to_owned()
    }
}

/// What serde wants, in the words of JSON.
fn wanted(expected: &str) -> String {
    let range = |low: i128, high: u128| format!("a whole number from {low} to {high}");
    match expected {
        "a string" | "string" | "str" | "borrowed string" | "a borrowed string"
        | "string or map" => "a string".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a map" | "map" | "map with a single key" => "an object".to_owned(),
        "a sequence" | "sequence" => "an array".to_owned(),
        "u8" => range(0, u8::MAX.into()),
        "u16" => range(0, u16::MAX.into()),
        "u32" => range(0, u32::MAX.into()),
        "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a nonzero u16" => range(1, u16::MAX.into()),
        "a nonzero u32" => range(1, u32::MAX.into()),
        "unit" | "null" => "null".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ if expected.starts_with("tuple ")
            || expected.starts_with("a tuple ")
            || expected.starts_with("an array ") =>
        {
            "an array".to_owned()
        }
        _ if expected.starts_with("enum ") || expected.contains(" variant") => {
            "one of its words, as a string".to_owned()
        }
        // Our own readers speak for themselves.
        _ => expected.to_owned(),
    }
}

/// The member that is not known, if that is what is wrong.
#[cfg(feature = "service")]
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
#[path = "reason_tests.rs"]
mod tests;
