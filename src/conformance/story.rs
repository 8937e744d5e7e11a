//! What went over the wire, in words: for reports.
//!
//! Pure. Tokens are not told.

use std::time::Duration;

use super::finding::{count, seconds};
use super::observation::Observation;
use crate::service::{FaultPlace, FaultTransport, WireEvent, WireMoment};

/// Most moments that a report has of one run.
const MAX_TOLD: usize = 200;

/// Every moment, with its time.
pub(super) fn story(observation: &Observation) -> Vec<(Duration, String)> {
    let events = &observation.events;
    let tell = |event: &WireEvent| {
        let first = events.first().map_or(event.connection, |it| it.connection);
        // Counted from 1 in each run, for the reader's sake.
        let number = event.connection.saturating_sub(first) + 1;
        (observation.since(event.at), format!("connection {number}: {}", sentence(&event.moment)))
    };
    let mut told: Vec<_> = events.iter().take(MAX_TOLD).map(tell).collect();
    if let Some(more) = events.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
        let at = told.last().map(|(at, _)| *at).unwrap_or_default();
        told.push((at, format!("{} more are not told", count(more, "event"))));
    }
    told.push((observation.took, format!("the client {}", observation.end)));
    told
}

fn sentence(moment: &WireMoment) -> String {
    match moment {
        WireMoment::Opened { listener: FaultTransport::Https } => {
            "opened, at the port of HTTPS".to_owned()
        }
        WireMoment::Opened { listener: FaultTransport::Amqp } => {
            "opened, at the port of AMQP".to_owned()
        }
        WireMoment::Opened { .. } => "opened, at the port of MQTT".to_owned(),
        WireMoment::Unsecured(why) => format!("no TLS: {why}"),
        WireMoment::Secured { tls, certificates } => {
            let version = tls.version.unwrap_or("of an unknown version");
            let name = tls
                .server_name
                .as_deref()
                .map_or("no name".to_owned(), |it| format!("the name {it}"));
            match certificates {
                0 => format!("TLS {version}, with {name}"),
                shown => format!("TLS {version}, with {name} and {}", count(*shown, "certificate")),
            }
        }
        WireMoment::Connect(connect) => {
            let whom = if connect.is_for_hub { " at a hub" } else { "" };
            let user_name = connect.user_name.as_deref().unwrap_or("none");
            format!("CONNECT{whom} of {:?}, user name {user_name:?}", connect.client_id)
        }
        WireMoment::Subscribe(filters) => {
            let filters: Vec<_> =
                filters.iter().map(|(filter, qos)| format!("{filter} at QoS {qos}")).collect();
            format!("SUBSCRIBE {}", filters.join(", "))
        }
        WireMoment::Unsubscribe => "UNSUBSCRIBE".to_owned(),
        WireMoment::Publish { topic, qos, .. } => format!("PUBLISH {topic} at QoS {qos}"),
        WireMoment::Ping => "PINGREQ".to_owned(),
        WireMoment::Disconnect => "DISCONNECT".to_owned(),
        WireMoment::SignIn(sign_in) => match &sign_in.user_name {
            Some(user_name) => format!("SASL, as {user_name:?}"),
            None => "AMQP without a token".to_owned(),
        },
        WireMoment::Open(container) => format!("open, container {container:?}"),
        WireMoment::Attach(attach) => {
            let way = if attach.receives { "receives from" } else { "sends to" };
            let address = attach.address.as_deref().unwrap_or_default();
            format!("attach of a link that {way} {address:?}")
        }
        WireMoment::Close(None) => "close".to_owned(),
        WireMoment::Close(Some(condition)) => format!("close with {condition}"),
        WireMoment::Request(request) => format!("{} {}", request.method, request.target),
        WireMoment::Asked { place, operation, body } => {
            let body = String::from_utf8_lossy(body.get(..400).unwrap_or(body)).into_owned();
            match (place, operation) {
                (FaultPlace::Register, _) => format!("asks to register: {body}"),
                (_, Some(operation)) => format!("asks for operation {operation}"),
                (_, None) => "asks how its registration stands".to_owned(),
            }
        }
        WireMoment::Answered { answer: None, .. } => "is not answered".to_owned(),
        WireMoment::Answered { delay, answer: Some(answer), .. } => {
            let wait = answer.retry_after.as_deref();
            let wait = wait.map(|wait| format!(", retry-after {wait}")).unwrap_or_default();
            let late = match delay.is_zero() {
                true => String::new(),
                false => format!(" {} later", seconds(*delay)),
            };
            let body: String = answer.body.chars().take(400).collect();
            format!("is answered{late} {}{wait}: {body}", answer.status)
        }
        WireMoment::Ended(end) => end.to_string(),
    }
}
