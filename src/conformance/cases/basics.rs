//! Registering at all.

use std::collections::BTreeSet;

use crate::child::End;
use crate::conformance::case::{Case, Judge, Level, Rule, Setup};
use crate::conformance::finding::{Finding, count, seconds};
use crate::conformance::judging::{Judged, assigned, registers, settle, summary};
use crate::conformance::observation::Observation;
use crate::conformance::source::{MQTT_AND_DPS, REPROVISIONING};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "assigned",
        title: "registers, polls, is told of its hub, and says that all went well",
        level: Level::Must,
        rule: Rule {
            id: "A.5",
            text: "A device registers, waits, and polls until it is told of its hub.",
            source: MQTT_AND_DPS,
        },
        setup: Setup::PLAIN,
        judge: Judge::One(is_assigned),
    },
    Case {
        id: "polls-to-the-end",
        title: "polls one operation until it has a result",
        level: Level::Must,
        rule: Rule {
            id: "A.5",
            text: "As long as the answer is 202, the device asks for the same operation again.",
            source: MQTT_AND_DPS,
        },
        setup: Setup { assigning: 3, ..Setup::PLAIN },
        judge: Judge::One(polls_to_the_end),
    },
    Case {
        id: "registers-again",
        title: "can be started again, and is told of its hub again",
        level: Level::Must,
        rule: Rule {
            id: "F.6",
            text: "A device that has a hub may register again, and mostly gets the same one.",
            source: REPROVISIONING,
        },
        setup: Setup::PLAIN,
        judge: Judge::InARow(2, registers_again),
    },
];

fn is_assigned(seen: &Observation) -> Finding {
    if seen.registers().is_empty() {
        return Finding::failed(format!("it did not register: {}", summary(seen)));
    }
    let Some(at) = seen.assigned() else {
        return Finding::failed(format!("it was never told of its hub: {}", summary(seen)));
    };
    let told = format!("told of its hub after {}", seconds(at));
    match seen.end {
        End::Code(0) => {
            Finding::kept(format!("{told}, ended with exit code 0 after {}", seconds(seen.took)))
        }
        End::Stopped => Finding::kept(format!("{told}, and went on running")),
        end => Finding::failed(format!("{told}, and yet it {end}")),
    }
}

fn polls_to_the_end(seen: &Observation) -> Finding {
    settle(judge_polls(seen))
}

fn judge_polls(seen: &Observation) -> Judged {
    let registers = registers(seen)?;
    let polls = seen.polls();
    let operations: BTreeSet<_> = polls.iter().filter_map(|poll| poll.operation).collect();
    if registers.len() > 1 {
        return Ok(Finding::broken(format!(
            "it registered {} times while its operation was in progress",
            registers.len()
        )));
    }
    let at = assigned(seen)?;
    match operations.len() {
        0 => Ok(Finding::unseen("it never polled")),
        1 => Ok(Finding::kept(format!(
            "{} of one operation, the last answered after {}",
            count(polls.len(), "poll"),
            seconds(at)
        ))),
        several => {
            Ok(Finding::broken(format!("it asked for {several} operations, where there was one")))
        }
    }
}

fn registers_again(runs: &[Observation]) -> Finding {
    settle(judge_again(runs))
}

fn judge_again(runs: &[Observation]) -> Judged {
    for (number, run) in (1..).zip(runs) {
        let at = assigned(run)?;
        if !matches!(run.end, End::Code(0) | End::Stopped) {
            let at = seconds(at);
            return Ok(Finding::broken(format!(
                "run {number} was told of its hub after {at}, and yet it {}",
                run.end
            )));
        }
    }
    Ok(Finding::kept(format!("was told of its hub in each of {} runs", runs.len())))
}
