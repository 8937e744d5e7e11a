//! Warnings that one party can cause as often as it likes: the first are logged, the others counted
//! (J-203).
//!
//! Pure: the time is handed in.

use std::time::Duration;

use tokio::time::Instant;

/// In any such time …
const WINDOW: Duration = Duration::from_secs(10);
/// … so many are logged.
const LOGGED: u32 = 10;

/// Counts the warnings of one party.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    window: Option<Instant>,
    logged: u32,
    counted: u64,
}

impl Repeats {
    /// Whether one more may be logged now.
    pub(super) fn may_log(&mut self, now: Instant) -> bool {
        if self.window.is_none_or(|begun| now.saturating_duration_since(begun) >= WINDOW) {
            (self.window, self.logged) = (Some(now), 0);
        }
        if self.logged < LOGGED {
            self.logged += 1;
            return true;
        }
        self.counted += 1;
        false
    }

    /// How many were counted only since this was last asked; none if none were.
    pub(super) fn take_counted(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.counted)).filter(|counted| *counted > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_203_the_first_warnings_are_logged_and_the_others_counted() {
        let mut repeats = Repeats::default();
        let begun = Instant::now();

        let logged = (0..1000).filter(|_| repeats.may_log(begun)).count();

        assert_eq!((logged, repeats.take_counted()), (10, Some(990)));
        assert_eq!(repeats.take_counted(), None);
        assert!(!repeats.may_log(begun + WINDOW - Duration::from_millis(1)));
        assert!(repeats.may_log(begun + WINDOW), "and later it is news again");
        assert_eq!(repeats.take_counted(), Some(1));
    }
}
