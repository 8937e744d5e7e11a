//! Times as the service writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z, the last second that has a name.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The nearest time that can be written in answers and certificates: from 1970 to 9999. Machines
/// whose clock was never set, and tokens with times in milliseconds, have others (J-206).
pub fn writable(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + since.min(LAST)
}

/// UTC with up to seven fractional digits, trailing zeros dropped, as in recorded replies (E.1):
/// `2026-03-02T08:15:30.1234567Z`.
pub fn timestamp(time: SystemTime) -> String {
    let nanos = nano_timestamp(time);
    // 19 characters of date and time, a dot, nine digits, `Z`.
    let Some((seconds, fraction)) = nanos.trim_end_matches('Z').split_once('.') else {
        return nanos;
    };
    let fraction = fraction.get(..7).unwrap_or(fraction).trim_end_matches('0');
    match fraction {
        "" => format!("{seconds}Z"),
        digits => format!("{seconds}.{digits}Z"),
    }
}

/// UTC with nine fractional digits, as hubs write the times of what a device asks them for (I.4):
/// `2026-01-31T12:52:20.565000000Z`.
pub fn nano_timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_nanos(writable(time)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_206_a_clock_before_1970_or_after_9999_is_written_as_the_nearest_time() {
        let day = Duration::from_secs(24 * 60 * 60);

        for (time, text) in [
            (UNIX_EPOCH - day, "1970-01-01T00:00:00Z"),
            (UNIX_EPOCH + day * 3_000_000, "9999-12-31T23:59:59Z"),
            (UNIX_EPOCH + LAST, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(timestamp(time), text);
        }
    }

    #[test]
    fn e_1_seven_digits_and_no_trailing_zeros() {
        let at = |nanos| timestamp(UNIX_EPOCH + Duration::new(1_772_439_330, nanos));

        assert_eq!(at(123_456_789), "2026-03-02T08:15:30.1234567Z");
        assert_eq!(at(500_000_000), "2026-03-02T08:15:30.5Z");
        assert_eq!(at(99), "2026-03-02T08:15:30Z");
        assert_eq!(at(0), "2026-03-02T08:15:30Z");
        let whole = nano_timestamp(UNIX_EPOCH + Duration::new(1_769_863_940, 565_000_000));
        assert_eq!(whole, "2026-01-31T12:52:20.565000000Z");
    }
}
