//! What it does when it is refused.

use std::time::Duration;

use crate::conformance::case::{Case, Judge, Level, Rule, Setup, Webhook};
use crate::conformance::finding::{Finding, count, seconds};
use crate::conformance::judging::{
    Judged, listed, messages, most_within, registers, sane, settle, summary,
};
use crate::conformance::observation::Observation;
use crate::conformance::source::{
    CUSTOM_ALLOCATION, DEVICE_API, MQTT, MQTT_AND_DPS, TROUBLESHOOTING, UNPROVISIONING,
};
use crate::service::WireMoment;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "401-not-repeated",
        title: "asks no second time with a credential that was refused",
        level: Level::Must,
        rule: Rule {
            id: "A-16",
            text: "4xx but 429 are final: who is refused asks no second time with the same.",
            source: TROUBLESHOOTING,
        },
        setup: Setup::with(&["register status=401"]).within(25),
        judge: Judge::One(|seen| settle(asks_once(seen, "a 401"))),
    },
    Case {
        id: "400-not-repeated",
        title: "asks no second time what was no request",
        level: Level::Must,
        rule: Rule {
            id: "A-16",
            text: "4xx but 429 are final: what was no request is none the second time.",
            source: TROUBLESHOOTING,
        },
        setup: Setup::with(&["register status=400"]).within(25),
        judge: Judge::One(|seen| settle(asks_once(seen, "a 400"))),
    },
    Case {
        id: "disabled",
        title: "says so when its enrollment is disabled, and does not ask on",
        level: Level::Must,
        rule: Rule {
            id: "F.4",
            text: "`disabled` is an ending without a hub.",
            source: UNPROVISIONING,
        },
        setup: Setup { is_disabled: true, ..Setup::PLAIN.within(25) },
        judge: Judge::One(|seen| settle(asks_once(seen, "`disabled`"))),
    },
    Case {
        id: "failed",
        title: "says so when the allocation has failed, and does not ask on",
        level: Level::Must,
        rule: Rule {
            id: "F.4",
            text: "`failed` is an ending without a hub; its code and message say why.",
            source: CUSTOM_ALLOCATION,
        },
        setup: Setup { webhook: Webhook::Refuses, ..Setup::PLAIN.within(25) },
        judge: Judge::One(|seen| settle(asks_once(seen, "`failed`"))),
    },
    Case {
        id: "connack-3",
        title: "does not storm a service that is not available",
        level: Level::Must,
        rule: Rule {
            id: "J-47",
            text: "CONNACK 3, and outcome 4 of SASL, may pass: the device waits before it connects again, or ends.",
            source: MQTT_AND_DPS,
        },
        setup: Setup::with(&["connect connack=3", "connect sasl-outcome=4"]).within(30),
        judge: Judge::One(|seen| settle(connects_with_care(seen, 5))),
    },
    Case {
        id: "connack-5",
        title: "does not connect again and again where it is not authorized",
        level: Level::Must,
        rule: Rule {
            id: "A.6",
            text: "CONNACK 5, and outcome 1 of SASL, say that the device is not who it says.",
            source: MQTT_AND_DPS,
        },
        setup: Setup::with(&["connect connack=5", "connect sasl-outcome=1"]).within(25),
        judge: Judge::One(|seen| settle(connects_with_care(seen, 3))),
    },
    Case {
        id: "suback-128",
        title: "does not register where it would not hear the answer",
        level: Level::Should,
        rule: Rule {
            id: "A.4",
            text: "A device that has not subscribed, or has no link to receive from, hears nothing; SUBACK 128, or `detach`, says so.",
            source: MQTT,
        },
        setup: Setup::with(&["subscribe suback=128", "subscribe detach=amqp:not-allowed"])
            .within(45),
        judge: Judge::One(|seen| settle(minds_suback(seen))),
    },
    Case {
        id: "forgotten-operation",
        title: "registers anew when its operation is not known any more",
        level: Level::Should,
        rule: Rule {
            id: "J-49",
            text: "A poll that is answered 404 makes the device register anew.",
            source: DEVICE_API,
        },
        setup: Setup::with(&["poll forget-operation times=1"]).within(45),
        judge: Judge::One(|seen| settle(registers_anew(seen))),
    },
    Case {
        id: "token-refused-by-clock",
        title: "does not ask on when the service's clock is two hours ahead of its own",
        level: Level::Must,
        rule: Rule {
            id: "D-2",
            text: "A token has expired when `se` is reached, by the service's clock.",
            source: TROUBLESHOOTING,
        },
        setup: Setup::with(&["register clock=+2h"]).within(25),
        judge: Judge::One(|seen| settle(minds_clock(seen))),
    },
];

/// Asks once, is refused, and says so.
fn asks_once(seen: &Observation, what: &str) -> Judged {
    let registers = registers(seen)?;
    sane(seen)?;
    let times: Vec<_> = registers.iter().map(|it| it.asked).collect();
    if registers.len() > 1 {
        return Ok(Finding::broken(format!(
            "it registered {} times although it was told {what}: at {}",
            registers.len(),
            listed(&times)
        )));
    }
    if seen.assigned().is_some() {
        return Ok(Finding::unseen(format!("it was never told {what}")));
    }
    let exchanges = seen.exchanges();
    let after_the_end = exchanges.iter().skip_while(|it| it.status() == Some(202)).skip(1);
    let asked_on = after_the_end.count();
    if asked_on > 0 {
        return Ok(Finding::broken(format!(
            "it polled on {} after it was told {what}",
            count(asked_on, "time")
        )));
    }
    match seen.ran_out {
        true => Ok(Finding::wanting(format!(
            "it asked no more, and did not end either within {}",
            seconds(seen.took)
        ))),
        false => Ok(Finding::kept(format!("asked once, and {}", seen.end))),
    }
}

fn connects_with_care(seen: &Observation, most: usize) -> Judged {
    messages(seen)?;
    if !seen.registers().is_empty() {
        return Ok(Finding::unseen("it has no SASL, which could refuse it"));
    }
    sane(seen)?;
    let times = seen.presented();
    let within = most_within(&times, Duration::from_secs(10));
    if within > most {
        return Ok(Finding::broken(format!(
            "it connected {within} times in 10 s: at {}",
            listed(&times)
        )));
    }
    let what = if seen.speaks_amqp() { "sign-in" } else { "CONNECT" };
    let connected = count(times.len(), what);
    match seen.ran_out {
        true => Ok(Finding::kept(format!(
            "{connected} in {}: at {}",
            seconds(seen.took),
            listed(&times)
        ))),
        false => {
            Ok(Finding::kept(format!("{connected}, and {} after {}", seen.end, seconds(seen.took))))
        }
    }
}

fn minds_suback(seen: &Observation) -> Judged {
    messages(seen)?;
    let subscribed = seen.heard(|moment| match moment {
        WireMoment::Subscribe(_) => Some(()),
        WireMoment::Attach(attach) => (attach.receives && !attach.is_for_hub).then_some(()),
        _ => None,
    });
    let Some((_, connection, ())) = subscribed.first() else {
        return Ok(Finding::unseen(format!("it never subscribed: {}", summary(seen))));
    };
    sane(seen)?;
    let deaf = seen.registers().iter().any(|it| it.connection == *connection);
    match (deaf, seen.ran_out) {
        (true, _) => Ok(Finding::broken(format!(
            "it registered all the same, and heard nothing: {}",
            summary(seen)
        ))),
        (false, true) => Ok(Finding::wanting(format!(
            "it did not register, and did not end either within {}",
            seconds(seen.took)
        ))),
        (false, false) => Ok(Finding::kept(format!("did not register, and {}", seen.end))),
    }
}

fn registers_anew(seen: &Observation) -> Judged {
    let registers = registers(seen)?;
    sane(seen)?;
    let refused = seen.polls().iter().filter(|it| it.status() == Some(404)).count();
    if refused == 0 {
        return Ok(Finding::unseen("it never polled an operation that was forgotten"));
    }
    if refused > 1 {
        return Ok(Finding::broken(format!(
            "it asked for the operation again after a 404, {}",
            count(refused - 1, "time")
        )));
    }
    match (registers.len(), seen.assigned(), seen.ran_out) {
        (2.., Some(at), _) => Ok(Finding::kept(format!(
            "registered anew, and was told of its hub after {}",
            seconds(at)
        ))),
        (_, _, true) => Ok(Finding::broken(format!("it did nothing more: {}", summary(seen)))),
        (_, _, false) => Ok(Finding::wanting(format!("it gave up, and {}", seen.end))),
    }
}

fn minds_clock(seen: &Observation) -> Judged {
    registers(seen)?;
    if seen.registers().first().is_some_and(|it| it.status() != Some(401)) {
        return Ok(Finding::unseen("what it proves itself with is good for more than two hours"));
    }
    asks_once(seen, "a 401")
}
