//! How many devices begin in which time: `100/s`, `1000/m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// Why a text is no [`StartRate`] or [`Stage`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RateError {
    /// It has another form.
    #[error("{0:?}: expected DEVICES/TIME, such as 100/s, 1000/m or 5/10s")]
    Form(String),
    /// It is nothing, or more than can be.
    #[error("{0:?}: it must be more than nothing, and at most a million a second")]
    Range(String),
    /// A stage has another form.
    #[error("{0:?}: expected DURATION:RATE, such as 1m:100/s")]
    Stage(String),
    /// A stage without a length.
    #[error("{0:?}: {1:?} is no duration of more than nothing, such as 90s or 10m")]
    Length(String, String),
}

/// How many devices begin in a second. Written `DEVICES/TIME`; a unit of time alone means one of
/// it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StartRate(f64);

impl StartRate {
    const MAX: f64 = 1e6;

    /// Devices a second: more than 0, and finite.
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for StartRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let read = || {
            let (count, time) = text.split_once('/')?;
            let is_plain = count.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let count: f64 = count.parse().ok().filter(|_| is_plain)?;
            let time = match time.bytes().next()? {
                byte if byte.is_ascii_alphabetic() => format!("1{time}"),
                _ => time.to_owned(),
            };
            Some((count, humantime::parse_duration(&time).ok()?))
        };
        let (count, time) = read().ok_or_else(|| RateError::Form(text.to_owned()))?;
        let rate = count / time.as_secs_f64();
        if rate > 0.0 && rate <= Self::MAX {
            Ok(Self(rate))
        } else {
            Err(RateError::Range(text.to_owned()))
        }
    }
}

impl fmt::Display for StartRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// A stretch of time with a rate of its own. Written `DURATION:RATE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long; the last of several goes on until all devices have begun.
    pub length: Duration,
    /// At which rate devices begin.
    pub rate: StartRate,
}

impl FromStr for Stage {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (length, rate) =
            text.split_once(':').ok_or_else(|| RateError::Stage(text.to_owned()))?;
        let parsed = humantime::parse_duration(length).ok().filter(|length| !length.is_zero());
        let wrong = || RateError::Length(text.to_owned(), length.to_owned());
        Ok(Self { length: parsed.ok_or_else(wrong)?, rate: rate.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_alone_means_one_of_it() {
        for (text, per_second) in
            [("100/s", 100.0), ("1200/m", 20.0), ("1200/min", 20.0), ("5/10s", 0.5), ("0.5/s", 0.5)]
        {
            assert_eq!(text.parse::<StartRate>().unwrap().per_second(), per_second, "{text}");
        }
        let stage: Stage = "1m 30s:100/s".parse().unwrap();
        assert_eq!((stage.length, stage.rate), (Duration::from_secs(90), StartRate(100.0)));
    }

    #[test]
    fn what_is_no_rate_says_what_was_expected() {
        for text in ["100", "x/s", "-1/s", "1e3/s", "1/", "1/x", "/s", "inf/s", "nan/s"] {
            assert_eq!(text.parse::<StartRate>(), Err(RateError::Form(text.to_owned())), "{text}");
        }
        for text in ["0/s", "1/0s", "2000000/s"] {
            assert_eq!(text.parse::<StartRate>(), Err(RateError::Range(text.to_owned())), "{text}");
        }
        let stage = |text: &str| text.parse::<Stage>().unwrap_err().to_string();
        assert!(stage("100/s").contains("expected DURATION:RATE"));
        assert!(stage("soon:100/s").contains("\"soon\" is no duration"));
        assert!(stage("1m:fast").contains("expected DEVICES/TIME"));
    }
}
