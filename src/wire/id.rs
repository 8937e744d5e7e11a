//! The names that stand in user names, topics and paths: registration ID, ID scope, operation ID.
//!
//! Each is validated once, where it enters, so nothing behind the border checks again.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a text is no registration ID, ID scope, operation ID, device ID or hub name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// The text is longer than DPS allows.
    #[error("it has {length} characters, at most {limit} are allowed")]
    TooLong {
        /// Characters found.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// A character that the identifier may not contain.
    #[error("{found:?} at position {position} is not allowed; use {allowed}")]
    Character {
        /// The character.
        found: char,
        /// Where it stands, counted from 1.
        position: usize,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A part of a host name between two dots, before the first or behind the last, is empty.
    #[error("it has an empty part between dots")]
    EmptyLabel,
    /// A registration ID ends in `.`, `_` or `:` (D.1).
    #[error("it ends in {found:?}; the last character must be a letter, a digit or '-'")]
    LastCharacter {
        /// The last character.
        found: char,
    },
}

/// A device's name towards the provisioning service (D.1): up to 128 letters, digits, `-`, `.`,
/// `_` and `:`, the last one a letter, a digit or `-`.
///
/// Case is kept, because replies and the webhook show the ID as the device sent it; two IDs that
/// differ only in case name the same device, see [`folded`](Self::folded).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RegistrationId(Box<str>);

impl RegistrationId {
    const MAX: usize = 128;
    const ALLOWED: &'static str = "letters, digits, '-', '.', '_' or ':'";

    /// The ID as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which a device is looked up: lower case (D.1).
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether `other` names the same device, whatever its case.
    pub fn names_same_device(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl FromStr for RegistrationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        check(text, Self::MAX, Self::ALLOWED, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':')
        })?;
        match text.chars().next_back() {
            Some(found) if !(found.is_ascii_alphanumeric() || found == '-') => {
                Err(IdError::LastCharacter { found })
            }
            _ => Ok(Self(text.into())),
        }
    }
}

/// Names one provisioning service instance, such as `0ne0012AB34`. Opaque (D.1): instances made
/// at different times have different prefixes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdScope(Box<str>);

impl IdScope {
    const MAX: usize = 128;

    /// The scope as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this scope; case does not matter (D-1).
    pub fn matches(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl FromStr for IdScope {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        check(text, Self::MAX, "letters, digits, '-' or '_'", |c| {
            c.is_ascii_alphanumeric() || c == '-' || c == '_'
        })?;
        Ok(Self(text.into()))
    }
}

/// Names one registration in progress or just ended, such as
/// `5.4d1a9e0c77b2f310.0b7c1f0e-6c0a-4c56-9f3e-2d5a4f6b8c11` (F.2). Opaque to the device.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OperationId(Box<str>);

impl OperationId {
    const MAX: usize = 512;

    /// The ID as the service made it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        check(text, Self::MAX, "printable ASCII", |c| c.is_ascii_graphic())?;
        Ok(Self(text.into()))
    }
}

pub(super) fn check(
    text: &str,
    limit: usize,
    allowed: &'static str,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    // All that is allowed is ASCII; which character is not is looked for only when there is one.
    let is_allowed_byte = |byte: u8| byte.is_ascii() && is_allowed(char::from(byte));
    let wrong = || text.chars().enumerate().find(|&(_, c)| !is_allowed(c));
    if !text.bytes().all(is_allowed_byte)
        && let Some((index, found)) = wrong()
    {
        return Err(IdError::Character { found, position: index + 1, allowed });
    }
    match text.len() {
        length if length > limit => Err(IdError::TooLong { length, limit }),
        _ => Ok(()),
    }
}

/// Shows a name as its text, and in `Debug` with its type.
macro_rules! shown_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
    )*};
}

pub(super) use shown_as_text;

shown_as_text!(RegistrationId, IdScope, OperationId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_1_registration_ids_may_have_letters_digits_and_four_marks() {
        for good in ["a", "contoso-toaster-007", "A.b_c:d-9", "x-", &"z".repeat(128)] {
            assert_eq!(good.parse::<RegistrationId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn d_1_registration_ids_outside_the_rule_say_what_is_wrong() {
        let refused = |text: &str| text.parse::<RegistrationId>().unwrap_err();

        assert_eq!(refused(""), IdError::Empty);
        assert_eq!(refused(&"z".repeat(129)), IdError::TooLong { length: 129, limit: 128 });
        assert_eq!(refused("a."), IdError::LastCharacter { found: '.' });
        assert!(matches!(refused("to aster"), IdError::Character { found: ' ', position: 3, .. }));
        assert!(matches!(refused("a/b"), IdError::Character { found: '/', position: 2, .. }));
        assert!(matches!(refused("töster"), IdError::Character { found: 'ö', .. }));
    }

    #[test]
    fn d_1_case_is_kept_and_does_not_tell_devices_apart() {
        let id: RegistrationId = "SAS-IoT-Devices".parse().unwrap();

        assert_eq!(id.to_string(), "SAS-IoT-Devices");
        assert_eq!(id.folded(), "sas-iot-devices");
        assert!(id.names_same_device("sas-iot-DEVICES"));
    }
}
