//! What several judges ask of an observation.
//!
//! Pure. An error is a finding with which the judgement ends.

use std::time::Duration;

use super::finding::{Finding, count, seconds};
use super::observation::{Exchange, Observation};
use crate::child::End;

/// How much earlier than told a client may be: its clock, and the way to it, are not exact.
pub(super) const EARLY: Duration = Duration::from_millis(100);
/// The shortest wait of a client that was told nothing it can use: the C SDK's is one second.
pub(super) const OWN_WAIT: Duration = Duration::from_millis(900);

/// A judgement that may end early.
pub(super) type Judged = Result<Finding, Finding>;

/// What it comes to.
pub(super) fn settle(judged: Judged) -> Finding {
    judged.unwrap_or_else(|finding| finding)
}

/// The register requests, of which there must be one for anything to be seen.
pub(super) fn registers(seen: &Observation) -> Result<Vec<Exchange<'_>>, Finding> {
    let registers = seen.registers();
    match registers.is_empty() {
        true => Err(Finding::unseen(format!(
            "it did not come as far as to register: {}",
            summary(seen)
        ))),
        false => Ok(registers),
    }
}

/// When it was told of its hub.
pub(super) fn assigned(seen: &Observation) -> Result<Duration, Finding> {
    registers(seen)?;
    seen.assigned()
        .ok_or_else(|| Finding::broken(format!("it was never told of its hub: {}", summary(seen))))
}

/// That it speaks MQTT.
pub(super) fn mqtt(seen: &Observation) -> Result<(), Finding> {
    match seen.transport() {
        None => Err(Finding::unseen(format!("it said nothing: {}", summary(seen)))),
        Some(_) if seen.speaks_mqtt() => Ok(()),
        Some(transport) => Err(Finding::unseen(format!("over {transport} there is no such thing"))),
    }
}

/// That it speaks in messages, whose answers are messages of their own: MQTT or AMQP.
pub(super) fn messages(seen: &Observation) -> Result<(), Finding> {
    if seen.speaks_amqp() { Ok(()) } else { mqtt(seen) }
}

/// That it has not crashed, and does not claim a success that it does not have.
pub(super) fn sane(seen: &Observation) -> Result<(), Finding> {
    match seen.end {
        End::Signal(signal) => Err(Finding::failed(format!(
            "it crashed with signal {signal} after {}",
            seconds(seen.took)
        ))),
        // As shells have it.
        End::Code(code @ 129..=165) => Err(Finding::failed(format!(
            "it crashed with exit code {code}, which stands for signal {}, after {}",
            code - 128,
            seconds(seen.took)
        ))),
        End::Code(0) if seen.assigned().is_none() => Err(Finding::failed(format!(
            "it ended with exit code 0, as if it had a hub: {}",
            summary(seen)
        ))),
        _ => Ok(()),
    }
}

/// What it did, in a few words.
pub(super) fn summary(seen: &Observation) -> String {
    let (registers, polls) = (seen.registers().len(), seen.polls().len());
    let asked = match (registers, polls, seen.opened().len()) {
        (0, 0, 0) => "it never connected".to_owned(),
        (0, 0, opened) => format!("{} and no request", count(opened, "connection")),
        _ => format!("{} and {}", count(registers, "register request"), count(polls, "poll")),
    };
    format!("{asked}, and it {} after {}", seen.end, seconds(seen.took))
}

/// Each answer after which it asked something, and how long it waited.
pub(super) fn waits<'a>(exchanges: &[Exchange<'a>]) -> Vec<(Exchange<'a>, Duration)> {
    let pairs = exchanges.iter().zip(exchanges.iter().skip(1));
    pairs
        .filter_map(|(before, next)| Some((*before, next.asked.checked_sub(before.answered?)?)))
        .collect()
}

/// The most that happened within so long.
pub(super) fn most_within(times: &[Duration], window: Duration) -> usize {
    let within =
        |from: &Duration| times.iter().filter(|at| *at >= from && **at < *from + window).count();
    times.iter().map(within).max().unwrap_or_default()
}

/// Times, for a sentence.
pub(super) fn listed(times: &[Duration]) -> String {
    let shown: Vec<_> = times.iter().take(8).map(|time| seconds(*time)).collect();
    match times.len() > 8 {
        true => format!("{} …", shown.join(", ")),
        false => shown.join(", "),
    }
}
