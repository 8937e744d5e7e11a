//! How long each part of a registration took (J-150).
//!
//! Pure: times are handed in, as durations since the start.

use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::device::{AmqpFrame, Notice, Sent};
use crate::wire::{OPERATION_TYPE, REGISTER, RequestTopic};

/// Phases in the order in which they first ended. Serializes to an object of milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Timings(Vec<(&'static str, Duration)>);

impl Timings {
    /// What occurs more than once, because a connection was opened again, counts together.
    fn add(&mut self, phase: &'static str, took: Duration) {
        match self.0.iter_mut().find(|(name, _)| *name == phase) {
            Some((_, sum)) => *sum = sum.saturating_add(took),
            None => self.0.push((phase, took)),
        }
    }

    /// All in one line.
    pub(crate) fn line(&self) -> String {
        let phases = self.0.iter().map(|(name, took)| format!("{name} {} ms", milliseconds(*took)));
        phases.collect::<Vec<_>>().join(", ")
    }
}

impl Serialize for Timings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, took) in &self.0 {
            map.serialize_entry(name, &milliseconds(*took))?;
        }
        map.end()
    }
}

/// To the microsecond.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// A phase that has ended, and how long it took.
pub(crate) type Ended = (&'static str, Duration);

/// Makes timings out of what the device tells.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    timings: Timings,
    /// When the first register request was sent.
    asked: Option<Duration>,
    /// When the service first said `assigning`.
    accepted: Option<Duration>,
    /// When the last answer came.
    answered: Option<Duration>,
}

impl Stopwatch {
    /// Takes in a notice that came at `now`; gives the phase that ended with it.
    pub(crate) fn notice(&mut self, now: Duration, notice: &Notice) -> Option<Ended> {
        match notice {
            Notice::Reached { phase, took } => Some(self.end_of(phase.name(), *took)),
            Notice::Sent(sent) if is_register(sent) => {
                self.asked.get_or_insert(now);
                None
            }
            Notice::Received(received) if received.answer().is_some() => {
                self.answered = Some(now);
                None
            }
            Notice::Assigning { .. } if self.accepted.is_none() => {
                self.accepted = Some(now);
                let took = now.saturating_sub(self.asked?);
                Some(self.end_of("register", took))
            }
            _ => None,
        }
    }

    /// The registration has ended: the phases that ended with it. One that failed has no `assigned`.
    pub(crate) fn stop(&mut self, now: Duration, is_assigned: bool) -> Vec<Ended> {
        let mut ended = Vec::new();
        if let (true, Some(answered)) = (is_assigned, self.answered) {
            let phase = match (self.accepted, self.asked) {
                (Some(accepted), _) => Some(("assigned", accepted)),
                // Decided at once.
                (None, asked) => asked.map(|asked| ("register", asked)),
            };
            if let Some((name, since)) = phase {
                ended.push(self.end_of(name, answered.saturating_sub(since)));
            }
        }
        ended.push(self.end_of("total", now));
        ended
    }

    /// What was measured.
    pub(crate) fn timings(&self) -> &Timings {
        &self.timings
    }

    fn end_of(&mut self, phase: &'static str, took: Duration) -> Ended {
        self.timings.add(phase, took);
        (phase, took)
    }
}

fn is_register(sent: &Sent) -> bool {
    match sent {
        Sent::Publish { topic, .. } => matches!(topic.parse(), Ok(RequestTopic::Register { .. })),
        Sent::Request { method, .. } => method == "PUT",
        Sent::Amqp(AmqpFrame::Transfer(message)) => {
            message.properties.iter().any(|(name, asks)| name == OPERATION_TYPE && asks == REGISTER)
        }
        _ => false,
    }
}

/// A JSON object with the group, if its key was taken from the local service, and the timings at its
/// end; every other byte of it stays as it is.
pub(crate) fn with_timings(object: &str, group: Option<&str>, timings: &Timings) -> String {
    let Some(open) = object.trim_end().strip_suffix('}') else { return object.to_owned() };
    let json = (serde_json::to_string(&group), serde_json::to_string(timings));
    let (Ok(name), Ok(timings)) = json else { return object.to_owned() };
    let group = group.map_or_else(String::new, |_| format!(",\"group\":{name}"));
    format!("{open}{group},\"timings\":{timings}}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{ConnectPhase, Received};

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn reached(phase: ConnectPhase, took: Duration) -> Notice {
        Notice::Reached { phase, took }
    }

    fn publish(topic: &str) -> Notice {
        let topic = topic.to_owned();
        Notice::Sent(Sent::Publish { packet_id: 2, topic, body: Vec::new() })
    }

    fn register() -> Notice {
        publish("$dps/registrations/PUT/iotdps-register/?$rid=1")
    }

    fn answer() -> Notice {
        Notice::Received(Received::Publish { topic: String::new(), body: Vec::new() })
    }

    fn assigning() -> Notice {
        Notice::Assigning { operation_id: "5.one".parse().unwrap(), wait: ms(3) }
    }

    #[test]
    fn j_150_register_ends_with_the_202_and_assigned_with_the_result() {
        let mut watch = Stopwatch::default();

        watch.notice(ms(7), &reached(ConnectPhase::Tls, ms(5)));
        watch.notice(ms(10), &register());
        watch.notice(ms(14), &answer());
        assert_eq!(watch.notice(ms(14), &assigning()), Some(("register", ms(4))));
        watch.notice(
            ms(17),
            &publish("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=5.one"),
        );
        watch.notice(ms(20), &answer());

        assert_eq!(watch.stop(ms(21), true), [("assigned", ms(6)), ("total", ms(21))]);
        let json = serde_json::to_string(watch.timings()).unwrap();
        assert_eq!(json, r#"{"tls":5.0,"register":4.0,"assigned":6.0,"total":21.0}"#);
        assert_eq!(watch.timings().line(), "tls 5 ms, register 4 ms, assigned 6 ms, total 21 ms");
    }

    #[test]
    fn j_150_a_register_that_is_decided_at_once_has_no_assigned_phase() {
        let mut watch = Stopwatch::default();

        watch.notice(ms(1), &register());
        watch.notice(ms(3), &answer());

        assert_eq!(watch.stop(ms(4), true), [("register", ms(2)), ("total", ms(4))]);
    }

    #[test]
    fn j_150_phases_of_several_connections_count_together_and_a_failure_has_only_what_ended() {
        let mut watch = Stopwatch::default();

        watch.notice(ms(1), &reached(ConnectPhase::Tcp, ms(1)));
        watch.notice(ms(1), &register());
        watch.notice(ms(5), &reached(ConnectPhase::Tcp, Duration::from_micros(2345)));

        assert_eq!(watch.stop(ms(9), false), [("total", ms(9))]);
        assert_eq!(watch.timings().line(), "tcp 3.345 ms, total 9 ms");
    }

    #[test]
    fn j_150_the_services_object_stays_as_it_is_but_for_members_at_its_end() {
        let timings = Timings(vec![("total", ms(1))]);

        assert_eq!(
            with_timings("{ \"a\":1.0e400 ,\"b\":{}} \n", None, &timings),
            "{ \"a\":1.0e400 ,\"b\":{},\"timings\":{\"total\":1.0}}"
        );
        assert_eq!(
            with_timings("{\"a\":1}", Some("my \"group\""), &timings),
            r#"{"a":1,"group":"my \"group\"","timings":{"total":1.0}}"#
        );
    }
}
