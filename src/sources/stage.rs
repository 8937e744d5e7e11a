//! Who goes on and who waits, where the time of all is moved by those who wait.
//!
//! As long as anybody has a turn, nothing is moved. Who waits gives the turn away, and has it again when the
//! time is there: one after the other, so that what happens at one time happens in one order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Stage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How far the time was moved.
    moved: Duration,
    /// Turns that go on. Fewer than none where somebody waits who never had one.
    going: i64,
    /// Who waits, by the time and in the order in which they came.
    waiting: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    /// Who has set an alarm for what may never come, by the time of it.
    alarms: BTreeMap<(Duration, u64), Alarm>,
    /// To whom nothing comes, though they have not set an alarm yet.
    forsaken: BTreeSet<String>,
    /// Who goes on when nothing else can at this time, in the order in which they came.
    settling: BTreeMap<u64, oneshot::Sender<()>>,
    /// Who wants to know when nothing can go on, and from which beginning on.
    watching: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    /// How often something has begun, or has gone on with the time.
    begun: u64,
    /// The same when a lull was told last: until something begins, there is no other.
    told: Option<u64>,
    last: u64,
}

/// An alarm that somebody has set.
#[derive(Debug)]
struct Alarm {
    whose: String,
    /// Nothing comes, and so it is the next that happens to them.
    is_forsaken: bool,
    tell: oneshot::Sender<()>,
}

/// Something that goes its own way beside others; it ends when this is dropped. See
/// [`Clock::turn`](super::Clock::turn).
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Turn(Arc<Stage>);

/// One who waits. Dropped, it goes on as it was before.
struct Sleeper<'a> {
    stage: &'a Stage,
    key: (Duration, u64),
    told: oneshot::Receiver<()>,
}

/// One who has set an alarm. Dropped, what was waited for has come.
struct Alarmed<'a> {
    stage: &'a Stage,
    key: (Duration, u64),
    told: oneshot::Receiver<()>,
}

/// One who lets others have their turns first. Dropped, it has its own again.
struct Settler<'a> {
    stage: &'a Stage,
    key: u64,
    told: oneshot::Receiver<()>,
}

/// One who watches for a lull. Dropped, it watches no more.
struct Watcher<'a> {
    stage: &'a Arc<Stage>,
    key: (u64, u64),
    told: oneshot::Receiver<()>,
    has_turn: bool,
}

impl Stage {
    pub(super) fn moved(&self) -> Duration {
        self.state().moved
    }

    /// Moves the time, if it can be.
    pub(super) fn advance(&self, by: Duration, can: impl Fn(Duration) -> bool) -> bool {
        let mut state = self.state();
        let moved = state.moved.saturating_add(by);
        let can = can(moved);
        if can {
            state.moved = moved;
        }
        can
    }

    pub(super) fn turn(self: &Arc<Self>) -> Turn {
        let mut state = self.state();
        (state.going, state.begun) = (state.going + 1, state.begun + 1);
        Turn(self.clone())
    }

    /// Waits so long.
    pub(super) async fn sleep(&self, time: Duration) {
        if time.is_zero() {
            return tokio::task::yield_now().await;
        }
        let mut sleeper = {
            let mut state = self.state();
            let key = (state.moved.saturating_add(time), state.number());
            let (tell, told) = oneshot::channel();
            state.waiting.insert(key, tell);
            // Whose time it is goes on in this one's turn.
            state.going -= 1;
            state.go_on();
            Sleeper { stage: self, key, told }
        };
        // The other end is kept until it is told.
        let _ = (&mut sleeper.told).await;
    }

    /// Waits until nothing can go on; `after` another lull, for the one that comes when the time was moved.
    /// The turn is given away meanwhile.
    pub(super) async fn lull(self: &Arc<Self>, turn: Option<Turn>, after: bool) -> Turn {
        let mut watcher = {
            let mut state = self.state();
            let from = state.begun + u64::from(after && state.told == Some(state.begun));
            let key = (from, state.number());
            let (tell, told) = oneshot::channel();
            state.watching.insert(key, tell);
            state.go_on();
            drop(state);
            drop(turn);
            Watcher { stage: self, key, told, has_turn: false }
        };
        let _ = (&mut watcher.told).await;
        watcher.has_turn = true;
        Turn(self.clone())
    }

    /// Waits for the time, but lets nobody move it, unless it is known that nothing else will come.
    pub(super) async fn alarm(&self, whose: &str, time: Duration) {
        let mut alarmed = {
            let mut state = self.state();
            let key = (state.moved.saturating_add(time), state.number());
            let (tell, told) = oneshot::channel();
            let is_forsaken = state.forsaken.remove(whose);
            state.alarms.insert(key, Alarm { whose: whose.to_owned(), is_forsaken, tell });
            if is_forsaken {
                state.going -= 1;
                state.go_on();
            }
            Alarmed { stage: self, key, told }
        };
        let _ = (&mut alarmed.told).await;
    }

    /// Nothing comes to somebody who waits for it, or will: but for their alarm.
    pub(super) fn forsake(&self, whose: String) {
        let mut state = self.state();
        let alarm = state.alarms.values_mut().find(|it| it.whose == whose && !it.is_forsaken);
        match alarm {
            Some(alarm) => {
                alarm.is_forsaken = true;
                state.going -= 1;
                state.go_on();
            }
            None => drop(state.forsaken.insert(whose)),
        }
    }

    /// Something may come to them again, for they have asked for something else.
    pub(super) fn attend(&self, whose: &str) {
        self.state().forsaken.remove(whose);
    }

    /// Gives the turn away until nothing else can go on at this time.
    pub(super) async fn settle(&self) {
        let mut settler = {
            let mut state = self.state();
            let key = state.number();
            let (tell, told) = oneshot::channel();
            state.settling.insert(key, tell);
            state.going -= 1;
            state.go_on();
            Settler { stage: self, key, told }
        };
        let _ = (&mut settler.told).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Whose time comes first, of those who wait and those whose alarm is all that comes.
    fn next_by_time(&mut self) -> Option<(Duration, oneshot::Sender<()>)> {
        let alarm = self.alarms.iter().find(|(_, alarm)| alarm.is_forsaken).map(|(key, _)| *key);
        let sleeper = self.waiting.first_key_value().map(|(key, _)| *key);
        match (sleeper, alarm) {
            (Some(sleeper), alarm) if alarm.is_none_or(|alarm| sleeper < alarm) => {
                self.waiting.remove(&sleeper).map(|tell| (sleeper.0, tell))
            }
            (_, Some(alarm)) => self.alarms.remove(&alarm).map(|it| (alarm.0, it.tell)),
            _ => None,
        }
    }

    /// Gives the turn to whoever is next, if nobody has one.
    fn go_on(&mut self) {
        while self.going <= 0 {
            if let Some((_, settler)) = self.settling.pop_first() {
                self.going += 1;
                let _ = settler.send(());
                continue;
            }
            let is_due = |(from, _): &(u64, u64)| *from <= self.begun;
            let (next, is_lull) = match self.watching.first_key_value() {
                Some((key, _)) if is_due(key) => (self.watching.pop_first().map(|it| it.1), true),
                _ => {
                    let Some((time, next)) = self.next_by_time() else { return };
                    self.moved = self.moved.max(time);
                    (Some(next), false)
                }
            };
            self.going += 1;
            if is_lull {
                self.told = Some(self.begun);
            } else {
                self.begun += 1;
            }
            // Who is there no more has left the list, so that it is heard.
            next.map(|tell| tell.send(()));
        }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut state = self.stage.state();
        // One who waits no longer has the turn again, whatever becomes of it.
        state.going += i64::from(state.waiting.remove(&self.key).is_some());
    }
}

impl Drop for Alarmed<'_> {
    fn drop(&mut self) {
        let mut state = self.stage.state();
        if let Some(alarm) = state.alarms.remove(&self.key) {
            // Something has come, such as a receipt. That nothing else will is as true as before.
            if alarm.is_forsaken {
                state.going += 1;
                state.forsaken.insert(alarm.whose);
            }
        }
    }
}

impl Drop for Settler<'_> {
    fn drop(&mut self) {
        let mut state = self.stage.state();
        state.going += i64::from(state.settling.remove(&self.key).is_some());
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        let was_told = self.stage.state().watching.remove(&self.key).is_none();
        if was_told && !self.has_turn {
            drop(Turn(self.stage.clone()));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.going -= 1;
        state.go_on();
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::clock::Clock;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Each of these goes its own way, waits so often and so long, and writes down when.
    async fn played(ways: &'static [(&'static str, &'static [u32])]) -> Vec<(&'static str, u64)> {
        let (clock, seen) = (Clock::standing(UNIX_EPOCH), Arc::new(Mutex::new(Vec::new())));
        let turns: Vec<_> = ways.iter().map(|_| clock.turn()).collect();
        let play = |(&(name, waits), turn): (&(&'static str, &'static [u32]), Option<Turn>)| {
            let (clock, seen) = (clock.clone(), seen.clone());
            tokio::spawn(async move {
                let _turn = turn;
                for wait in waits {
                    clock.sleep(*wait * SECOND).await;
                    // Whatever takes real time.
                    tokio::task::yield_now().await;
                    let shown = clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                    seen.lock().unwrap().push((name, shown));
                }
            })
        };
        let ways: Vec<_> = ways.iter().zip(turns).map(play).collect();
        for way in ways {
            way.await.unwrap();
        }
        Arc::into_inner(seen).unwrap().into_inner().unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn j_312_those_who_wait_go_on_one_after_the_other_in_the_order_of_their_times() {
        for _ in 0..50 {
            let seen = played(&[("a", &[3, 3]), ("b", &[2, 5, 1]), ("c", &[10])]).await;

            let wanted = [("b", 2), ("a", 3), ("a", 6), ("b", 7), ("b", 8), ("c", 10)];
            assert_eq!(seen, wanted);
        }
    }

    #[tokio::test]
    async fn j_312_a_lull_is_told_before_the_clock_is_moved_and_once() {
        let clock = Clock::standing(UNIX_EPOCH);
        let begun = clock.turn();
        let waits = tokio::spawn({
            let clock = clock.clone();
            async move {
                let _turn = begun;
                clock.sleep(SECOND).await;
                clock.sleep(SECOND).await;
            }
        });

        for seconds in 0..3 {
            let turn =
                if seconds == 0 { clock.lull(None).await } else { clock.next_lull(None).await };
            assert_eq!(clock.now(), UNIX_EPOCH + seconds * SECOND);
            drop(turn);
        }
        waits.await.unwrap();
        assert_eq!(clock.now(), UNIX_EPOCH + 2 * SECOND);
    }

    #[tokio::test]
    async fn j_312_who_lets_others_go_first_goes_on_at_the_same_time_and_before_a_lull_is_told() {
        let clock = Clock::standing(UNIX_EPOCH);
        let (turn, other) = (clock.turn(), clock.turn());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let settles = tokio::spawn({
            let (clock, seen) = (clock.clone(), seen.clone());
            async move {
                clock.settle().await;
                seen.lock().unwrap().push("settled");
                drop(turn);
            }
        });
        let works = tokio::spawn({
            let (clock, seen) = (clock.clone(), seen.clone());
            async move {
                tokio::task::yield_now().await;
                seen.lock().unwrap().push("worked");
                clock.sleep(SECOND).await;
                drop(other);
            }
        });

        drop(clock.lull(None).await);

        assert_eq!(*seen.lock().unwrap(), ["worked", "settled"]);
        settles.await.unwrap();
        works.await.unwrap();
    }

    #[tokio::test]
    async fn j_312_an_alarm_moves_the_clock_only_for_whom_nothing_else_will_come() {
        for forsaken_first in [true, false] {
            let clock = Clock::standing(UNIX_EPOCH);
            let end = clock.instant() + 9 * SECOND;
            let (turn, other) = (clock.turn(), clock.turn());
            if forsaken_first {
                clock.forsake("a".to_owned());
            }
            let waits = tokio::spawn({
                let clock = clock.clone();
                async move {
                    let _turn = turn;
                    let nothing = clock.expect("a", end, std::future::pending::<()>()).await;
                    (nothing, clock.now())
                }
            });
            let sleeps = tokio::spawn({
                let clock = clock.clone();
                async move {
                    let _turn = other;
                    clock.sleep(SECOND).await;
                    clock.now()
                }
            });
            if !forsaken_first {
                tokio::task::yield_now().await;
                clock.forsake("a".to_owned());
            }

            assert_eq!(sleeps.await.unwrap(), UNIX_EPOCH + SECOND);
            assert_eq!(waits.await.unwrap(), (None, UNIX_EPOCH + 9 * SECOND));
        }
        let clock = Clock::standing(UNIX_EPOCH);
        let _turn = clock.turn();
        let end = clock.instant() + SECOND;
        assert_eq!(clock.expect("b", end, std::future::ready(7)).await, Some(7));
        assert_eq!(clock.now(), UNIX_EPOCH);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let clock = Clock::standing(UNIX_EPOCH);
        let turn = clock.turn();
        let sleeping = tokio::time::timeout(Duration::ZERO, clock.sleep(SECOND));
        // It is the only one, so it has slept at once; beside another it does not.
        let other = clock.turn();
        let blocked = tokio::time::timeout(Duration::ZERO, clock.sleep(SECOND)).await;
        assert!(blocked.is_err());
        let unheard = tokio::time::timeout(Duration::ZERO, clock.lull(None)).await;
        assert!(unheard.is_err());
        drop(other);

        assert!(sleeping.await.is_ok());
        assert_eq!(clock.now(), UNIX_EPOCH + SECOND);
        drop(turn);
        assert!(clock.lull(None).await.is_some());
    }
}
