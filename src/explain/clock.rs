//! This machine's clock against the service's.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::text::spoken;

/// Less is noise: a request takes its time, and people set clocks by hand (J-115).
pub const SKEW_TO_MENTION: Duration = Duration::from_secs(5 * 60);

/// How far this machine's clock is off, by the service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// It is behind.
    Behind(Duration),
    /// It is ahead.
    Ahead(Duration),
}

impl Skew {
    /// Compares the clocks at one moment.
    pub fn between(here: SystemTime, service: SystemTime) -> Self {
        match service.duration_since(here) {
            Ok(behind) => Self::Behind(behind),
            Err(error) => Self::Ahead(error.duration()),
        }
    }

    /// How much it is, either way.
    pub fn amount(self) -> Duration {
        match self {
            Self::Behind(amount) | Self::Ahead(amount) => amount,
        }
    }

    /// Whether it is worth a word.
    pub fn is_large(self) -> bool {
        self.amount() > SKEW_TO_MENTION
    }
}

/// Such as `1 h 59 min behind`.
impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = spoken(self.amount());
        let side = if matches!(self, Self::Behind(_)) { "behind" } else { "ahead" };
        write!(f, "{text} {side}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// J-115.
    #[test]
    fn skew_is_told_with_its_side_and_small_ones_are_not_worth_a_word() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);

        assert_eq!(Skew::between(at(0), at(7261)).to_string(), "2 h 1 min behind");
        assert_eq!(Skew::between(at(400), at(0)).to_string(), "6 min 40 s ahead");
        assert!(
            Skew::between(at(301), at(0)).is_large() && Skew::between(at(0), at(301)).is_large()
        );
        assert!(!Skew::between(at(0), at(300)).is_large());
    }
}
