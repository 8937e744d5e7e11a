//! Times as RFC 3339 in UTC, to the nanosecond.

use std::time::SystemTime;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::wire::writable;

pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    // A clock that is set to before 1970 is no reason to keep nothing.
    to.collect_str(&humantime::format_rfc3339_nanos(writable(*time)))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_rfc3339(&text).map_err(|_| D::Error::custom("no time"))
}
