//! Times as the service writes them.

use std::time::SystemTime;

/// UTC with up to seven fractional digits, trailing zeros dropped, as in recorded replies (E.1):
/// `2026-03-02T08:15:30.1234567Z`.
pub fn timestamp(time: SystemTime) -> String {
    let nanos = humantime::format_rfc3339_nanos(time).to_string();
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn e_1_seven_digits_and_no_trailing_zeros() {
        let at = |nanos| timestamp(UNIX_EPOCH + Duration::new(1_772_439_330, nanos));

        assert_eq!(at(123_456_789), "2026-03-02T08:15:30.1234567Z");
        assert_eq!(at(500_000_000), "2026-03-02T08:15:30.5Z");
        assert_eq!(at(99), "2026-03-02T08:15:30Z");
        assert_eq!(at(0), "2026-03-02T08:15:30Z");
    }
}
