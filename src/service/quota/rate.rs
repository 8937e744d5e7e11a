//! How often something may happen: `1000/min`, `5/10s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// A number of times in a stretch of time, any stretch of that length (J-90).
///
/// Written `COUNT/DURATION`, such as `1000/min` or `5/10s`; a unit alone means one of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    window: Duration,
}

/// Why a text is no [`Rate`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RateError {
    /// It has another form.
    #[error("{0:?}: expected COUNT/DURATION such as 1000/min or 5/10s, or none")]
    Form(String),
    /// The number is 0, or too large.
    #[error("{0:?}: the count must be 1 to {max}; `none` lifts a limit", max = Rate::MAX_COUNT)]
    Count(String),
    /// The stretch of time is none, or too long.
    #[error("{0:?}: the duration must be 1ms to 24h")]
    Window(String),
}

impl Rate {
    /// The largest count. Every one that was accepted is remembered for as long as it counts.
    pub const MAX_COUNT: u32 = 1_000_000;

    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_secs(24 * 3600);

    /// For constants; both must be in their ranges.
    pub(super) const fn of(count: u32, window: Duration) -> Self {
        Self { count, window }
    }

    /// How often.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// In which time.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Reads a limit as users write it: a rate, or `none`.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn read_limit(text: &str) -> Result<Option<Self>, RateError> {
        if text == "none" { Ok(None) } else { text.parse().map(Some) }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let wrong_form = || RateError::Form(text.to_owned());
        let (count, window) = text.split_once('/').ok_or_else(wrong_form)?;
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong_form());
        }
        let count = count.parse().ok().filter(|count| (1..=Self::MAX_COUNT).contains(count));
        let count = count.ok_or_else(|| RateError::Count(text.to_owned()))?;
        let window = match window.bytes().next() {
            Some(byte) if byte.is_ascii_alphabetic() => format!("1{window}"),
            _ => window.to_owned(),
        };
        let window = humantime::parse_duration(&window).map_err(|_| wrong_form())?;
        if !(Self::SHORTEST..=Self::LONGEST).contains(&window) {
            return Err(RateError::Window(text.to_owned()));
        }
        Ok(Self { count, window })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match (self.window.as_secs(), self.window.subsec_nanos()) {
            (1, 0) => Some("s"),
            (60, 0) => Some("min"),
            (3600, 0) => Some("h"),
            _ => None,
        };
        match unit {
            Some(unit) => write!(f, "{}/{unit}", self.count),
            None => {
                let window = crate::text::written(self.window);
                write!(f, "{}/{window}", self.count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_unit_alone_means_one_of_it() {
        for (text, count, millis, shown) in [
            ("1000/min", 1000, 60_000, "1000/min"),
            ("1000/1m", 1000, 60_000, "1000/min"),
            ("5/10s", 5, 10_000, "5/10s"),
            ("10/1s", 10, 1000, "10/s"),
            ("1/hour", 1, 3_600_000, "1/h"),
            ("7/250ms", 7, 250, "7/250ms"),
            ("1000000/1m 30s", 1_000_000, 90_000, "1000000/1m30s"),
        ] {
            let rate: Rate = text.parse().unwrap();

            assert_eq!((rate.count(), rate.window().as_millis()), (count, millis), "{text}");
            assert_eq!(rate.to_string(), shown);
        }
    }

    #[test]
    fn none_is_a_limit_but_no_rate() {
        assert_eq!(Rate::read_limit("none"), Ok(None));
        assert_eq!(Rate::read_limit("5/10s"), Ok(Some(Rate::of(5, Duration::from_secs(10)))));
        assert!("none".parse::<Rate>().is_err());
    }

    #[test]
    fn what_is_no_rate_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<Rate>().unwrap_err();

        for text in ["", "5", "/", "5/", "/min", "-1/s", "+1/s", "1.5/s", "5/10", "5/soon", "5/s/s"]
        {
            assert_eq!(refused(text), RateError::Form(text.to_owned()));
        }
        for text in ["0/s", "1000001/s", "99999999999999/s"] {
            assert_eq!(refused(text), RateError::Count(text.to_owned()));
        }
        for text in ["1/0s", "1/999us", "1/25h"] {
            assert_eq!(refused(text), RateError::Window(text.to_owned()));
        }
        assert_eq!(
            refused("0/s").to_string(),
            "\"0/s\": the count must be 1 to 1000000; `none` lifts a limit"
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_again(count in 1..=Rate::MAX_COUNT, millis in 1..=86_400_000_u64) {
            let rate = Rate::of(count, Duration::from_millis(millis));

            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*", digits in "[0-9]{0,30}/[0-9a-z ]{0,30}") {
            let _ = text.parse::<Rate>();
            let _ = digits.parse::<Rate>();
        }
    }
}
