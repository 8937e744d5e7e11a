//! The members of a JSON object from outside, and in words what cannot be read of it, and where.
//!
//! serde alone says neither which member is of the wrong kind nor that a text is UTF-16.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use super::Payload;

/// Why a text is not the JSON object that is wanted. Shows nothing of the values in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ObjectFault {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// Another encoding.
    #[error("it is UTF-16; JSON is sent as UTF-8")]
    Utf16,
    /// A mark that JSON does not have.
    #[error("it begins with a byte order mark, which JSON must not have")]
    ByteOrderMark,
    /// Compressed.
    #[error("it is compressed (gzip)")]
    Gzip,
    /// No text.
    #[error("it is not UTF-8 at byte {at}", at = .0 + 1)]
    NotUtf8(
        /// How many bytes are good before it.
        usize,
    ),
    /// No JSON.
    #[error("it is not JSON: {0}")]
    Syntax(
        /// What is wrong, with line and column.
        String,
    ),
    /// JSON, but no object.
    #[error("it is {0}, not a JSON object")]
    NotAnObject(
        /// What it is.
        &'static str,
    ),
    /// A member of the wrong kind.
    #[error("the member `{name}` is {found}, not {expected} ({place})")]
    Member {
        /// Its name.
        name: &'static str,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
        /// Where its value begins.
        place: Place,
    },
    /// A member that is there more than once.
    #[error("the member `{0}` is there twice")]
    Twice(
        /// Its name.
        &'static str,
    ),
}

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The byte in it.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// An object, not read further than its members.
#[derive(Debug)]
pub struct Object<'a> {
    text: &'a str,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Takes a text apart.
    ///
    /// # Errors
    ///
    /// If it is no JSON object.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ObjectFault> {
        let text = text(bytes)?;
        let (text, start) = (text, text.trim_ascii_start());
        if start.is_empty() {
            return Err(ObjectFault::Empty);
        }
        if !start.starts_with('{') {
            // What is no JSON at all is a mistake of syntax and not of shape.
            let whole = serde_json::from_str::<IgnoredAny>(text);
            return Err(whole
                .map_or_else(|error| syntax(&error), |_| ObjectFault::NotAnObject(kind(start))));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let members = reader.deserialize_map(Members).map_err(|error| syntax(&error))?;
        reader.end().map_err(|error| syntax(&error))?;
        Ok(Self { text, members })
    }

    /// The names of its members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_ref())
    }

    /// A member that is a text; none if it is null or not there.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, ObjectFault> {
        let Some(value) = self.member(name)? else { return Ok(None) };
        serde_json::from_str(value.get()).map_err(|_| self.wrong(name, value, TEXT))
    }

    /// A member that is an object, kept as written; none if it is null or not there.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn object(&self, name: &'static str) -> Result<Option<Payload>, ObjectFault> {
        let Some(value) = self.member(name)? else { return Ok(None) };
        match kind(value.get()) {
            NULL => Ok(None),
            OBJECT => {
                let payload = serde_json::from_str(value.get());
                payload.map(Some).map_err(|_| self.wrong(name, value, OBJECT))
            }
            _ => Err(self.wrong(name, value, OBJECT_OR_NULL)),
        }
    }

    /// What a device has to say: a member that is an object, or a text that holds one, kept as
    /// written; none if it is null or not there. The SDK for Java takes text for its payload and sends
    /// it as a JSON string, whatever it holds (J-215).
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn payload(&self, name: &'static str) -> Result<Option<Payload>, ObjectFault> {
        match self.member(name)? {
            Some(value) if kind(value.get()) == TEXT => {
                let text: String = serde_json::from_str(value.get()).unwrap_or_default();
                Object::read(text.as_bytes())
                    .ok()
                    .and_then(|_| serde_json::from_str(value.get()).ok())
                    .map(Some)
                    .ok_or_else(|| self.wrong(name, value, OBJECT_OR_NULL))
            }
            _ => self.object(name),
        }
    }

    fn member(&self, name: &'static str) -> Result<Option<&'a RawValue>, ObjectFault> {
        let mut named = self.members.iter().filter(|(it, _)| it == name).map(|(_, value)| *value);
        match (named.next(), named.next()) {
            (_, Some(_)) => Err(ObjectFault::Twice(name)),
            (value, None) => Ok(value),
        }
    }

    fn wrong(&self, name: &'static str, value: &RawValue, expected: &'static str) -> ObjectFault {
        // The value is a part of the text: its address says where.
        let at = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let line = before.matches('\n').count() + 1;
        let place = Place { line, column: at - line_start + 1 };
        ObjectFault::Member { name, found: kind(value.get()), expected, place }
    }
}

const NULL: &str = "null";
const OBJECT: &str = "an object";
const OBJECT_OR_NULL: &str = "a JSON object or null";
const TEXT: &str = "a text";

/// The kind of a JSON value, by its first character.
fn kind(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'{') => OBJECT,
        Some(b'[') => "an array",
        Some(b'"') => TEXT,
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => NULL,
        _ => "a number",
    }
}

fn text(bytes: &[u8]) -> Result<&str, ObjectFault> {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => return Err(ObjectFault::ByteOrderMark),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => {
            return Err(ObjectFault::Utf16);
        }
        [0x1f, 0x8b, ..] => return Err(ObjectFault::Gzip),
        _ => {}
    }
    str::from_utf8(bytes).map_err(|error| ObjectFault::NotUtf8(error.valid_up_to()))
}

fn syntax(error: &serde_json::Error) -> ObjectFault {
    ObjectFault::Syntax(error.to_string())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = access.next_key::<Name<'de>>()? {
            members.push((name.0, access.next_value()?));
            if members.len() > MOST {
                return Err(A::Error::custom(format!("it has more than {MOST} members")));
            }
        }
        Ok(members)
    }
}

/// More members than any request has.
const MOST: usize = 10_000;

/// A name, borrowed unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: impl AsRef<[u8]>) -> String {
        let read = Object::read(body.as_ref()).and_then(|object| {
            object.text("registrationId")?;
            object.object("payload")
        });
        read.unwrap_err().to_string()
    }

    #[test]
    fn k_2_what_cannot_be_read_is_said_with_member_and_place() {
        for (body, said) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("[]", "it is an array, not a JSON object"),
            ("7", "it is a number, not a JSON object"),
            ("\"x\"", "it is a text, not a JSON object"),
            ("{", "it is not JSON: EOF while parsing an object at line 1 column 1"),
            ("{'a':1}", "it is not JSON: key must be a string at line 1 column 2"),
            ("{\"a\":1,}", "it is not JSON: trailing comma at line 1 column 8"),
            ("{\"a\":1", "it is not JSON: EOF while parsing an object at line 1 column 6"),
            ("{} {}", "it is not JSON: trailing characters at line 1 column 4"),
            ("{\"a\":NaN}", "it is not JSON: expected value at line 1 column 6"),
            ("a=b&c=d", "it is not JSON: expected value at line 1 column 1"),
            (
                "{\n  \"registrationId\": 7}",
                "the member `registrationId` is a number, not a text (line 2 column 21)",
            ),
            (
                "{\"payload\":[1]}",
                "the member `payload` is an array, not a JSON object or null (line 1 column 12)",
            ),
            ("{\"payload\":{},\"payload\":{}}", "the member `payload` is there twice"),
        ] {
            assert_eq!(fault(body), said, "{body:?}");
        }
        assert_eq!(fault(b"{\"a\":\"\xff\"}"), "it is not UTF-8 at byte 7");
        assert_eq!(
            fault(b"\xef\xbb\xbf{}"),
            "it begins with a byte order mark, which JSON must not have"
        );
        assert_eq!(fault(b"\xff\xfe{\0}\0"), "it is UTF-16; JSON is sent as UTF-8");
        assert_eq!(fault(b"{\0}\0"), "it is UTF-16; JSON is sent as UTF-8");
        assert_eq!(fault(b"\x1f\x8b\x08"), "it is compressed (gzip)");
    }

    #[test]
    fn k_4_a_payload_is_an_object_as_written_or_none() {
        let payload = |text: &str| {
            let body = format!("{{\"payload\": {text} }}");
            Object::read(body.as_bytes()).unwrap().object("payload")
        };

        assert_eq!(payload("null"), Ok(None));
        assert_eq!(payload("{ \"z\": 1e3 }").unwrap().unwrap().as_json(), "{\"z\":1e3}");
        for (text, found) in
            [("1", "a number"), ("\"{}\"", "a text"), ("[{}]", "an array"), ("false", "a boolean")]
        {
            let Err(ObjectFault::Member { found: said, .. }) = payload(text) else {
                panic!("{text}");
            };
            assert_eq!(said, found);
        }
        assert!(Object::read(b"{}").unwrap().object("payload").unwrap().is_none());
    }

    #[test]
    fn j_215_a_text_that_holds_an_object_is_a_payload_of_devices_as_it_came() {
        let payload = |text: &str| {
            let body = format!("{{\"payload\": {text} }}");
            Object::read(body.as_bytes()).unwrap().payload("payload")
        };

        for text in [r#""{\"modelId\":\"dtmi:a;1\"}""#, r#""{}""#, r#"" {\n} ""#, r#""\u007b}""#] {
            assert_eq!(payload(text).unwrap().unwrap().as_json(), text, "letter by letter");
        }
        assert_eq!(payload("{ \"z\": 1e3 }").unwrap().unwrap().as_json(), "{\"z\":1e3}");
        assert_eq!(payload("null"), Ok(None));
        for (text, found) in [
            (r#""text""#, TEXT),
            (r#""""#, TEXT),
            (r#""null""#, TEXT),
            (r#""123""#, TEXT),
            (r#""[{}]""#, TEXT),
            (r#""{""#, TEXT),
            (r#""{} {}""#, TEXT),
            (r#""\"{}\"""#, TEXT),
            (r#""\ud800""#, TEXT),
            ("1", "a number"),
            ("[{}]", "an array"),
            ("true", "a boolean"),
        ] {
            let Err(ObjectFault::Member { found: said, .. }) = payload(text) else {
                panic!("{text}");
            };
            assert_eq!(said, found);
        }
    }
}
