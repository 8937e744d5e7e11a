//! The bodies of requests, read as what a call takes, and in words what cannot be read of one.

use serde::de::DeserializeOwned;

use super::path::MemberPath;
use super::reason::reason;
use crate::wire::{Object, Place, from_json_object};

/// Reads a JSON object into a type.
///
/// # Errors
///
/// What is wrong with it, with member and place, for a log. It repeats no value, for that may be a key.
pub fn read_body<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    from_json_object(json).map_err(|error| match Object::read(json) {
        Err(fault) => fault.to_string(),
        Ok(_) => wrong_member::<T>(json).unwrap_or_else(|| reason(&error)),
    })
}

/// It is read once more, for who reads at first keeps no path.
fn wrong_member<T: DeserializeOwned>(json: &[u8]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    let (member, inner) = (MemberPath::from(error.path()).to_string(), error.inner());
    let named = if member.is_empty() { String::new() } else { format!("the member `{member}`: ") };
    let place = Place { line: inner.line(), column: inner.column() };
    Some(format!("{named}{} ({place})", reason(inner)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        #[expect(dead_code, reason = "only errors are looked at")]
        method_name: Option<String>,
        #[expect(dead_code, reason = "only errors are looked at")]
        devices: Option<Vec<BTreeMap<String, String>>>,
    }

    #[test]
    fn a_body_that_cannot_be_read_is_told_with_member_and_place_and_no_value() {
        for (body, told) in [
            (&b""[..], "it is empty"),
            (b"hello", "it is not JSON: expected value at line 1 column 1"),
            (b"[]", "it is an array, not a JSON object"),
            (b"\xff\xfe{\0}\0", "it is UTF-16; JSON is sent as UTF-8"),
            (b"\xef\xbb\xbf{}", "it begins with a byte order mark, which JSON must not have"),
            (b"{\"methodName\":\"\xff\"}", "it is not UTF-8 at byte 16"),
            (
                b"{\"methodName\":\"x\"",
                "it is not JSON: EOF while parsing an object at line 1 column 17",
            ),
            (
                b"{\n\"methodName\": 7}",
                "the member `methodName`: expected a string, found the number 7 (line 2 column 15)",
            ),
            (
                br#"{"devices":[{"id":"a"},{"id":[]}]}"#,
                "the member `devices[1].id`: expected a string, found an array (line 1 column 29)",
            ),
            (
                br#"{"devices":"c2VjcmV0"}"#,
                "the member `devices`: expected an array, found a string (line 1 column 21)",
            ),
        ] {
            assert_eq!(read_body::<Body>(body).unwrap_err(), told, "{}", body.escape_ascii());
        }
        assert!(read_body::<Body>(b"{}").is_ok());
    }
}
