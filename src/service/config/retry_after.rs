//! What devices may be told to wait.

use std::time::Duration;

use serde::Deserialize;

/// Parses what devices may be told to wait: whole seconds up to an hour, because the Python SDK
/// hangs on anything else.
///
/// # Errors
///
/// In words for the user.
pub fn retry_after(text: &str) -> Result<Duration, String> {
    const HOUR: Duration = Duration::from_secs(3600);
    match humantime::parse_duration(text) {
        Ok(wait) if wait > HOUR => Err("must be at most 1h".to_owned()),
        Ok(wait) if wait.subsec_nanos() > 0 => {
            Err("must be whole seconds; the Python SDK hangs on fractions".to_owned())
        }
        Ok(wait) => Ok(wait),
        Err(error) => Err(format!("{error}; write a duration such as 3s, 1m or 0s")),
    }
}

/// The same as a member of a file.
pub(super) fn read<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |error| serde::de::Error::custom(format!("{text:?}: {error}"));
    retry_after(&text).map(Some).map_err(wrong)
}
