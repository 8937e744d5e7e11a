//! Durations as arguments give them.

use std::time::Duration;

use crate::text::spoken;

/// Parses `30s`, `2m`, `1h 30m`, from more than nothing to at most `max`.
pub(crate) fn duration(text: &str, max: Duration) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a duration such as 30s, 2m or 1h 30m"))?;
    if duration.is_zero() {
        return Err("must be more than nothing".to_owned());
    }
    if duration > max {
        return Err(format!("must be at most {}", spoken(max)));
    }
    Ok(duration)
}

/// For `--timeout`.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    duration(text, DAY)
}

/// For `--ttl`.
pub(crate) fn token_lifetime(text: &str) -> Result<Duration, String> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    duration(text, YEAR)
}
