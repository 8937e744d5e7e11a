//! How records are written on the disk: as JSON, one object a record, which a person can read and
//! a later version can add members to.
//!
//! Each file has the mirror of one kind of record. Nothing in here reads or writes files, and no
//! error repeats what is in a record: it may be a key.

pub(super) mod device;
pub(super) mod enrollment;
pub(super) mod hub;

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::attestation::Certificate;

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Unreadable {
    /// It is not JSON of the expected shape.
    #[error("its JSON is not what is expected, at byte {0}")]
    Shape(usize),
    /// It is, but says something impossible.
    #[error("{0}")]
    Content(String),
}

fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    // Without serde's own text, which quotes what it found.
    serde_json::from_slice(json).map_err(|error| Unreadable::Shape(error.column()))
}

/// What has one text, as that text.
mod text {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        String::deserialize(from)?.parse().map_err(|_| D::Error::custom("unexpected text"))
    }
}

/// Times as RFC 3339 in UTC, to the nanosecond.
mod time {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    /// 9999-12-31T23:59:59Z, the last that has four digits for its year.
    const LAST: Duration = Duration::from_secs(253_402_300_799);

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        // A clock that is set to before 1970 is no reason to keep nothing.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
        to.collect_str(&humantime::format_rfc3339_nanos(UNIX_EPOCH + since))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_rfc3339(&text).map_err(|_| D::Error::custom("no time"))
    }
}

/// A certificate as Base64 of its DER form.
#[derive(Debug, Clone)]
struct Der(Certificate);

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(self.0.der()))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("no certificate");
        let der = STANDARD.decode(String::deserialize(from)?).map_err(|_| wrong())?;
        Certificate::from_der(der.into()).map(Self).map_err(|_| wrong())
    }
}
