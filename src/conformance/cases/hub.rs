//! What it does at its hub. A client that only registers cannot be seen there.

use std::time::Duration;

use crate::conformance::case::{Case, Judge, Level, Rule, Setup};
use crate::conformance::finding::{Finding, seconds};
use crate::conformance::judging::{Judged, assigned, registers, sane, settle};
use crate::conformance::observation::Observation;
use crate::conformance::source::REPROVISIONING;

const GONE: Rule = Rule {
    id: "F.7",
    text: "A device that its hub refuses, or that cannot reach it, provisions itself anew.",
    source: REPROVISIONING,
};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "hub-refuses",
        title: "registers again when its hub refuses it",
        level: Level::Should,
        rule: GONE,
        setup: Setup {
            grace: Duration::from_secs(15),
            ..Setup::with(&["hub-connect connack=5 times=1"]).within(60)
        },
        judge: Judge::One(|seen| settle(provisions_anew(seen))),
    },
    Case {
        id: "hub-unknown",
        title: "does not take a hub that is not there for a good end",
        level: Level::Should,
        rule: GONE,
        setup: Setup {
            grace: Duration::from_secs(15),
            ..Setup::with(&["poll hub=unknown"]).within(60)
        },
        judge: Judge::One(|seen| settle(minds_unknown_hub(seen))),
    },
];

fn provisions_anew(seen: &Observation) -> Judged {
    assigned(seen)?;
    let connects = seen.connects(true);
    let Some((refused, ..)) = connects.first() else {
        return Ok(Finding::unseen("it does not go on to its hub, or not by way of this service"));
    };
    let again = seen.registers().into_iter().find(|it| it.asked > *refused);
    Ok(match again {
        Some(again) => Finding::kept(format!(
            "registered again {} after its hub had refused it",
            seconds(again.asked - *refused)
        )),
        None if connects.len() > 1 => {
            Finding::broken("it asked the same hub again, and did not register")
        }
        None if seen.ran_out => Finding::broken("it did nothing more after its hub had refused it"),
        None => {
            Finding::wanting(format!("it gave up after its hub had refused it, and {}", seen.end))
        }
    })
}

fn minds_unknown_hub(seen: &Observation) -> Judged {
    let registers = registers(seen)?;
    if seen.assigned().is_none() {
        return Ok(Finding::unseen("it was not told of a hub"));
    }
    sane(seen)?;
    Ok(match (registers.len(), seen.says_success(), seen.ran_out) {
        (2.., ..) => Finding::kept("registered again"),
        (_, true, _) => Finding::unseen("it does not go on to its hub"),
        (_, false, false) => Finding::kept(format!("said so, and {}", seen.end)),
        (_, false, true) => Finding::unseen("it went on running, and did not come back"),
    })
}
