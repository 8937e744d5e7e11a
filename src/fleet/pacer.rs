//! When the next device may begin, given when it was meant to, and how long the service wants to be
//! left alone.
//!
//! While launches are held, the fleet's clock stands still (J-162): what was meant to begin later
//! begins later by as much, so that the fleet goes on at its rate and does not come back in a burst.

use std::time::Duration;

/// The times of one device after the other, moved by the holds.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    shift: Duration,
    due: Option<Duration>,
}

impl Pacer {
    /// Turns to the next device, which the schedule wants to begin at `planned`, or when there is
    /// room.
    pub(super) fn turn_to(&mut self, planned: Option<Duration>) {
        self.due = planned.map(|planned| planned.saturating_add(self.shift));
    }

    /// Launches are held from `now` to `until`. A device that was meant to begin before is late, and
    /// stays so.
    pub(super) fn hold(&mut self, now: Duration, until: Duration) {
        let pause = until.saturating_sub(now);
        self.shift = self.shift.saturating_add(pause);
        if let Some(due) = self.due.as_mut().filter(|due| **due > now) {
            *due = due.saturating_add(pause);
        }
    }

    /// How long launches have been held in all.
    pub(super) fn held(&self) -> Duration {
        self.shift
    }

    /// When the device is meant to begin: as planned, or `now`.
    pub(super) fn intended(&self, now: Duration) -> Duration {
        self.due.unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn j_162_a_hold_moves_what_comes_after_its_beginning() {
        let mut pacer = Pacer::default();

        pacer.turn_to(Some(seconds(5)));
        pacer.hold(seconds(6), seconds(10));
        assert_eq!(pacer.intended(seconds(10)), seconds(5), "it was late before the hold");

        pacer.turn_to(Some(seconds(7)));
        assert_eq!(pacer.intended(seconds(10)), seconds(11));
        pacer.hold(seconds(10), seconds(12));
        assert_eq!(pacer.intended(seconds(12)), seconds(13));
        assert_eq!(pacer.held(), seconds(6));
    }

    #[test]
    fn without_a_plan_a_device_is_meant_to_begin_when_it_can() {
        let mut pacer = Pacer::default();

        pacer.turn_to(None);
        pacer.hold(seconds(1), seconds(4));

        assert_eq!(pacer.intended(seconds(4)), seconds(4));
    }
}
