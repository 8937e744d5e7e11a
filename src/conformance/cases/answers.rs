//! What it makes of answers.

use std::time::Duration;

use crate::conformance::case::{Case, Judge, Level, Rule, Setup, Webhook};
use crate::conformance::finding::{Finding, count, seconds};
use crate::conformance::judging::{Judged, assigned, messages, registers, sane, settle, summary};
use crate::conformance::observation::Observation;
use crate::conformance::source::{CUSTOM_ALLOCATION, DEVICE_API, MQTT_AND_DPS, OURS};

const SURVIVES: Rule = Rule {
    id: "J-323",
    text: "An answer that makes no sense neither hangs nor crashes a device, and is no success.",
    source: OURS,
};
/// Longer than the SDKs wait for an answer that does not come.
const PATIENCE: u64 = 45;
/// How long a client may be without a sign of life.
const LIFELESS: Duration = Duration::from_secs(20);

/// A case in which an answer is broken in one way, once.
const fn broken(id: &'static str, title: &'static str, faults: &'static [&'static str]) -> Case {
    Case {
        id,
        title,
        level: Level::Must,
        rule: SURVIVES,
        setup: Setup::with(faults).within(PATIENCE),
        judge: Judge::One(|seen| settle(survives(seen))),
    }
}

pub(super) const CASES: &[Case] = &[
    broken(
        "broken-json",
        "survives an answer whose JSON breaks off",
        &["register broken-json times=1"],
    ),
    broken(
        "broken-json-poll",
        "survives an answer to a poll whose JSON breaks off",
        &["poll broken-json times=1"],
    ),
    broken("empty-answer", "survives an answer without a body", &["register empty times=1"]),
    broken(
        "no-operation-id",
        "survives an answer without an operation ID",
        &["register no-operation-id times=1"],
    ),
    broken(
        "unknown-status",
        "survives a status that it does not know",
        &["poll unknown-status times=1"],
    ),
    broken(
        "html",
        "survives a page for browsers in place of an answer",
        &["register html times=1"],
    ),
    broken(
        "html-502",
        "survives the page of a proxy, with status 502",
        &["register html status=502 times=1"],
    ),
    broken(
        "truncated",
        "survives an answer that breaks off with its connection",
        &["register truncate=20 times=1"],
    ),
    Case {
        id: "unknown-members",
        title: "passes over members that it does not know",
        level: Level::Must,
        rule: Rule {
            id: "A.5",
            text: "Answers get new members with new versions of the service.",
            source: DEVICE_API,
        },
        setup: Setup::with(&["register unknown-members", "poll unknown-members"]),
        judge: Judge::One(|seen| settle(takes_it(seen))),
    },
    Case {
        id: "large-answer",
        title: "takes an answer of 60 KB",
        level: Level::Should,
        rule: Rule {
            id: "H.3",
            text: "A webhook may send a device a payload; a message has at most 96 KB.",
            source: CUSTOM_ALLOCATION,
        },
        setup: Setup { webhook: Webhook::Payload(60_000), ..Setup::PLAIN },
        judge: Judge::One(|seen| settle(takes_it(seen))),
    },
    Case {
        id: "payload-of-all-scripts",
        title: "takes a payload with letters of all scripts",
        level: Level::Must,
        rule: Rule {
            id: "A-13",
            text: "What is not ASCII comes as \\uXXXX, pairs of surrogates included.",
            source: CUSTOM_ALLOCATION,
        },
        setup: Setup { webhook: Webhook::Scripts, ..Setup::PLAIN },
        judge: Judge::One(|seen| settle(takes_it(seen))),
    },
    Case {
        id: "duplicate-answer",
        title: "takes an answer that comes twice for one",
        level: Level::Must,
        rule: Rule {
            id: "A.4",
            text: "An answer names its request; a second one is to none.",
            source: MQTT_AND_DPS,
        },
        setup: Setup { assigning: 2, ..Setup::with(&["register duplicate", "poll duplicate"]) },
        judge: Judge::One(|seen| settle(minds_duplicates(seen))),
    },
    Case {
        id: "late-answer",
        title: "is not confused by an answer that comes after the next one",
        level: Level::Must,
        rule: Rule {
            id: "A.4",
            text: "An answer names its request; one to an older request is not for the newest.",
            source: MQTT_AND_DPS,
        },
        setup: Setup { assigning: 2, ..Setup::with(&["poll late times=1"]).within(75) },
        judge: Judge::One(|seen| settle(minds_late(seen))),
    },
    Case {
        id: "foreign-rid",
        title: "takes an answer to a request that it has not sent for nothing",
        level: Level::Must,
        rule: Rule {
            id: "A.4",
            text: "`$rid`, and the correlation ID of AMQP, comes back unchanged; an answer with another is not for this device's request.",
            source: MQTT_AND_DPS,
        },
        setup: Setup::with(&["register wrong-rid times=1"]).within(75),
        judge: Judge::One(|seen| settle(minds_rid(seen))),
    },
];

/// Neither hangs nor crashes, and does not take it for success.
fn survives(seen: &Observation) -> Judged {
    registers(seen)?;
    if seen.exchanges().iter().all(|it| it.answer.is_none_or(|answer| answer.is_true)) {
        return Ok(Finding::unseen("it did not come as far as the broken answer"));
    }
    sane(seen)?;
    if let Some(at) = seen.assigned() {
        return Ok(Finding::kept(format!(
            "went on, and was told of its hub after {}",
            seconds(at)
        )));
    }
    if !seen.ran_out {
        let ended = format!("{} after {}", seen.end, seconds(seen.took));
        return Ok(match &seen.uncaught {
            Some(line) => {
                Finding::wanting(format!("it did not catch the error, and {ended}: {line}"))
            }
            None => Finding::kept(ended),
        });
    }
    let silent = seen.took.saturating_sub(seen.last_sign().unwrap_or_default());
    match silent >= LIFELESS {
        true => Ok(Finding::broken(format!(
            "it hung: it did nothing for {} until it was stopped",
            seconds(silent)
        ))),
        false => Ok(Finding::wanting(format!("it was still trying after {}", seconds(seen.took)))),
    }
}

/// Is told of its hub in an answer that is as it should be.
fn takes_it(seen: &Observation) -> Judged {
    registers(seen)?;
    sane(seen)?;
    let at = assigned(seen)?;
    match seen.end {
        crate::child::End::Code(code) if code != 0 => Ok(Finding::broken(format!(
            "it was told of its hub after {}, and yet it ended with exit code {code}",
            seconds(at)
        ))),
        _ => Ok(Finding::kept(format!("took it after {}", seconds(at)))),
    }
}

fn minds_duplicates(seen: &Observation) -> Judged {
    messages(seen)?;
    let registers = registers(seen)?;
    sane(seen)?;
    let at = assigned(seen)?;
    let needed = 3;
    match seen.polls().len() {
        _ if registers.len() > 1 => {
            Ok(Finding::broken(format!("it registered {} times", registers.len())))
        }
        polls if polls > needed => {
            Ok(Finding::broken(format!("it polled {polls} times where {needed} would do")))
        }
        _ => Ok(Finding::kept(format!("told of its hub after {}", seconds(at)))),
    }
}

fn minds_late(seen: &Observation) -> Judged {
    messages(seen)?;
    let registers = registers(seen)?;
    sane(seen)?;
    if seen.polls().is_empty() {
        return Ok(Finding::unseen("it never polled"));
    }
    let Some(at) = seen.assigned() else {
        return Ok(match seen.ran_out {
            true => Finding::broken(format!("it was never told of its hub: {}", summary(seen))),
            false => Finding::wanting(format!("it gave up: {}", summary(seen))),
        });
    };
    Ok(match registers.len() {
        1 => Finding::kept(format!("polled again, and was told of its hub after {}", seconds(at))),
        more => Finding::wanting(format!(
            "it registered {more} times, and was told of its hub after {}",
            seconds(at)
        )),
    })
}

fn minds_rid(seen: &Observation) -> Judged {
    messages(seen)?;
    let exchanges = seen.exchanges();
    let first = registers(seen)?.first().copied();
    sane(seen)?;
    // What it asks next shows whether it believed the answer.
    let next = exchanges.get(1);
    if let (Some(first), Some(next)) = (first, next)
        && next.is_poll()
    {
        let wait = next.asked.saturating_sub(first.answered.unwrap_or_default());
        return Ok(Finding::broken(format!(
            "it took the answer for its own, and polled {} after it",
            seconds(wait)
        )));
    }
    match (next, seen.ran_out) {
        (Some(_), _) => {
            Ok(Finding::kept(format!("registered again: {}", count(exchanges.len(), "request"))))
        }
        (None, false) => Ok(Finding::kept(format!(
            "waited for its own answer, and {} after {}",
            seen.end,
            seconds(seen.took)
        ))),
        (None, true) => {
            Ok(Finding::broken(format!("it was still waiting after {}", seconds(seen.took))))
        }
    }
}
