//! What time it is, and waiting.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::stage::{Stage, Turn};

/// A clock. [`Default`] is the system's; a test may have one that shows another time, and one that stands.
///
/// Nobody waits for a clock that stands: it is moved by those who wait. Who waits three seconds moves it
/// by three seconds and goes on at once; of several the one whose time comes first, and only when everybody
/// else waits too (J-312). For this, whoever goes his own way while others go theirs has a [`Turn`]: one for
/// each device, one for each call of a webhook. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    own: Option<Arc<Own>>,
    /// Whether who asks it acts in the turn of somebody else, who waits for that.
    is_in_turn: bool,
}

/// A clock of its own.
#[derive(Debug)]
struct Own {
    /// What it showed at first.
    began: SystemTime,
    /// When that was.
    since: Instant,
    /// Whether time does not move it.
    stands: bool,
    /// How far it was moved, and who waits for it.
    stage: Arc<Stage>,
}

impl Clock {
    /// The system's.
    pub const fn system() -> Self {
        Self { own: None, is_in_turn: false }
    }

    /// One that shows this time, until it is moved. For tests.
    pub fn standing(time: SystemTime) -> Self {
        Self::own(time, true)
    }

    /// One that shows this time now, and goes on from it as every clock does. For tests.
    pub fn running(time: SystemTime) -> Self {
        Self::own(time, false)
    }

    fn own(began: SystemTime, stands: bool) -> Self {
        let (since, stage) = (machine_instant(), Arc::default());
        Self { own: Some(Arc::new(Own { began, since, stands, stage })), is_in_turn: false }
    }

    /// Whether it stands: then nobody waits for it.
    pub fn stands(&self) -> bool {
        self.standing_one().is_some()
    }

    /// The time, as calendars have it.
    pub fn now(&self) -> SystemTime {
        match &self.own {
            None => machine_time(),
            Some(own) => own.began.checked_add(own.passed()).unwrap_or(own.began),
        }
    }

    /// The time, as durations are measured by. Not for what guards a socket.
    pub fn instant(&self) -> Instant {
        match &self.own {
            None => machine_instant(),
            Some(own) => own.since.checked_add(own.passed()).unwrap_or(own.since),
        }
    }

    /// Puts it forward; whether it can be. The system's clock cannot.
    pub fn advance(&self, by: Duration) -> bool {
        let Some(own) = &self.own else { return false };
        // As far as clocks go.
        let can = |moved: Duration| {
            own.since.checked_add(moved).is_some() && own.began.checked_add(moved).is_some()
        };
        own.stage.advance(by, can)
    }

    /// Begins something that goes its own way beside others: as long as it goes on and does not wait, a clock
    /// that stands is not moved by others. Nothing, where it does not stand.
    pub fn turn(&self) -> Option<Turn> {
        self.standing_one().filter(|_| !self.is_in_turn).map(|own| own.stage.turn())
    }

    /// The same clock for what is done in the turn of the caller, who has one and waits for it: it begins no
    /// turn of its own.
    #[must_use]
    pub fn in_turn(&self) -> Self {
        Self { is_in_turn: true, ..self.clone() }
    }

    /// Waits until nothing can go on but by the clock, and before it is moved on: when it returns, all that
    /// could happen at this time has happened. The turn is the caller's, who may do something at this time before
    /// it is over; the one that it has had is given away.
    ///
    /// Returns at once where the clock does not stand: there is no such time.
    pub async fn lull(&self, turn: Option<Turn>) -> Option<Turn> {
        match self.standing_one() {
            Some(own) => Some(own.stage.lull(turn, false).await),
            None => None,
        }
    }

    /// The same for whom this time has brought nothing: the next time at which nothing can go on.
    pub async fn next_lull(&self, turn: Option<Turn>) -> Option<Turn> {
        match self.standing_one() {
            Some(own) => Some(own.stage.lull(turn, true).await),
            None => None,
        }
    }

    /// Lets all others go on first who can at this time; nothing where it does not stand. Whoever waits for
    /// something that may come without the clock being moved waits so.
    pub async fn settle(&self) {
        if let Some(own) = self.standing_one() {
            own.stage.settle().await;
        }
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) {
        match self.standing_one() {
            Some(own) => own.stage.sleep(time).await,
            None => tokio::time::sleep(time).await,
        }
    }

    /// Waits until it is so late, by [`instant`](Self::instant).
    pub async fn sleep_until(&self, until: Instant) {
        self.sleep(until.saturating_duration_since(self.instant())).await;
    }

    /// What comes of `work`, or none if that is not there by `until`, by [`instant`](Self::instant).
    ///
    /// The time that is left is waited for in earnest, by a clock that stands too, for who does `work` may be
    /// at the other end of a socket; then the clock shows `until`. Where the clock was moved beyond `until` by
    /// somebody who waited meanwhile, the work came too late.
    pub async fn until<T>(&self, until: Instant, work: impl Future<Output = T>) -> Option<T> {
        let left = until.saturating_duration_since(self.instant());
        let done = tokio::time::timeout(left, work).await.ok();
        if !self.stands() {
            return done;
        }
        let now = self.instant();
        if done.is_none() {
            self.advance(until.saturating_duration_since(now));
        }
        done.filter(|_| now <= until)
    }

    /// What comes of `work`, or none if it is known that nothing will come to `whose`, and `until` is there.
    /// Where the clock does not stand it is only waited for: nobody knows what will come.
    pub async fn expect<T>(
        &self,
        whose: &str,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let Some(own) = self.standing_one() else { return Some(work.await) };
        let left = until.saturating_duration_since(self.instant());
        tokio::select! {
            biased;
            done = work => Some(done),
            () = own.stage.alarm(whose, left) => None,
        }
    }

    /// Nothing comes any more to somebody who [expects](Self::expect) it: nobody has to wait in earnest.
    pub fn forsake(&self, whose: String) {
        if let Some(own) = self.standing_one() {
            own.stage.forsake(whose);
        }
    }

    /// Something may come again to somebody who has asked anew.
    pub fn attend(&self, whose: &str) {
        if let Some(own) = self.standing_one() {
            own.stage.attend(whose);
        }
    }

    fn standing_one(&self) -> Option<&Own> {
        self.own.as_deref().filter(|own| own.stands)
    }
}

impl Own {
    /// Since it showed its first time.
    fn passed(&self) -> Duration {
        let moved = self.stage.moved();
        match self.stands {
            true => moved,
            false => moved.saturating_add(machine_instant().saturating_duration_since(self.since)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
fn machine_time() -> SystemTime {
    SystemTime::now()
}

fn machine_instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::UNIX_EPOCH;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn j_312_a_clock_that_stands_is_moved_by_waiting_and_nobody_waits() {
        let clock = Clock::standing(UNIX_EPOCH);
        let began = clock.instant();

        clock.sleep(HOUR).await;
        clock.clone().sleep_until(began + 3 * HOUR).await;
        clock.sleep_until(began).await;

        assert_eq!(clock.now(), UNIX_EPOCH + 3 * HOUR);
        assert_eq!(clock.instant() - began, 3 * HOUR);
    }

    #[tokio::test]
    async fn j_312_what_comes_when_the_clock_was_moved_beyond_the_end_comes_too_late() {
        let clock = Clock::standing(UNIX_EPOCH);
        let end = clock.instant() + HOUR;

        assert_eq!(clock.until(end, async { clock.sleep(HOUR).await }).await, Some(()));
        assert_eq!(clock.until(end, ready(())).await, Some(()));
        assert_eq!(clock.until(end, clock.sleep(HOUR)).await, None);
        assert_eq!(clock.until(end, pending::<()>()).await, None);
        assert_eq!(clock.now(), UNIX_EPOCH + 2 * HOUR);
    }

    #[tokio::test]
    async fn a_running_clock_goes_on_from_its_time_and_the_systems_is_not_moved() {
        let clock = Clock::running(UNIX_EPOCH);
        let first = clock.now();

        assert!(clock.advance(HOUR));
        assert!(clock.now() >= first + HOUR && clock.now() < first + 2 * HOUR);
        assert!(!clock.advance(Duration::MAX));
        assert!(!Clock::default().advance(HOUR));
        assert!(clock.turn().is_none() && clock.lull(None).await.is_none());
    }
}
