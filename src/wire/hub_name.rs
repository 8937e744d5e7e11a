//! The names at a hub: the hub's own, and those of its devices.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{check, shown_as_text};
use super::{IdError, RegistrationId};

/// A device's name at its hub (K-9): 1 to 128 ASCII letters, digits and `- : . + % _ # * ? ! ( ) ,
/// = @ $ '`.
///
/// Unlike registration IDs, device IDs are told apart by their case: `Pump-1` and `pump-1` are two
/// devices of a hub. Every registration ID may be a device ID, and is one unless its enrollment
/// says otherwise.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId(Box<str>);

impl DeviceId {
    const MAX: usize = 128;
    const MARKS: &'static str = "-:.+%_#*?!(),=@$'";
    const ALLOWED: &'static str = "ASCII letters, digits or - : . + % _ # * ? ! ( ) , = @ $ '";

    /// The ID as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        check(text, Self::MAX, Self::ALLOWED, |c| {
            c.is_ascii_alphanumeric() || Self::MARKS.contains(c)
        })?;
        Ok(Self(text.into()))
    }
}

/// What may stand in a registration ID may stand in a device ID, and neither may be longer.
impl From<&RegistrationId> for DeviceId {
    fn from(id: &RegistrationId) -> Self {
        Self(id.as_str().into())
    }
}

/// The host name of an IoT hub, such as `contoso-toasters-hub-1098.azure-devices.net`.
///
/// It is shown as it was given and compared as host names are, without regard to case (K-10).
/// Copies share one text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubName(Arc<str>);

impl HubName {
    const MAX: usize = 253;
    const ALLOWED: &'static str = "letters, digits, '-', '_' or '.'";

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is this hub's name.
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl FromStr for HubName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        check(text, Self::MAX, Self::ALLOWED, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
        })?;
        match text.split('.').any(str::is_empty) {
            true => Err(IdError::EmptyLabel),
            false => Ok(Self(text.into())),
        }
    }
}

impl PartialEq for HubName {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.as_str())
    }
}

impl Eq for HubName {}

impl PartialOrd for HubName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HubName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for HubName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        // What `str` ends with, so that names that follow each other stay apart.
        state.write_u8(0xff);
    }
}

macro_rules! text_of {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    )*};
}

shown_as_text!(DeviceId, HubName);
text_of!(DeviceId, HubName);

/// Exactly this text, as a hub tells its devices apart.
impl PartialEq<str> for DeviceId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for DeviceId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// This hub's name, in any case.
impl PartialEq<str> for HubName {
    fn eq(&self, other: &str) -> bool {
        self.is(other)
    }
}

impl PartialEq<&str> for HubName {
    fn eq(&self, other: &&str) -> bool {
        self.is(other)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use proptest::prelude::*;

    use super::*;

    fn device(text: &str) -> Result<DeviceId, IdError> {
        text.parse()
    }

    fn hub(text: &str) -> Result<HubName, IdError> {
        text.parse()
    }

    #[test]
    fn k_9_device_ids_are_those_that_a_hub_takes() {
        for good in ["a", "Pump-1", "-:.+%_#*?!(),=@$'", &"z".repeat(128)] {
            assert_eq!(device(good).unwrap().as_str(), good);
        }
        assert_eq!(device(""), Err(IdError::Empty));
        assert_eq!(device(&"z".repeat(129)), Err(IdError::TooLong { length: 129, limit: 128 }));
        assert!(matches!(
            device("dev 1/ü"),
            Err(IdError::Character { found: ' ', position: 4, .. })
        ));
        for bad in ["a/b", "dév", "a\n", "a&b", "a\"b"] {
            assert!(matches!(device(bad), Err(IdError::Character { .. })), "{bad}");
        }
    }

    #[test]
    fn k_9_device_ids_are_told_apart_by_case() {
        assert_ne!(device("Pump-1"), device("pump-1"));
        assert_eq!(device("Pump-1").unwrap(), "Pump-1");
    }

    #[test]
    fn k_10_hub_names_are_compared_without_case_and_shown_as_given() {
        let (given, other) = (hub("Hub.Azure-Devices.net").unwrap(), hub("hub.azure-devices.NET"));
        let hash = RandomState::new();

        assert_eq!(given.to_string(), "Hub.Azure-Devices.net");
        assert_eq!(given, "HUB.azure-devices.net");
        assert_eq!(hash.hash_one(&given), hash.hash_one(other.as_ref().unwrap()));
        assert_eq!(Ok(given), other);
    }

    #[test]
    fn hub_names_are_host_names() {
        assert!(["localhost", "127.0.0.1", "a_b.c-d"].iter().all(|good| hub(good).is_ok()));
        assert_eq!(hub(""), Err(IdError::Empty));
        assert_eq!(hub(&"z".repeat(254)), Err(IdError::TooLong { length: 254, limit: 253 }));
        for bad in [".", "hub.", ".net", "a..b"] {
            assert_eq!(hub(bad), Err(IdError::EmptyLabel), "{bad}");
        }
        for bad in ["https://hub.net", "hub.net:8883", "hüb", "a b"] {
            assert!(matches!(hub(bad), Err(IdError::Character { .. })), "{bad}");
        }
    }

    #[test]
    fn they_are_checked_where_they_are_read() {
        let read = serde_json::from_str::<DeviceId>(r#""dev 1/ü""#).unwrap_err().to_string();

        assert!(read.starts_with("' ' at position 4 is not allowed"), "{read}");
        assert_eq!(serde_json::to_string(&hub("H.net").unwrap()).unwrap(), r#""H.net""#);
    }

    proptest! {
        #[test]
        fn k_9_every_registration_id_is_a_device_id(text in "[A-Za-z0-9._:-]{0,127}[A-Za-z0-9-]") {
            let id: RegistrationId = text.parse().unwrap();
            prop_assert_eq!(Ok(DeviceId::from(&id)), text.parse());
        }

        #[test]
        fn the_order_of_hub_names_agrees_with_their_equality(a in "[abAB]{1,2}", b in "[abAB]{1,2}") {
            let (a, b) = (hub(&a).unwrap(), hub(&b).unwrap());
            prop_assert_eq!(a == b, a.cmp(&b) == Ordering::Equal);
        }
    }
}
