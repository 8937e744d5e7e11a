//! Faults on demand where a device asks its hub for a certificate (I.4): requests that meet, answers that
//! come late or to another connection, and each word of a rule as a raw client sees it (J-260).

use std::time::{Duration, Instant, SystemTime};

use provision_sim::service::{FaultPlace, FaultTransport};
use provision_sim::sources::Clock;
use rumqttc::{Packet, PubAck, QoS, Unsubscribe};
use serde_json::json;

use super::{
    FILTER, ID, ask, assert_topic, at_hub, body, code, fixture, is_silent, provision, renewed,
    replacing, setup, sign_in, topic,
};
use crate::support::faults::{deeds_at, samples};
use crate::support::service::client::{Answer, Client, Manners};

const WAIT: Duration = Duration::from_millis(30);

async fn unsubscribe(client: &mut Client) {
    let mut unsubscribe = Unsubscribe::new(FILTER);
    unsubscribe.pkid = 77;
    client.send(Packet::Unsubscribe(unsubscribe)).await;
    let packet = client.receive().await;
    assert!(matches!(packet, Packet::UnsubAck(_)), "{packet:?}");
}

#[tokio::test]
async fn i_4_of_two_requests_at_once_the_second_is_told_of_the_first() {
    let service = setup().fault("issue delay=1h times=1").start().await;
    let own = provision(&service).await;
    let mut client = at_hub(&service, &own).await;
    let csr = fixture("p256.der");
    let first = ask(&mut client, "rid-1", &body(&csr)).await;
    assert_topic(&first, 202, "rid-1");

    let second = ask(&mut client, "rid-2", &body(&csr)).await;
    assert_eq!(code(&second, "rid-2"), 409_005);
    let operation = first.body();
    let info = json!({
        "requestId": "rid-1",
        "operationExpires": operation["operationExpires"],
        "correlationId": operation["correlationId"],
    });
    assert_eq!(second.body()["info"], info);
    let again = ask(&mut client, "rid-1", &body(&csr)).await;
    assert_topic(&again, 202, "rid-1");
    assert_eq!(again.body(), operation, "it is the same request");
    let stale = ask(&mut client, "rid-2", &replacing(&csr, "rid-0")).await;
    assert_eq!(code(&stale, "rid-2"), 412_001);
    // Another connection of the same device is no other device.
    let mut client = at_hub(&service, &own).await;
    assert_eq!(code(&ask(&mut client, "rid-2", &body(&csr)).await, "rid-2"), 409_005);

    let accepted = ask(&mut client, "rid-2", &replacing(&csr, "rid-1")).await;
    assert_topic(&accepted, 202, "rid-2");
    assert_ne!(accepted.body()["correlationId"], operation["correlationId"]);
    assert_topic(&client.answer().await, 200, "rid-2");
}

#[tokio::test]
async fn i_4_a_star_replaces_whatever_is_under_way_and_needs_nothing() {
    let service = setup().fault("issue silence nth=2").start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;
    let csr = fixture("p256.der");

    for (rid, has_certificate) in [("rid-1", true), ("rid-2", false), ("rid-3", true)] {
        let accepted = ask(&mut client, rid, &replacing(&csr, "*")).await;
        assert_topic(&accepted, 202, rid);
        if has_certificate {
            assert_topic(&client.answer().await, 200, rid);
        }
    }
    assert!(is_silent(&mut client).await);
}

#[tokio::test]
async fn j_463_a_device_whose_connection_was_lost_is_sent_its_certificate_when_it_subscribes() {
    for how in ["close", "reset"] {
        let service = setup().fault(&format!("issue {how} times=1")).start().await;
        let own = provision(&service).await;
        let mut client = at_hub(&service, &own).await;
        let request = body(&fixture("p256.der")).to_string();
        client.publish(&topic("rid-1"), request.as_bytes(), QoS::AtMostOnce).await;
        while client.next().await.is_some() {}

        for manners in [Manners::default(), Manners { clean_session: false, ..Manners::default() }]
        {
            let mut deaf = sign_in(&service, &own, manners).await;
            assert!(is_silent(&mut deaf).await, "it has to subscribe");
        }
        let mut again = at_hub(&service, &own).await;
        assert_topic(&again.answer().await, 200, "rid-1");
        renewed(&mut again, "rid-2", &fixture("p384.der")).await;
    }
}

/// The runs 017 and 018.
#[tokio::test]
async fn j_463_a_certificate_waits_for_a_device_that_has_unsubscribed() {
    let clock = Clock::running(SystemTime::now());
    let service = setup().clock(clock.clone()).fault("issue delay=10m").start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;
    let accepted = ask(&mut client, "rid-1", &body(&fixture("p256.der"))).await;
    unsubscribe(&mut client).await;
    assert!(clock.advance(Duration::from_secs(601)));
    assert!(is_silent(&mut client).await);

    client.subscribe(FILTER, QoS::AtMostOnce).await;
    let answer = client.answer().await;

    assert_topic(&answer, 200, "rid-1");
    assert_eq!(answer.body()["correlationId"], accepted.body()["correlationId"]);
}

#[tokio::test]
async fn j_462_after_fifteen_minutes_a_request_is_forgotten() {
    let clock = Clock::running(SystemTime::now());
    let service = setup().clock(clock.clone()).fault("issue delay=10m times=1").start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;
    let csr = fixture("p256.der");
    ask(&mut client, "rid-1", &body(&csr)).await;
    unsubscribe(&mut client).await;
    assert!(clock.advance(Duration::from_secs(901)));

    client.subscribe(FILTER, QoS::AtLeastOnce).await;
    assert!(is_silent(&mut client).await);
    let stale = ask(&mut client, "rid-2", &replacing(&csr, "rid-1")).await;
    assert_eq!(code(&stale, "rid-2"), 412_001);
    renewed(&mut client, "rid-2", &csr).await;
}

/// What comes of one request.
struct Seen {
    /// All answers before that to something else.
    said: Vec<Answer>,
    is_open: bool,
    took: Duration,
}

/// Asks once, and hears so many answers, then whatever comes before the answer to a ping; or, where the
/// connection has to end, whether it does.
async fn play(client: &mut Client, deed: &str) -> Seen {
    let patience = if deed == "delay" { 2 } else { 0 };
    let begun = Instant::now();
    let request = body(&fixture("p256.der")).to_string();
    let ends = matches!(deed, "close" | "reset");
    // Who is hung up on may not hear PUBACK any more.
    let qos = if ends { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    client.publish(&topic("rid-1"), request.as_bytes(), qos).await;
    if ends {
        while client.next().await.is_some() {}
        return Seen { said: Vec::new(), is_open: false, took: begun.elapsed() };
    }
    let mut said = Vec::new();
    for _ in 0..patience {
        said.push(client.answer().await);
    }
    let took = begun.elapsed();
    client.send_if_open(Packet::PingReq).await;
    let is_open = loop {
        match client.next().await {
            Some(Packet::Publish(publish)) => {
                client.send_if_open(Packet::PubAck(PubAck::new(publish.pkid))).await;
                let text = String::from_utf8(publish.payload.to_vec()).unwrap();
                let (topic, qos, retain) = (publish.topic, publish.qos, publish.retain);
                said.push(Answer { topic, qos, retain, packet_id: publish.pkid, text });
            }
            Some(Packet::PingResp) => break true,
            Some(other) => panic!("{other:?}"),
            None => break false,
        }
    };
    Seen { said, is_open, took }
}

/// What every word means for the first answer, or the last.
fn judge(place: FaultPlace, deed: &str, seen: &Seen) {
    let at = usize::from(place == FaultPlace::Issue);
    let statuses: Vec<_> = seen
        .said
        .iter()
        .map(|it| it.topic.split('/').nth(3).unwrap().parse::<u16>().unwrap())
        .collect();
    let good: &[u16] = &[202, 200];
    let refused = |status: u16| [&good[..at], &[status]].concat();
    let body = |n: usize| seen.said[n].body();
    match deed {
        "status" => {
            assert_eq!(statuses, refused(503));
            assert_eq!(body(at)["errorCode"], 503_001);
        }
        "code" => {
            assert_eq!(statuses, refused(429));
            assert_eq!(body(at)["errorCode"], 429_123);
            assert_eq!(body(at)["info"], json!(null), "as a hub writes it");
        }
        "message" => assert_eq!(body(at)["message"], "Hey"),
        "retry-after" => assert_eq!(body(at)["retryAfter"], 7),
        "delay" => {
            assert_eq!(statuses, good);
            assert!(seen.took >= WAIT, "{:?}", seen.took);
        }
        "silence" => assert_eq!(statuses, good[..at]),
        "close" | "reset" => assert!(!seen.is_open),
        "lose-answer" => {
            let other = if place == FaultPlace::Renew { 200 } else { 202 };
            assert_eq!(statuses, [other]);
        }
        "duplicate" => {
            assert_eq!(statuses.len(), 3);
            assert_eq!(seen.said[at].text, seen.said[at + 1].text);
        }
        "wrong-rid" => {
            assert_eq!(statuses, good);
            assert!(!seen.said[at].topic.ends_with("=rid-1"), "{}", seen.said[at].topic);
            assert!(seen.said[1 - at].topic.ends_with("=rid-1"));
        }
        "broken-json" => {
            assert_eq!(statuses, good);
            assert!(serde_json::from_str::<serde_json::Value>(&seen.said[at].text).is_err());
        }
        other => panic!("{other} at {place} is judged by nobody here"),
    }
    if !matches!(deed, "close" | "reset") {
        assert!(seen.is_open, "{deed} at {place}");
    }
}

/// J-469.
#[tokio::test]
async fn j_260_each_fault_at_a_renewal_is_seen_by_a_raw_client() {
    for place in [FaultPlace::Renew, FaultPlace::Issue] {
        for deed in deeds_at(place, FaultTransport::Mqtt) {
            for sample in samples(place, deed) {
                let rule = format!("{place} {sample} device={ID} times=1");
                let service = setup().fault(&rule).start().await;
                let mut client = at_hub(&service, &provision(&service).await).await;

                judge(place, deed, &play(&mut client, deed).await);

                let faults = service.inside().faults().list();
                assert_eq!(faults[0].struck, 1, "{rule}");
            }
        }
    }
}
