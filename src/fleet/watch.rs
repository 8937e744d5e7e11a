//! What one device's notices say about where its time went. Pure: who calls it has the clock.

use std::time::Duration;

use super::result::Phase;
use crate::device::{ConnectPhase, Notice};

/// The status of "too many requests" (H.3).
const THROTTLED: u16 = 429;

/// Follows one device from its first try to its result.
#[derive(Debug, Default)]
pub(super) struct Watch {
    phases: Vec<(Phase, Duration)>,
    /// Since when the register request is on its way, as far as it can be known.
    asked: Option<Duration>,
    /// Whether the register request was answered with anything but "later".
    is_answered: bool,
    /// The wait that is under way: since when, and how long at most.
    wait: Option<(Duration, Duration)>,
    /// When the next request is due, by the service's wish.
    next_request: Duration,
    throttled: u32,
    /// In which second, and how often.
    throttled_at: Vec<(u64, u32)>,
    lost: u32,
}

impl Watch {
    /// Takes in what happened at `now`. Returns until when the whole fleet should hold its launches:
    /// a 429 on a register says that there are too many devices (J-163), on a poll that this one
    /// asks too often.
    pub(super) fn notice(&mut self, now: Duration, notice: &Notice) -> Option<Duration> {
        match notice {
            Notice::Reached { phase, took } => {
                self.end_wait(now);
                if let Some(phase) = phase_of(*phase) {
                    self.add(phase, *took);
                }
                if matches!(phase, ConnectPhase::Suback | ConnectPhase::Attach) {
                    self.asked = Some(now);
                }
            }
            // Over HTTPS, where nothing is subscribed, the request goes out at once.
            Notice::Connected => self.asked = Some(now),
            Notice::Assigning { wait, .. } => {
                self.answered(now);
                self.is_answered = true;
                self.next_request = now.saturating_add(*wait);
                self.begin_wait(now, *wait);
            }
            Notice::Busy { rejection, wait } => {
                self.answered(now);
                self.throttled += 1;
                match self.throttled_at.last_mut() {
                    Some((second, count)) if *second == now.as_secs() => *count += 1,
                    _ => self.throttled_at.push((now.as_secs(), 1)),
                }
                self.next_request = now.saturating_add(*wait);
                self.begin_wait(now, *wait);
                if rejection.status == THROTTLED && !self.is_answered {
                    return Some(self.next_request);
                }
            }
            Notice::Unavailable { wait } | Notice::Silent { wait, .. } => {
                self.begin_wait(now, *wait);
            }
            Notice::Lost { wait, .. } => {
                self.lost += 1;
                self.asked = None;
                // A wait that the service asked for goes on without a connection, which is only
                // opened again when it has ended.
                let due = self.next_request.max(now.saturating_add(*wait));
                self.begin_wait(now, due.saturating_sub(now));
            }
            _ => {}
        }
        None
    }

    /// A try failed at `now`; the next one begins after `wait`.
    pub(super) fn retry(&mut self, now: Duration, wait: Duration) {
        self.asked = None;
        self.begin_wait(now, wait);
    }

    /// How often the service said "later", and how often a connection was lost.
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.throttled, self.lost)
    }

    /// When the service said "later": seconds, and how often in each.
    pub(super) fn throttled_at(&mut self) -> Vec<(u64, u32)> {
        std::mem::take(&mut self.throttled_at)
    }

    /// It is over. `was_answered`: by the service, one way or the other. `assigned`: the time from
    /// when the device was meant to begin, if it has a hub.
    pub(super) fn end(
        mut self,
        now: Duration,
        was_answered: bool,
        assigned: Option<Duration>,
    ) -> Vec<(Phase, Duration)> {
        self.end_wait(now);
        if was_answered {
            self.answered(now);
        }
        if let Some(took) = assigned {
            self.add(Phase::Assigned, took);
        }
        self.phases.sort_unstable_by_key(|(phase, _)| *phase);
        self.phases
    }

    fn answered(&mut self, now: Duration) {
        self.end_wait(now);
        if let Some(asked) = self.asked.take()
            && !self.phases.iter().any(|(phase, _)| *phase == Phase::Register)
        {
            self.add(Phase::Register, now.saturating_sub(asked));
        }
    }

    fn begin_wait(&mut self, now: Duration, wait: Duration) {
        self.end_wait(now);
        self.wait = Some((now, wait));
    }

    /// A wait may be cut short by a loss or the deadline.
    fn end_wait(&mut self, now: Duration) {
        if let Some((since, wait)) = self.wait.take()
            && !wait.is_zero()
        {
            self.add(Phase::Waiting, wait.min(now.saturating_sub(since)));
        }
    }

    fn add(&mut self, phase: Phase, took: Duration) {
        match self.phases.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, sum)) => *sum = sum.saturating_add(took),
            None => self.phases.push((phase, took)),
        }
    }
}

fn phase_of(phase: ConnectPhase) -> Option<Phase> {
    Some(match phase {
        ConnectPhase::Dns => Phase::Dns,
        ConnectPhase::Tcp => Phase::Tcp,
        ConnectPhase::Proxy => Phase::Proxy,
        ConnectPhase::Tls => Phase::Tls,
        ConnectPhase::Upgrade => Phase::Upgrade,
        ConnectPhase::Connack | ConnectPhase::Sasl | ConnectPhase::Open => Phase::Connect,
        ConnectPhase::Suback | ConnectPhase::Attach => Phase::Subscribe,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Rejection;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn reached(phase: ConnectPhase, took: u64) -> Notice {
        Notice::Reached { phase, took: ms(took) }
    }

    fn assigning(wait: u64) -> Notice {
        Notice::Assigning { operation_id: "4.a.b".parse().unwrap(), wait: ms(wait) }
    }

    fn busy(status: u16, wait: u64) -> Notice {
        Notice::Busy { rejection: Rejection { status, error: None, says: None }, wait: ms(wait) }
    }

    fn lost(wait: u64) -> Notice {
        Notice::Lost { why: "it broke".to_owned(), wait: ms(wait) }
    }

    fn follow(notices: &[(u64, Notice)]) -> Watch {
        let mut watch = Watch::default();
        for (at, notice) in notices {
            watch.notice(ms(*at), notice);
        }
        watch
    }

    #[test]
    fn each_part_of_a_registration_is_in_its_phase() {
        let watch = follow(&[
            (1, reached(ConnectPhase::Dns, 1)),
            (3, reached(ConnectPhase::Tcp, 2)),
            (7, reached(ConnectPhase::Tls, 4)),
            (9, reached(ConnectPhase::Connack, 2)),
            (9, Notice::Connected),
            (12, reached(ConnectPhase::Suback, 3)),
            (20, assigning(1000)),
            (1030, assigning(500)),
        ]);

        let phases = watch.end(ms(1540), true, Some(ms(1560)));

        assert_eq!(
            phases,
            [
                (Phase::Dns, ms(1)),
                (Phase::Tcp, ms(2)),
                (Phase::Tls, ms(4)),
                (Phase::Connect, ms(2)),
                (Phase::Subscribe, ms(3)),
                (Phase::Register, ms(8)),
                (Phase::Waiting, ms(1500)),
                (Phase::Assigned, ms(1560)),
            ]
        );
    }

    #[test]
    fn over_https_the_register_request_follows_the_connection() {
        let watch = follow(&[(5, reached(ConnectPhase::Tls, 5)), (5, Notice::Connected)]);

        let phases = watch.end(ms(9), true, None);

        assert_eq!(phases, [(Phase::Tls, ms(5)), (Phase::Register, ms(4))]);
    }

    #[test]
    fn a_request_that_was_never_answered_took_no_known_time() {
        let watch = follow(&[(5, reached(ConnectPhase::Suback, 1))]);

        assert_eq!(watch.end(ms(9000), false, None), [(Phase::Subscribe, ms(1))]);
    }

    #[test]
    fn what_is_gone_through_twice_is_a_sum_and_a_wait_that_was_cut_in_two_is_one() {
        let watch = follow(&[
            (2, reached(ConnectPhase::Tls, 2)),
            (3, reached(ConnectPhase::Suback, 1)),
            (4, assigning(1000)),
            (104, lost(0)),
            (1008, reached(ConnectPhase::Tls, 4)),
            (1010, reached(ConnectPhase::Suback, 2)),
        ]);

        let counts = watch.counts();
        let phases = watch.end(ms(1015), true, None);

        assert_eq!(counts, (0, 1));
        assert_eq!(phases[0], (Phase::Tls, ms(6)));
        assert_eq!(phases[1], (Phase::Subscribe, ms(3)));
        assert_eq!(phases[2], (Phase::Register, ms(1)));
        assert_eq!(phases[3], (Phase::Waiting, ms(1000)));
    }

    #[test]
    fn j_163_only_a_429_on_a_register_holds_the_fleet() {
        let mut watch = Watch::default();

        assert_eq!(watch.notice(ms(10), &busy(503, 100)), None);
        assert_eq!(watch.notice(ms(200), &busy(429, 100)), Some(ms(300)));
        assert_eq!(watch.notice(ms(300), &assigning(0)), None);
        assert_eq!(watch.notice(ms(301), &busy(429, 100)), None);
        assert_eq!(watch.counts(), (3, 0));
    }
}
