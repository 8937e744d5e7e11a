//! Begins the devices: each at its time, never more open than may be, none while the fleet is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::ahead::{ReadAhead, Ready};
use super::blueprint::Blueprint;
use super::member::ListError;
use super::pacer::Pacer;
use super::provision::Device;
use super::result::DeviceResult;
use super::schedule::Schedule;

/// A device that begins later than this after it was meant to is late …
const LATE: Duration = Duration::from_millis(10);
/// … if that is more than this part of all its time (J-235).
const LATE_PART: u32 = 10;
/// Stands for times that no clock can tell.
const FAR_OFF: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How often the number of slots grows while it is ramped up.
const RAMP_STEP: Duration = Duration::from_millis(10);

/// What launcher, devices and observer see of each other.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Devices that have begun.
    pub(super) begun: AtomicU64,
    /// Those that have not ended.
    pub(super) open: AtomicU64,
    /// The most that were open at a time.
    pub(super) open_peak: AtomicU64,
    /// Those that began late, where not all began at once.
    pub(super) late: AtomicU64,
    /// Those that have not ended of those that began all at once.
    pub(super) burst: AtomicU64,
}

/// What has become of the launches.
#[derive(Debug)]
pub struct Launches {
    /// Whether all devices have begun that should.
    pub are_all: bool,
    /// How long the service wanted launches to be held.
    pub held: Duration,
    /// What is wrong with the list, if that ended them.
    pub fault: Option<ListError>,
}

pub(super) struct Launcher {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) members: ReadAhead,
    pub(super) schedule: Schedule,
    pub(super) slots: Arc<Semaphore>,
    /// How many slots there are in the end.
    pub(super) concurrency: u32,
    pub(super) start: Instant,
    /// Nothing begins after this.
    pub(super) until: Option<Duration>,
    pub(super) stop: watch::Receiver<bool>,
    /// Until when launches are held, since the start.
    pub(super) hold: watch::Sender<Duration>,
    pub(super) counters: Arc<Counters>,
    pub(super) results: mpsc::Sender<DeviceResult>,
}

impl Launcher {
    pub(super) async fn run(mut self) -> Launches {
        let mut pacer = Pacer::default();
        let mut held = self.hold.subscribe();
        let end = self.until.map(|until| at(self.start, until));
        let mut stop = Stop { asked: self.stop.clone(), end };
        let (mut last, mut crowd) = (None, Crowd::default());
        let (are_all, fault) = loop {
            let ready = tokio::select! {
                biased;
                () = stop.wanted() => break (!stop.is_asked(), None),
                ready = self.members.next() => ready,
            };
            match ready {
                None => break (true, None),
                Some(Err(fault)) => break (false, Some(fault)),
                Some(Ok(ready)) => {
                    let due = self.schedule.next().flatten();
                    pacer.turn_to(due);
                    // A device that registers a second time while the first is under way makes the
                    // service forget the first (J-15).
                    let number = ready.member.number;
                    let is_new_round = last.replace(number) >= Some(number);
                    tokio::select! {
                        biased;
                        () = stop.wanted() => break (!stop.is_asked(), None),
                        slot = self.turn(&mut pacer, &mut held, is_new_round) => {
                            let in_burst = crowd.takes_in(due, &self.counters);
                            self.launch(ready, &pacer, slot, in_burst);
                        }
                    }
                }
            }
        };
        Launches { are_all, held: pacer.held(), fault }
    }

    /// Waits until the device may begin.
    async fn turn(
        &self,
        pacer: &mut Pacer,
        held: &mut watch::Receiver<Duration>,
        is_new_round: bool,
    ) -> Option<OwnedSemaphorePermit> {
        let mut slot = None;
        if is_new_round {
            // When all are free, all devices of the last round have ended.
            let all = self.slots.acquire_many(self.concurrency).await;
            drop(all);
        }
        loop {
            let now = self.start.elapsed();
            let until = *held.borrow_and_update();
            if until > now {
                pacer.hold(now, until);
                sleep_until(at(self.start, until)).await;
                continue;
            }
            let due = pacer.intended(now);
            if due > now {
                tokio::select! {
                    () = sleep_until(at(self.start, due)) => {}
                    _ = held.changed() => {}
                }
            } else if slot.is_none() {
                // Closed only when everything ends.
                slot = Some(self.slots.clone().acquire_owned().await.ok()?);
            } else {
                return slot;
            }
        }
    }

    fn launch(
        &self,
        ready: Ready,
        pacer: &Pacer,
        slot: Option<OwnedSemaphorePermit>,
        in_burst: bool,
    ) {
        let (start, counters) = (self.start, self.counters.clone());
        let intended = pacer.intended(start.elapsed());
        let device = Device { blueprint: self.blueprint.clone(), ready, start, intended };
        let (hold, results) = (self.hold.clone(), self.results.clone());
        counters.begun.fetch_add(1, Ordering::Relaxed);
        let open = counters.open.fetch_add(1, Ordering::Relaxed) + 1;
        counters.open_peak.fetch_max(open, Ordering::Relaxed);
        counters.burst.fetch_add(in_burst.into(), Ordering::Relaxed);
        tokio::spawn(async move {
            let result = device.provision(|until| extend(&hold, until)).await;
            if !in_burst && is_late(result.intended, result.began, result.ended) {
                counters.late.fetch_add(1, Ordering::Relaxed);
            }
            counters.open.fetch_sub(1, Ordering::Relaxed);
            counters.burst.fetch_sub(in_burst.into(), Ordering::Relaxed);
            drop(slot);
            // Whoever is gone does not want to know.
            let _ = results.send(result).await;
        });
    }
}

/// Whether what a device lost before it began is a considerable part of what was measured of it.
fn is_late(intended: Duration, began: Duration, ended: Duration) -> bool {
    let delay = began.saturating_sub(intended);
    delay > LATE.max(ended.saturating_sub(intended) / LATE_PART)
}

/// Tells devices that begin all at once, by order, from others. Such a crowd makes every loop late for a
/// moment, which says nothing of the machine (J-234).
#[derive(Debug, Default)]
struct Crowd {
    /// When the device before was meant to begin, where that is laid down.
    last_due: Option<Duration>,
}

impl Crowd {
    /// Whether the next device begins together with others: at the moment of the one before it, or as one
    /// of the first that fill the slots.
    fn takes_in(&mut self, due: Option<Duration>, counters: &Counters) -> bool {
        match due {
            Some(due) => self.last_due.replace(due) == Some(due),
            None => {
                let begun = counters.begun.load(Ordering::Relaxed);
                begun <= counters.open.load(Ordering::Relaxed)
            }
        }
    }
}

/// When nothing more is to begin.
struct Stop {
    asked: watch::Receiver<bool>,
    end: Option<Instant>,
}

impl Stop {
    async fn wanted(&mut self) {
        let end = async {
            match self.end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.asked.wait_for(|asked| *asked) => {}
            () = end => {}
        }
    }

    fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }
}

/// Holds launches until then, if they are not held for longer.
fn extend(hold: &watch::Sender<Duration>, until: Duration) {
    hold.send_if_modified(|held| {
        let is_longer = until > *held;
        *held = until.max(*held);
        is_longer
    });
}

/// Opens slots one after the other, the last at the end of the ramp.
pub(super) async fn open_slots(
    slots: Arc<Semaphore>,
    count: usize,
    ramp: Duration,
    start: Instant,
) {
    let mut open = 0;
    while open < count {
        let due = slots_at(start.elapsed(), count, ramp);
        slots.add_permits(due - open);
        open = due;
        tokio::time::sleep(RAMP_STEP).await;
    }
}

/// How many of `count` slots are open at `now`: at least one.
fn slots_at(now: Duration, count: usize, ramp: Duration) -> usize {
    if now >= ramp {
        return count;
    }
    let part = now.as_secs_f64() / ramp.as_secs_f64();
    ((count as f64 * part).ceil() as usize).clamp(1, count)
}

fn at(start: Instant, since: Duration) -> Instant {
    start.checked_add(since).unwrap_or(start + FAR_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_open_one_after_the_other() {
        let open = |millis| slots_at(Duration::from_millis(millis), 10, Duration::from_secs(1));

        assert_eq!([open(0), open(50), open(501), open(999), open(1000)], [1, 1, 6, 10, 10]);
        assert_eq!(slots_at(Duration::ZERO, 10, Duration::ZERO), 10);
    }

    #[test]
    fn j_234_a_crowd_is_who_begins_at_one_moment_or_fills_the_slots_first() {
        let counters = Counters::default();
        let mut crowd = Crowd::default();
        let at = |millis| Some(Duration::from_millis(millis));

        let timed: Vec<_> =
            [0, 0, 0, 5, 9].map(|ms| crowd.takes_in(at(ms), &counters)).into_iter().collect();
        assert_eq!(timed, [false, true, true, false, false]);
        let free = |begun, open| {
            counters.begun.store(begun, Ordering::Relaxed);
            counters.open.store(open, Ordering::Relaxed);
            Crowd::default().takes_in(None, &counters)
        };
        assert_eq!([free(0, 0), free(199, 199), free(200, 199)], [true, true, false]);
    }

    #[test]
    fn j_235_late_is_who_loses_a_tenth_of_its_time_before_it_begins() {
        let late = |began, ended| {
            let [intended, began, ended] = [100, began, ended].map(Duration::from_millis);
            is_late(intended, began, ended)
        };

        assert_eq!([late(110, 120), late(111, 120)], [false, true]);
        assert_eq!([late(400, 3100), late(401, 3100)], [false, true]);
    }

    #[test]
    fn a_hold_is_never_shortened() {
        let (hold, _) = watch::channel(Duration::ZERO);

        for (until, held) in [(5, 5), (3, 5), (7, 7)] {
            extend(&hold, Duration::from_secs(until));
            assert_eq!(*hold.borrow(), Duration::from_secs(held));
        }
    }
}
