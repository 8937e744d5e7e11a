//! How it speaks.

use std::collections::HashSet;

use crate::conformance::case::{Case, Level, Rule};
use crate::conformance::finding::Finding;
use crate::conformance::judging::{Judged, assigned, mqtt, registers, settle};
use crate::conformance::observation::Observation;
use crate::conformance::source::{MQTT, MQTT_AND_DPS, MQTT_AND_HUBS};
use crate::service::{WireEnd, WireMoment};
use crate::wire::RequestTopic;

/// The longest keep-alive with which Azure's load balancer lets a connection live: 1767 s are one and a
/// half of it.
const LONGEST_KEEP_ALIVE: u16 = 1177;

pub(super) const CASES: &[Case] = &[
    Case::plain(
        "topics",
        "publishes on the topics of DPS alone, at QoS 0 or 1, and nothing to be kept",
        Level::Must,
        Rule {
            id: "A.7",
            text: "Topics are those of A.4; QoS 2 ends the connection, RETAIN has no effect.",
            source: MQTT_AND_DPS,
        },
        |seen| settle(keeps_to_topics(seen)),
    ),
    Case::plain(
        "request-ids",
        "gives each request a `$rid` of its own",
        Level::Must,
        Rule {
            id: "A.4",
            text: "`$rid` tells answers apart, and so no two requests have the same.",
            source: MQTT_AND_DPS,
        },
        |seen| settle(numbers_requests(seen)),
    ),
    Case::plain(
        "keep-alive",
        "announces a keep-alive that Azure lets live",
        Level::Should,
        Rule {
            id: "A.7",
            text: "Azure closes connections on which nothing was said for 1767 s.",
            source: MQTT_AND_HUBS,
        },
        |seen| settle(announces_keep_alive(seen)),
    ),
    Case::plain(
        "no-will",
        "leaves no will, and keeps no session",
        Level::Should,
        Rule {
            id: "A.2",
            text: "DPS has no use for a will, and no session outlives its connection.",
            source: MQTT_AND_DPS,
        },
        |seen| settle(leaves_no_will(seen)),
    ),
    Case::plain(
        "closes-cleanly",
        "says goodbye: DISCONNECT over MQTT, close over AMQP, close_notify over HTTPS",
        Level::Should,
        Rule {
            id: "A.7",
            text: "A client that has its answer says DISCONNECT or close, and ends TLS in order.",
            source: MQTT,
        },
        |seen| settle(says_goodbye(seen)),
    ),
];

fn keeps_to_topics(seen: &Observation) -> Judged {
    mqtt(seen)?;
    let hubs: HashSet<_> =
        seen.connects(true).iter().map(|(_, connection, _)| *connection).collect();
    let published = seen.heard(|moment| match moment {
        WireMoment::Publish { topic, qos, retain } => Some((topic, *qos, *retain)),
        _ => None,
    });
    let mut count = 0;
    for (_, connection, (topic, qos, retain)) in published {
        if hubs.contains(&connection) {
            continue;
        }
        count += 1;
        if topic.parse::<RequestTopic>().is_err() {
            return Ok(Finding::broken(format!("it published on {topic:?}")));
        }
        if qos > 1 || retain {
            return Ok(Finding::broken(format!(
                "it published at QoS {qos}, RETAIN {retain}, on {topic:?}"
            )));
        }
    }
    match count {
        0 => Ok(Finding::unseen("it published nothing")),
        _ => Ok(Finding::kept(format!("{count} messages"))),
    }
}

fn numbers_requests(seen: &Observation) -> Judged {
    mqtt(seen)?;
    let published = seen.heard(|moment| match moment {
        WireMoment::Publish { topic, .. } => topic.parse::<RequestTopic>().ok(),
        _ => None,
    });
    let mut used = HashSet::new();
    for (_, connection, topic) in published {
        let (RequestTopic::Register { rid } | RequestTopic::OperationStatus { rid, .. }) = topic;
        if rid.is_empty() {
            return Ok(Finding::broken("a request has no $rid"));
        }
        if !used.insert((connection, rid.clone())) {
            return Ok(Finding::broken(format!("two requests have the $rid {rid:?}")));
        }
    }
    match used.len() {
        0 => Ok(Finding::unseen("it published nothing")),
        requests => Ok(Finding::kept(format!("{requests} requests"))),
    }
}

fn announces_keep_alive(seen: &Observation) -> Judged {
    mqtt(seen)?;
    let connects = seen.connects(false);
    let keep_alives: Vec<_> = connects.iter().map(|(.., connect)| connect.keep_alive).collect();
    match keep_alives.iter().find(|it| **it == 0 || **it > LONGEST_KEEP_ALIVE) {
        Some(0) => {
            Ok(Finding::broken("its keep-alive is 0: it will not notice that a connection is dead"))
        }
        Some(long) => Ok(Finding::broken(format!("its keep-alive is {long} s"))),
        None => {
            Ok(Finding::kept(format!("{} s", keep_alives.first().copied().unwrap_or_default())))
        }
    }
}

fn leaves_no_will(seen: &Observation) -> Judged {
    mqtt(seen)?;
    let connects = seen.connects(false);
    if connects.iter().any(|(.., connect)| connect.has_will) {
        return Ok(Finding::broken("it leaves a will, which nobody executes"));
    }
    match connects.iter().all(|(.., connect)| connect.clean_session) {
        true => Ok(Finding::kept("clean session, no will")),
        false => {
            Ok(Finding::broken("it asks for a session that outlives the connection, and gets none"))
        }
    }
}

fn says_goodbye(seen: &Observation) -> Judged {
    registers(seen)?;
    let at = assigned(seen)?;
    let Some(exchange) = seen.exchanges().into_iter().find(|it| it.is_assigned()) else {
        return Ok(Finding::unseen("it was never told of its hub"));
    };
    if seen.end == crate::child::End::Stopped {
        return Ok(Finding::unseen("it went on running, and was stopped"));
    }
    let ends = seen.heard(|moment| match moment {
        WireMoment::Ended(end) => Some(*end),
        _ => None,
    });
    let end = ends.into_iter().find(|(_, number, _)| *number == exchange.connection);
    let goodbye = match (seen.speaks_mqtt(), seen.speaks_amqp()) {
        (true, _) => "DISCONNECT",
        (_, true) => "close",
        _ => return Ok(ends_tls(end.map(|(.., end)| end))),
    };
    let is_said = seen
        .heard(|moment| match moment {
            WireMoment::Disconnect => Some("DISCONNECT"),
            WireMoment::Close(_) => Some("close"),
            _ => None,
        })
        .iter()
        .any(|(when, number, said)| {
            *number == exchange.connection && *when >= at && *said == goodbye
        });
    Ok(match (is_said, end) {
        (true, _) => Finding::kept(goodbye),
        (false, Some((.., end))) => {
            Finding::broken(format!("no {goodbye}: the connection was {end}"))
        }
        (false, None) => Finding::broken(format!("no {goodbye}: the connection was left open")),
    })
}

fn ends_tls(end: Option<WireEnd>) -> Finding {
    match end {
        Some(WireEnd::Closed) => Finding::kept("close_notify"),
        Some(end) => Finding::broken(format!("the connection was {end}")),
        None => Finding::unseen("the connection did not end before the client was judged"),
    }
}
