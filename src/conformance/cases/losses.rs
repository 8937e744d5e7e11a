//! What it does when something is lost.

use std::time::Duration;

use crate::conformance::case::{Case, Judge, Level, Rule, Setup};
use crate::conformance::finding::{Finding, count, seconds};
use crate::conformance::judging::{Judged, assigned, registers, sane, settle, summary};
use crate::conformance::observation::Observation;
use crate::conformance::source::{DEVICE_API, OURS, TRANSIENT_FAULTS};
use crate::service::WireMoment;

const ENDS: Rule = Rule {
    id: "J-324",
    text: "A device waits for an answer for so long and no longer: then it asks again, or ends.",
    source: OURS,
};
const LOST: Rule = Rule {
    id: "A-9",
    text: "A connection that is lost is opened again.",
    source: TRANSIENT_FAULTS,
};

/// A case in which the service says nothing at one place.
const fn silent(id: &'static str, title: &'static str, faults: &'static [&'static str]) -> Case {
    Case {
        id,
        title,
        level: Level::Must,
        rule: ENDS,
        setup: Setup::with(faults),
        judge: Judge::One(|seen| settle(ends(seen))),
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "resumes-operation",
        title: "asks for its operation on a new connection when one is lost",
        level: Level::Should,
        rule: Rule {
            id: "A-9",
            text: "An operation can be asked for on another connection: the device need not register again.",
            source: DEVICE_API,
        },
        setup: Setup { assigning: 2, ..Setup::with(&["poll close times=1"]).within(60) },
        judge: Judge::One(|seen| settle(resumes(seen))),
    },
    Case {
        id: "reset",
        title: "tries again when its connection is reset",
        level: Level::Should,
        rule: LOST,
        setup: Setup::with(&["register reset times=1"]).within(60),
        judge: Judge::One(|seen| settle(tries_again(seen))),
    },
    Case {
        id: "register-answer-lost",
        title: "tries again when the answer to its register request is lost",
        level: Level::Should,
        rule: ENDS,
        setup: Setup::with(&["register lose-answer times=1"]),
        judge: Judge::One(|seen| settle(tries_again(seen))),
    },
    Case {
        id: "poll-answer-lost",
        title: "tries again when the answer to a poll is lost",
        level: Level::Should,
        rule: ENDS,
        setup: Setup { assigning: 2, ..Setup::with(&["poll lose-answer times=1"]) },
        judge: Judge::One(|seen| settle(tries_again(seen))),
    },
    silent(
        "silent-register",
        "does not wait for ever for the answer to its register request",
        &["register silence"],
    ),
    silent("silent-poll", "does not wait for ever for the answer to a poll", &["poll silence"]),
    silent(
        "silent-connect",
        "does not wait for ever for CONNACK, or the end of SASL",
        &["connect silence"],
    ),
    silent(
        "silent-subscribe",
        "does not wait for ever for SUBACK, or the answer to `attach`",
        &["subscribe silence"],
    ),
    silent("silent-tls", "does not wait for ever for the TLS handshake", &["tls silence"]),
    Case {
        id: "slow-service",
        title: "is patient with a service that says 1 KB in a second",
        level: Level::Should,
        rule: ENDS,
        setup: Setup::with(&["accept slow=1000/s"]).within(60),
        judge: Judge::One(|seen| settle(is_patient(seen))),
    },
];

fn resumes(seen: &Observation) -> Judged {
    let registers = registers(seen)?;
    let exchanges = seen.exchanges();
    let Some(lost) = exchanges.iter().position(|it| it.is_poll() && it.answer.is_none()) else {
        return Ok(Finding::unseen("it never polled, so nothing was lost"));
    };
    sane(seen)?;
    let after = exchanges.get(lost).map(|it| it.asked).unwrap_or_default();
    let Some(next) = exchanges.get(lost + 1) else {
        return Ok(Finding::broken(format!("it did not ask again: {}", summary(seen))));
    };
    let at = assigned(seen)?;
    let wait = seconds(next.asked.saturating_sub(after));
    match registers.len() {
        1 => Ok(Finding::kept(format!(
            "polled again {wait} later, and was told of its hub after {}",
            seconds(at)
        ))),
        _ => {
            Ok(Finding::broken(format!("it registered again {wait} after its connection was lost")))
        }
    }
}

/// Asks again after the first loss, and is told of its hub.
fn tries_again(seen: &Observation) -> Judged {
    registers(seen)?;
    let exchanges = seen.exchanges();
    let Some(lost) = exchanges.iter().position(|it| it.answer.is_none()) else {
        return Ok(Finding::unseen("nothing was lost: it did not come as far"));
    };
    sane(seen)?;
    let after = exchanges.get(lost).map(|it| it.asked).unwrap_or_default();
    let Some(next) = exchanges.get(lost + 1) else {
        return Ok(match seen.ran_out {
            true => Finding::failed(format!(
                "it hung: it did nothing for {}",
                seconds(seen.took.saturating_sub(after))
            )),
            false => Finding::broken(format!(
                "it gave up {} later, and {}",
                seconds(seen.took.saturating_sub(after)),
                seen.end
            )),
        });
    };
    let at = assigned(seen)?;
    let wait = seconds(next.asked.saturating_sub(after));
    Ok(Finding::kept(format!(
        "sent a {} {wait} later, and was told of its hub after {}",
        next.name(),
        seconds(at)
    )))
}

/// Does something about a silence before it is stopped.
fn ends(seen: &Observation) -> Judged {
    let opened = seen.opened();
    if opened.is_empty() {
        return Ok(Finding::unseen("it never connected"));
    }
    if seen.exchanges().iter().any(|it| it.is_assigned()) {
        return Ok(Finding::unseen("it did not come to the place of silence"));
    }
    sane(seen)?;
    if !seen.ran_out {
        return Ok(Finding::kept(format!("{} after {}", seen.end, seconds(seen.took))));
    }
    // The same again, or another connection, shows that it does not wait for ever.
    let exchanges = seen.exchanges();
    let unanswered: Vec<_> = exchanges.iter().filter(|it| it.answer.is_none()).collect();
    let subscribed = seen.heard(|moment| matches!(moment, WireMoment::Subscribe(_)).then_some(()));
    let tries = unanswered.len().max(opened.len()).max(subscribed.len());
    let silent = seen.took.saturating_sub(seen.last_sign().unwrap_or_default());
    match tries > 1 && silent < seen.took.mul_f64(0.9) {
        true => Ok(Finding::kept(format!(
            "tried {}, and was still at it after {}",
            count(tries, "time"),
            seconds(seen.took)
        ))),
        false => Ok(Finding::broken(format!(
            "it did nothing for {} until it was stopped",
            seconds(silent)
        ))),
    }
}

fn is_patient(seen: &Observation) -> Judged {
    if seen.opened().is_empty() {
        return Ok(Finding::unseen("it never connected"));
    }
    sane(seen)?;
    match seen.assigned() {
        Some(at) if at > Duration::from_secs(1) => {
            Ok(Finding::kept(format!("told of its hub after {}", seconds(at))))
        }
        Some(at) => Ok(Finding::kept(format!("told of its hub after only {}", seconds(at)))),
        None => Ok(Finding::broken(format!("it was never told of its hub: {}", summary(seen)))),
    }
}
