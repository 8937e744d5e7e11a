//! How long it waits, and how often it asks.

use std::time::Duration;

use crate::conformance::case::{Case, Judge, Level, Rule, Setup};
use crate::conformance::finding::{Finding, count, seconds};
use crate::conformance::judging::{
    EARLY, Judged, OWN_WAIT, assigned, listed, most_within, registers, sane, settle, summary, waits,
};
use crate::conformance::observation::{Exchange, Observation};
use crate::conformance::source::{AT_SCALE, HTTP, HTTPS_AND_DPS, LIMITS, OURS, TRANSIENT_FAULTS};

const AS_TOLD: Rule = Rule {
    id: "J-48",
    text: "The device waits as long as retry-after says before it asks again.",
    source: HTTPS_AND_DPS,
};
const OF_ITS_OWN: Rule = Rule {
    id: "J-48",
    text: "Told nothing that it can use, the device waits for a time of its own, and goes on.",
    source: OURS,
};
const BACK_OFF: Rule = Rule {
    id: "A-16",
    text: "429 and 5xx are passing troubles: the device tries again, and waits longer each time.",
    source: AT_SCALE,
};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "waits-retry-after-3",
        title: "waits 3 s where it is told to",
        level: Level::Must,
        rule: AS_TOLD,
        setup: Setup { retry_after: 3, assigning: 2, ..Setup::PLAIN },
        judge: Judge::One(|seen| settle(waits_as_told(seen, 3))),
    },
    Case {
        id: "waits-retry-after-7",
        title: "waits 7 s where it is told to",
        level: Level::Must,
        rule: AS_TOLD,
        setup: Setup { retry_after: 7, ..Setup::PLAIN },
        judge: Judge::One(|seen| settle(waits_as_told(seen, 7))),
    },
    Case {
        id: "retry-after-absent",
        title: "waits for a time of its own where it is not told how long",
        level: Level::Must,
        rule: OF_ITS_OWN,
        setup: Setup {
            assigning: 2,
            ..Setup::with(&["register retry-after=none", "poll retry-after=none"])
        },
        judge: Judge::One(|seen| settle(waits_by_itself(seen))),
    },
    Case {
        id: "retry-after-no-number",
        title: "takes a retry-after of `abc` for none",
        level: Level::Should,
        rule: OF_ITS_OWN,
        setup: Setup {
            assigning: 2,
            ..Setup::with(&["register retry-after=abc", "poll retry-after=abc"])
        },
        judge: Judge::One(|seen| settle(waits_by_itself(seen))),
    },
    Case {
        id: "retry-after-negative",
        title: "takes a retry-after of `-1` for none",
        level: Level::Should,
        rule: OF_ITS_OWN,
        setup: Setup {
            assigning: 2,
            ..Setup::with(&["register retry-after=-1", "poll retry-after=-1"])
        },
        judge: Judge::One(|seen| settle(waits_by_itself(seen))),
    },
    Case {
        id: "retry-after-fraction",
        title: "waits for `1.5` s, or for a time of its own",
        level: Level::Should,
        rule: OF_ITS_OWN,
        setup: Setup {
            assigning: 2,
            ..Setup::with(&["register retry-after=1.5", "poll retry-after=1.5"])
        },
        judge: Judge::One(|seen| settle(waits_by_itself(seen))),
    },
    Case {
        id: "retry-after-date",
        title: "is not stopped by a retry-after that is a date, as HTTP allows",
        level: Level::Should,
        rule: Rule {
            id: "J-48",
            text: "A retry-after may be a date; who does not read dates waits for a time of its own.",
            source: HTTP,
        },
        setup: Setup::with(&[
            "register retry-after=\"Wed, 21 Oct 2015 07:28:00 GMT\"",
            "poll retry-after=\"Wed, 21 Oct 2015 07:28:00 GMT\"",
        ]),
        judge: Judge::One(|seen| settle(survives_date(seen))),
    },
    Case {
        id: "polls-within-quota",
        title: "polls no more than 5 times in 10 s",
        level: Level::Must,
        rule: Rule {
            id: "H.3",
            text: "An instance takes 5 polls of a device in 10 s.",
            source: LIMITS,
        },
        setup: Setup {
            assigning: 7,
            ..Setup::with(&["register retry-after=none", "poll retry-after=none"])
        },
        judge: Judge::One(|seen| settle(polls_within_quota(seen))),
    },
    Case {
        id: "429-waits-as-told",
        title: "waits 4 s after a 429 that says so",
        level: Level::Must,
        rule: Rule {
            id: "H.3",
            text: "The device honours a 429 and its retry-after.",
            source: HTTPS_AND_DPS,
        },
        setup: Setup::with(&["register status=429 retry-after=4 times=1"]),
        judge: Judge::One(|seen| settle(waits_after_429(seen))),
    },
    Case {
        id: "429-backs-off",
        title: "waits longer after each 429 to its polls",
        level: Level::Should,
        rule: BACK_OFF,
        setup: Setup::with(&["poll status=429 times=3"]),
        judge: Judge::One(|seen| settle(backs_off(seen, 429))),
    },
    Case {
        id: "503-backs-off",
        title: "waits longer after each 503 to its register requests",
        level: Level::Should,
        rule: BACK_OFF,
        setup: Setup::with(&["register status=503 times=3"]),
        judge: Judge::One(|seen| settle(backs_off(seen, 503))),
    },
    Case {
        id: "503-for-ever",
        title: "gives up, or asks less and less, where the service stays out of order",
        level: Level::Should,
        rule: BACK_OFF,
        setup: Setup::with(&["register status=503"]).within(40),
        judge: Judge::One(|seen| settle(gives_up(seen))),
    },
    Case {
        id: "jitter",
        title: "does not wait the same in each of 20 runs",
        level: Level::Should,
        rule: Rule {
            id: "J-48",
            text: "Devices that fail together must not try again together: waits differ by chance.",
            source: TRANSIENT_FAULTS,
        },
        setup: Setup::with(&["register status=503 times=1"]),
        judge: Judge::Each(20, |runs| settle(jitter(runs))),
    },
];

/// The least by which waits must differ to be no accident.
const JITTER: Duration = Duration::from_millis(80);

/// Waits as long as it is told, everywhere.
fn waits_as_told(seen: &Observation, told: u64) -> Judged {
    registers(seen)?;
    let wanted = Duration::from_secs(told);
    let exchanges = seen.exchanges();
    let told_to_wait = |it: &(Exchange<'_>, Duration)| it.0.status() == Some(202);
    let waits: Vec<_> = waits(&exchanges).into_iter().filter(told_to_wait).collect();
    if waits.is_empty() {
        return Ok(Finding::unseen("it asked nothing after it was told to wait"));
    }
    for (before, wait) in &waits {
        if *wait + EARLY < wanted {
            let at = seconds(before.answered.unwrap_or_default());
            return Ok(Finding::broken(format!(
                "it asked again {} after the 202 to its {} at {at}, which said retry-after={told}",
                seconds(*wait),
                before.name()
            )));
        }
    }
    assigned(seen)?;
    let all: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
    match all.iter().max() {
        Some(longest) if *longest > wanted * 2 + Duration::from_secs(5) => Ok(Finding::wanting(
            format!("it waited {}, much longer than it was told", seconds(*longest)),
        )),
        _ => Ok(Finding::kept(format!("waited {}", listed(&all)))),
    }
}

/// Waits for a time of its own, and goes on.
fn waits_by_itself(seen: &Observation) -> Judged {
    registers(seen)?;
    sane(seen)?;
    let exchanges = seen.exchanges();
    let waits = waits(&exchanges);
    let shortest = waits.iter().min_by_key(|(_, wait)| *wait);
    if let Some((before, wait)) = shortest
        && *wait < OWN_WAIT
    {
        let told = before.answer.and_then(|answer| answer.retry_after.clone());
        return Ok(Finding::broken(format!(
            "it asked again {} after an answer with {}",
            seconds(*wait),
            told.map_or("no retry-after".to_owned(), |told| format!("retry-after={told}"))
        )));
    }
    assigned(seen)?;
    let all: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
    match all.is_empty() {
        true => Ok(Finding::unseen("it asked nothing after it was told to wait")),
        false => Ok(Finding::kept(format!("waited {}", listed(&all)))),
    }
}

/// A date in the past asks for no wait; that it goes on is all.
fn survives_date(seen: &Observation) -> Judged {
    registers(seen)?;
    sane(seen)?;
    let at = assigned(seen)?;
    let asked: Vec<_> = seen.exchanges().iter().map(|it| it.asked).collect();
    match most_within(&asked, Duration::from_secs(1)) {
        many @ 6.. => Ok(Finding::broken(format!("it asked {many} times in a second"))),
        _ => Ok(Finding::kept(format!("told of its hub after {}", seconds(at)))),
    }
}

fn polls_within_quota(seen: &Observation) -> Judged {
    registers(seen)?;
    let polls: Vec<_> = seen.polls().iter().map(|poll| poll.asked).collect();
    let most = most_within(&polls, Duration::from_secs(10) - EARLY);
    if most > 5 {
        return Ok(Finding::broken(format!(
            "it polled {most} times in 10 s: at {}",
            listed(&polls)
        )));
    }
    assigned(seen)?;
    match polls.len() {
        0..=5 => Ok(Finding::unseen(format!("{} are too few to tell", count(polls.len(), "poll")))),
        _ => Ok(Finding::kept(format!("at most {most} polls in 10 s, of {} in all", polls.len()))),
    }
}

fn waits_after_429(seen: &Observation) -> Judged {
    registers(seen)?;
    sane(seen)?;
    let exchanges = seen.exchanges();
    let Some((_, wait)) = waits(&exchanges).into_iter().find(|(it, _)| it.status() == Some(429))
    else {
        return Ok(not_tried_again(seen, "429"));
    };
    if wait + EARLY < Duration::from_secs(4) {
        return Ok(Finding::broken(format!(
            "it asked again {} after a 429 that said retry-after=4",
            seconds(wait)
        )));
    }
    assigned(seen)?;
    Ok(Finding::kept(format!("waited {}", seconds(wait))))
}

/// It ended, or did no more.
fn not_tried_again(seen: &Observation, what: &str) -> Finding {
    match seen.ran_out {
        true => Finding::broken(format!("it did nothing more after the {what}: {}", summary(seen))),
        false => Finding::wanting(format!(
            "it gave up at the first {what}: whoever runs it has to try again"
        )),
    }
}

fn backs_off(seen: &Observation, status: u16) -> Judged {
    registers(seen)?;
    sane(seen)?;
    let exchanges = seen.exchanges();
    let refused = |it: &(Exchange<'_>, Duration)| it.0.status() == Some(status);
    let waits: Vec<_> =
        waits(&exchanges).into_iter().filter(refused).map(|(_, wait)| wait).collect();
    let (Some(first), Some(last)) = (waits.first(), waits.last()) else {
        return Ok(match exchanges.iter().any(|it| it.status() == Some(status)) {
            true => not_tried_again(seen, &status.to_string()),
            false => Finding::unseen(format!("it did not come as far as a {status}")),
        });
    };
    if let Some(short) = waits.iter().find(|wait| **wait < OWN_WAIT) {
        return Ok(Finding::failed(format!("it asked again {} after a {status}", seconds(*short))));
    }
    assigned(seen)?;
    match *last >= first.mul_f64(1.3) {
        true => Ok(Finding::kept(format!("waited {}", listed(&waits)))),
        false => Ok(Finding::broken(format!(
            "it waited {} after one {status} after another: no longer each time",
            listed(&waits)
        ))),
    }
}

fn gives_up(seen: &Observation) -> Judged {
    let registers = registers(seen)?;
    sane(seen)?;
    let asked = count(registers.len(), "register request");
    let waits: Vec<_> = waits(&registers).into_iter().map(|(_, wait)| wait).collect();
    if let Some(short) = waits.iter().find(|wait| **wait < OWN_WAIT) {
        return Ok(Finding::failed(format!("it asked again {} after a 503", seconds(*short))));
    }
    if !seen.ran_out {
        return Ok(Finding::kept(format!("gave up after {asked} in {}", seconds(seen.took))));
    }
    let (Some(first), Some(last)) = (waits.first(), waits.last()) else {
        return Ok(Finding::broken(format!(
            "it did nothing more after the first 503 for {}",
            seconds(seen.took)
        )));
    };
    match *last >= first.mul_f64(1.3) {
        true => Ok(Finding::kept(format!(
            "{asked} in {}, waiting {}",
            seconds(seen.took),
            listed(&waits)
        ))),
        false => Ok(Finding::broken(format!(
            "it was still asking after {}, every {}",
            seconds(seen.took),
            seconds(*last)
        ))),
    }
}

fn jitter(runs: &[Observation]) -> Judged {
    let mut all = Vec::new();
    for run in runs {
        let exchanges = run.exchanges();
        all.extend(
            waits(&exchanges)
                .into_iter()
                .find(|(it, _)| it.status() == Some(503))
                .map(|(_, wait)| wait),
        );
    }
    if all.is_empty() {
        return Ok(Finding::unseen("it never tried again after a 503"));
    }
    if all.len() * 2 < runs.len() {
        return Ok(Finding::unseen(format!(
            "it tried again after a 503 in {} of {} runs only",
            all.len(),
            runs.len()
        )));
    }
    all.sort_unstable();
    // A machine that is busy makes some late, which is no jitter: without the tenth at either end.
    let apart = all.len() / 10;
    let middle = all.get(apart..all.len() - apart).unwrap_or_default();
    let (Some(shortest), Some(longest)) = (middle.first(), middle.last()) else {
        return Ok(Finding::unseen("it tried again too seldom"));
    };
    let told = format!(
        "first waits from {} to {} in most of {} runs",
        seconds(*shortest),
        seconds(*longest),
        all.len()
    );
    match *longest - *shortest >= JITTER {
        true => Ok(Finding::kept(told)),
        false => {
            Ok(Finding::broken(format!("{told}: devices that fail together try again together")))
        }
    }
}
