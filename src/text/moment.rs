//! Points in time, as people read them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::writable;

/// `2026-03-02T08:15:30Z`, as RFC 3339 has it. What comes from outside may name a time that it has no
/// form for: `the year 58878`, `before 1970`.
pub fn moment(time: SystemTime) -> String {
    // Of 365.2425 days.
    const YEAR: u64 = 31_556_952;
    match time.duration_since(UNIX_EPOCH) {
        Err(_) => "before 1970".to_owned(),
        Ok(since) if is_beyond_dates(time) => {
            let year = 1970 + since.as_secs() / YEAR;
            format!("the year {}", year.max(10_000))
        }
        Ok(_) => humantime::format_rfc3339_seconds(time).to_string(),
    }
}

/// `2026-03-02`, or what [`moment`] says where there is no date.
pub fn day(time: SystemTime) -> String {
    let text = moment(time);
    match text.split_once('T') {
        Some((day, _)) => day.to_owned(),
        None => text,
    }
}

/// Whether the time is after the year 9999: hardly what somebody meant.
pub fn is_beyond_dates(time: SystemTime) -> bool {
    time > UNIX_EPOCH && writable(time) != time
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LAST: Duration = Duration::from_secs(253_402_300_799);

    #[test]
    fn every_time_has_a_text() {
        let at = |seconds| moment(UNIX_EPOCH + Duration::from_secs(seconds));

        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_772_439_330), "2026-03-02T08:15:30Z");
        assert_eq!(at(LAST.as_secs()), "9999-12-31T23:59:59Z");
        assert_eq!(at(LAST.as_secs() + 1), "the year 10000");
        // Milliseconds, taken for seconds.
        assert_eq!(at(1_795_824_000_000), "the year 58877");
        assert_eq!(moment(UNIX_EPOCH - Duration::from_secs(1)), "before 1970");
        assert_eq!(day(UNIX_EPOCH), "1970-01-01");
        // As late as the system can count.
        assert!(at(i64::MAX as u64).starts_with("the year "));
    }
}
