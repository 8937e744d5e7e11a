//! Entity tags in their two forms (E.4).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// The version of a stored record, such as `0a001c3f-0000-0800-0000-646801e30000`; the last group
/// starts with the Unix time of the change in hexadecimal (E.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etag(Form);

/// Every record has tags, and nearly all are made here: those are kept in eight bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Made { salt: u32, seconds: u32 },
    Other(Box<str>),
}

impl Etag {
    /// A tag for a change at `now`; `salt` tells apart what changed within one second.
    pub fn new(now: SystemTime, salt: u32) -> Self {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        // The tag has room for eight digits.
        Self(Form::Made { salt, seconds: (seconds & 0xffff_ffff) as u32 })
    }

    /// The form inside webhook requests: in double quotes.
    pub fn quoted(&self) -> String {
        format!("\"{self}\"")
    }

    /// The form of REST and registration replies: Base64 of the quoted form.
    pub fn encoded(&self) -> String {
        STANDARD.encode(self.quoted())
    }
}

/// A text that is no entity tag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an entity tag has 1 to 128 letters, digits and dashes")]
pub struct EtagError;

impl FromStr for Etag {
    type Err = EtagError;

    fn from_str(text: &str) -> Result<Self, EtagError> {
        let is_good = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if (1..=128).contains(&text.len()) && text.bytes().all(is_good) {
            let made = made(text).filter(|made| made.to_string() == text);
            return Ok(made.unwrap_or_else(|| Self(Form::Other(text.into()))));
        }
        Err(EtagError)
    }
}

/// The tag of ours that a text may be.
fn made(text: &str) -> Option<Etag> {
    let number = |range: std::ops::Range<usize>| u32::from_str_radix(text.get(range)?, 16).ok();
    Some(Etag(Form::Made { salt: number(0..8)?, seconds: number(24..32)? }))
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Made { salt, seconds } => {
                write!(f, "{salt:08x}-0000-0300-0000-{seconds:08x}0000")
            }
            Form::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_4_both_forms_of_the_recorded_tag() {
        let changed = UNIX_EPOCH + Duration::from_secs(0x6468_01e3);

        let tag = Etag::new(changed, 0x0a00_1c3f);

        assert_eq!(tag.quoted(), "\"0a001c3f-0000-0300-0000-646801e30000\"");
        assert_eq!(STANDARD.decode(tag.encoded()).unwrap(), tag.quoted().as_bytes());
    }

    #[test]
    fn a_tag_is_read_back_as_it_is_kept_and_nothing_else_is_one() {
        let tag = Etag::new(UNIX_EPOCH, 7);

        assert_eq!(tag.to_string().parse(), Ok(tag));
        for other in ["a-1", "0000000A-0000-0300-0000-000000000000", "x"] {
            assert_eq!(other.parse::<Etag>().unwrap().to_string(), other);
        }
        for bad in ["", "a\"b", "a b", &"a".repeat(129)] {
            assert_eq!(bad.parse::<Etag>(), Err(EtagError), "{bad:?}");
        }
    }
}
