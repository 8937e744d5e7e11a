//! `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use crate::wire::seconds;

/// How long to wait. A date counts from the answer's own `Date`, so that a wrong clock on this side
/// does no harm, and from `now` where it has none; one that has passed means at once. `None` where the
/// text is neither.
pub(crate) fn retry_after(text: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Some(wait) = seconds(text) {
        return Some(wait);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";

    fn noon() -> SystemTime {
        httpdate::parse_http_date(NOON).unwrap()
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        for (text, millis) in
            [("3", Some(3000)), ("0", Some(0)), ("0.25", Some(250)), (" 7 ", Some(7000))]
        {
            let wait = retry_after(text, None, noon()).map(|wait| wait.as_millis());
            assert_eq!(wait, millis, "{text:?}");
        }
    }

    #[test]
    fn a_date_counts_from_the_servers_clock_and_without_one_from_ours() {
        let at_noon = |text| retry_after(text, None, noon());
        let later = "Sun, 06 Nov 1994 12:00:07 GMT";
        let a_minute_early = noon() - Duration::from_secs(60);

        assert_eq!(at_noon(later), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(later, Some(NOON), a_minute_early), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(later, Some("noon"), a_minute_early), Some(Duration::from_secs(67)));
        assert_eq!(at_noon("Sunday, 06-Nov-94 12:00:07 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(at_noon("Sun Nov  6 12:00:07 1994"), Some(Duration::from_secs(7)));
        assert_eq!(at_noon("Sun, 06 Nov 1994 11:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_cannot_be_used_is_none() {
        for text in ["", "soon", "-1", "inf", "NaN", "1e300", "3 s"] {
            assert_eq!(retry_after(text, Some(NOON), noon()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_passed_over(text in ".{0,40}", date in ".{0,40}") {
            let _ = retry_after(&text, Some(&date), noon());
        }

        #[test]
        fn a_date_that_is_written_is_read_back(wait in 0_u64..10_000_000) {
            let wait = Duration::from_secs(wait);
            let text = httpdate::fmt_http_date(noon() + wait);
            prop_assert_eq!(retry_after(&text, Some(NOON), SystemTime::UNIX_EPOCH), Some(wait));
        }
    }
}
