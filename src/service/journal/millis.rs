//! Durations and times, as JSON has them.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::wire::timestamp;

pub(super) fn as_timestamp<S: Serializer>(
    time: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*time))
}

/// Whole milliseconds.
pub(super) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn as_millis<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*took))
}

pub(super) fn as_optional_millis<S: Serializer>(
    took: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    took.map(millis).serialize(serializer)
}
