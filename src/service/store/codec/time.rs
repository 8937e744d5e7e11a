//! Times as RFC 3339 in UTC, to the nanosecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

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
