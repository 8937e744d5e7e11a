//! A sliding window: at most so many in any stretch of time of one length (J-90).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rate::Rate;

/// Keeps count of one thing, and remembers only what was accepted within the last window.
#[derive(Debug)]
pub(super) struct Window {
    rate: Rate,
    /// When the accepted ones came, the oldest first: never more than the rate's count.
    accepted: VecDeque<Instant>,
}

impl Window {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, accepted: VecDeque::new() }
    }

    /// Takes a place, if there is one.
    ///
    /// # Errors
    ///
    /// How long it is until a place is free. What is refused does not count, so that nobody who
    /// asks too often keeps the others out for longer.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        take(&mut self.accepted, self.rate, now)
    }
}

/// The same where the times are kept by somebody else.
pub(super) fn take(
    accepted: &mut VecDeque<Instant>,
    rate: Rate,
    now: Instant,
) -> Result<(), Duration> {
    // Two callers may read the clock in one order and get here in the other.
    let now = accepted.back().map_or(now, |newest| now.max(*newest));
    let left = |came: Instant| rate.window().checked_sub(now.saturating_duration_since(came));
    let still_counts = |came: &Instant| left(*came).filter(|left| !left.is_zero());
    while accepted.front().is_some_and(|oldest| still_counts(oldest).is_none()) {
        accepted.pop_front();
    }
    let is_full = u32::try_from(accepted.len()).map_or(true, |taken| taken >= rate.count());
    match accepted.front().and_then(still_counts) {
        Some(wait) if is_full => Err(wait),
        _ => {
            accepted.push_back(now);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_place_is_free_again_when_its_window_has_passed_and_not_before() {
        let (mut window, start) = (Window::new("2/10s".parse().unwrap()), Instant::now());

        assert_eq!(window.take(start), Ok(()));
        assert_eq!(window.take(start + millis(4000)), Ok(()));
        assert_eq!(window.take(start + millis(9999)), Err(millis(1)));
        assert_eq!(window.take(start + millis(10_000)), Ok(()));
        assert_eq!(window.take(start + millis(10_000)), Err(millis(4000)));
    }

    #[test]
    fn a_clock_that_is_read_late_gives_nobody_a_place_more() {
        let (mut window, start) = (Window::new("1/s".parse().unwrap()), Instant::now());

        assert_eq!(window.take(start + millis(500)), Ok(()));
        assert_eq!(window.take(start), Err(millis(1000)));
        assert_eq!(window.take(start + millis(1500)), Ok(()));
    }

    proptest! {
        /// J-90.
        #[test]
        fn never_more_than_the_count_in_any_window_and_never_fewer_than_there_is_room_for(
            count in 1..8_u32,
            length in 1..50_u64,
            gaps in prop::collection::vec(0..20_u64, 1..200),
        ) {
            let mut window = Window::new(Rate::of(count, millis(length)));
            let (start, mut now) = (Instant::now(), 0);
            let mut accepted: Vec<u64> = Vec::new();
            for gap in gaps {
                now += gap;
                let counting = accepted.iter().filter(|came| now - **came < length).count();

                let taken = window.take(start + millis(now));

                prop_assert_eq!(taken.is_ok(), counting < count as usize);
                if taken.is_ok() {
                    accepted.push(now);
                }
                prop_assert!(window.accepted.len() <= count as usize);
            }
            for (nth, came) in accepted.iter().enumerate() {
                if let Some(later) = accepted.get(nth + count as usize) {
                    prop_assert!(later - came >= length, "{} and {}", came, later);
                }
            }
        }

        /// J-90.
        #[test]
        fn who_waits_as_told_gets_in_and_no_sooner(
            count in 1..8_u32,
            length in 1..50_u64,
            gaps in prop::collection::vec(0..20_u64, 1..100),
        ) {
            let mut window = Window::new(Rate::of(count, millis(length)));
            let mut now = Instant::now();
            for gap in gaps {
                now += millis(gap);
                let Err(wait) = window.take(now) else { continue };
                prop_assert!(!wait.is_zero() && wait <= millis(length));
                prop_assert!(window.take(now + wait - Duration::from_nanos(1)).is_err());
                now += wait;
                prop_assert_eq!(window.take(now), Ok(()));
            }
        }
    }
}
