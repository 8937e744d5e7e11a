//! Faults on demand (J-260 to J-267), each as a raw client sees it on each transport where it can occur.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use provision_sim::service::{EntryStatus, timeline};
use rumqttc::{ConnectReturnCode, Packet, QoS, Subscribe, SubscribeReasonCode};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::service::client::{Answer, Client, Device, Manners, RESPONSES, poll_topic};
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::{decoded, hub_token, of_device};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::within;

const ID: &str = "pump-0042";
const REGISTER: &str = "$dps/registrations/PUT/iotdps-register/?$rid=1";
const UNKNOWN_HUB: &str = "unknown.azure-devices.net";

async fn with(rule: &str) -> TestService {
    Setup::at_once().fault(rule).start().await
}

async fn mqtt(service: &TestService) -> Client {
    Client::connect(service, &Device::new(ID)).await
}

/// What a client over HTTPS gets: the head, and as much of the body as comes.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
    /// Whether the body is as long as was said.
    is_whole: bool,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

struct Https(TlsStream<TcpStream>);

impl Https {
    async fn open(service: &TestService) -> Self {
        Self(service.https().await)
    }

    /// Asks; an error if the connection ends before there is a head.
    async fn call(&mut self, method: &str, rest: &str) -> std::io::Result<Got> {
        within("an answer over HTTPS", self.exchange(method, rest)).await
    }

    async fn exchange(&mut self, method: &str, rest: &str) -> std::io::Result<Got> {
        self.ask(method, rest).await;
        self.answer().await
    }

    /// Asks, and does not wait for the answer.
    async fn ask(&mut self, method: &str, rest: &str) {
        let request = format!(
            "{method} /{SCOPE}/registrations/{ID}{rest}?api-version=2021-06-01 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
            of_device(ID)
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> std::io::Result<Got> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut got = Got { status, head, body: String::new(), is_whole: true };
        let length: usize = got.header("content-length").unwrap().parse().unwrap();
        while got.body.len() < length && got.is_whole {
            match self.0.read_u8().await {
                Ok(byte) => got.body.push(char::from(byte)),
                Err(_) => got.is_whole = false,
            }
        }
        Ok(got)
    }

    async fn register(&mut self) -> std::io::Result<Got> {
        self.call("PUT", "/register").await
    }

    async fn poll(&mut self, operation: &str) -> Got {
        self.call("GET", &format!("/operations/{operation}")).await.unwrap()
    }

    async fn lookup(&mut self) -> std::io::Result<Got> {
        self.call("POST", "").await
    }

    /// The operation of a registration that nothing stood against.
    async fn operation(&mut self) -> String {
        self.register().await.unwrap().json()["operationId"].as_str().unwrap().to_owned()
    }
}

/// Whether the service has anything else to say now: it answers a ping first.
async fn says_nothing(client: &mut Client) -> bool {
    client.send(Packet::PingReq).await;
    client.receive().await == Packet::PingResp
}

fn struck(service: &TestService) -> u64 {
    service.inside().faults().list().iter().map(|rule| rule.struck).sum()
}

// --- Answers that are errors ---

#[tokio::test]
async fn j_264_a_status_is_told_and_nothing_is_done() {
    for (rule, status, code) in [
        ("register status=429 retry-after=7 times=1", 429, 429_001),
        ("register status=503 times=1", 503, 503_001),
        ("register code=401002 message=Unauthorized times=1", 401, 401_002),
    ] {
        let service = with(rule).await;
        let mut client = mqtt(&service).await;

        let refused = client.register("").await;

        assert_eq!((refused.status(), &refused.body()["errorCode"]), (status, &json!(code)));
        assert_eq!(refused.topic.ends_with("&retry-after=7"), status == 429, "{}", refused.topic);
        let entry = service.inside().journal().entries().pop().unwrap();
        assert_eq!((entry.status, entry.failed_check), (EntryStatus::Refused, Some("fault")));
        assert_eq!((entry.faults[0].count, entry.answers[0].status), (1, status));
        assert_eq!(client.provision("").await.status(), 200, "once only");
        assert_eq!(struck(&service), 1);
    }
}

#[tokio::test]
async fn j_264_a_status_is_told_over_https_with_its_headers() {
    let service = with("register status=503 retry-after=2 scope=all times=1").await;
    let mut https = Https::open(&service).await;

    let refused = https.register().await.unwrap();

    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    assert_eq!(refused.header("x-ms-error-code"), Some("503001"));
    let operation = https.operation().await;
    assert_eq!(https.poll(&operation).await.status, 200);
}

#[tokio::test]
async fn a_poll_and_a_look_up_can_fail_too() {
    let service = Setup::at_once()
        .fault("poll status=500 times=2")
        .fault("lookup status=404 code=404202 times=1")
        .start()
        .await;
    let mut https = Https::open(&service).await;
    let operation = https.operation().await;

    for status in [500, 500, 200] {
        assert_eq!(https.poll(&operation).await.status, status);
    }
    for (status, member) in [(404, "errorCode"), (200, "assignedHub")] {
        let got = https.lookup().await.unwrap();
        assert!(got.status == status && got.json().get(member).is_some(), "{got:?}");
    }
    let entry = service.inside().journal().entries().pop().unwrap();
    let faults: Vec<_> = entry.faults.iter().map(|it| (&*it.rule, it.count)).collect();
    assert_eq!(
        faults,
        [("poll times=2 status=500", 2), ("lookup times=1 status=404 code=404202", 1)]
    );
    let story: Vec<_> = timeline(&entry).into_iter().map(|moment| moment.title).collect();
    let told = story.iter().find(|title| title.contains("has fault 1 strike"));
    assert!(
        told.is_some_and(|title| title.contains("poll times=2 status=500 (2 times")),
        "{story:?}"
    );
}

#[tokio::test]
async fn a_status_below_400_is_told_of_what_was_done() {
    let service = with("poll status=202 times=1").await;
    let mut client = mqtt(&service).await;
    let operation = client.register("").await.operation_id();

    let polled = client.poll(&operation).await;

    assert_eq!((polled.status(), &polled.body()["status"]), (202, &json!("assigned")));
}

// --- What is told of the wait ---

#[tokio::test]
async fn j_41_waits_that_no_client_can_use_are_told_as_they_are_written() {
    for (written, told) in [
        ("abc", Some("abc")),
        ("-1", Some("-1")),
        ("1.5", Some("1.5")),
        ("\"Wed, 21 Oct 2026 07:28:00 GMT\"", Some("Wed, 21 Oct 2026 07:28:00 GMT")),
        ("\"\"", Some("")),
        ("7", Some("7")),
        ("none", None),
    ] {
        let service = with(&format!("register retry-after={written}")).await;

        let over_mqtt = mqtt(&service).await.register("").await;
        let over_https = Https::open(&service).await.register().await.unwrap();

        let (_, behind) = over_mqtt.topic.split_once("/?$rid=1").unwrap();
        assert_eq!(behind.strip_prefix("&retry-after="), told, "{written}");
        assert_eq!(behind.is_empty(), told.is_none());
        assert_eq!((over_mqtt.status(), over_https.status), (202, 202));
        assert_eq!(over_https.header("retry-after"), told, "{written}");
    }
}

// --- No answer ---

#[tokio::test]
async fn j_266_silence_is_no_answer_over_mqtt_and_nothing_is_done() {
    let service = with("register silence times=1").await;
    let mut client = mqtt(&service).await;

    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;

    assert!(says_nothing(&mut client).await);
    let entry = service.inside().journal().entries().pop().unwrap();
    assert_eq!((entry.status, entry.answers.len()), (EntryStatus::Refused, 0));
    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn a_lost_answer_is_done_and_never_told() {
    let service = with("register lose-answer times=1").await;
    let mut client = mqtt(&service).await;

    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;

    assert!(says_nothing(&mut client).await);
    let entry = service.inside().journal().entries().pop().unwrap();
    assert_eq!((entry.status, entry.faults.len()), (EntryStatus::Assigned, 1));
}

#[tokio::test]
async fn j_266_over_https_a_lost_answer_takes_its_connection_along() {
    let service = with("register lose-answer times=1").await;
    let mut https = Https::open(&service).await;

    let lost = https.register().await.unwrap_err();

    assert_eq!(lost.kind(), ErrorKind::UnexpectedEof);
    let entry = service.inside().journal().entries().pop().unwrap();
    assert_eq!(entry.status, EntryStatus::Assigned);
    assert_eq!(Https::open(&service).await.lookup().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_connection_is_closed_or_reset_in_place_of_an_answer() {
    for place in ["register", "poll"] {
        let service = Setup::at_once()
            .fault(&format!("{place} close nth=1"))
            .fault(&format!("{place} reset nth=2"))
            .start()
            .await;
        let mut ends = Vec::new();
        for _ in 0..2 {
            let mut client = mqtt(&service).await;
            if place == "poll" {
                let operation = client.register("").await.operation_id();
                client.publish(&format!("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}"), b"", QoS::AtLeastOnce).await;
            } else {
                client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
            }
            let mut rest = Vec::new();
            let end = within("the end", client.into_stream().read_to_end(&mut rest)).await;
            assert!(rest.is_empty());
            ends.push(end.map_err(|error| error.kind()));
        }
        assert_eq!(ends, [Ok(0), Err(ErrorKind::ConnectionReset)], "{place}");
    }
}

#[tokio::test]
async fn over_https_a_connection_is_closed_or_reset_too() {
    let service =
        Setup::at_once().fault("register close nth=1").fault("register reset nth=2").start().await;
    let mut ends = Vec::new();
    for _ in 0..2 {
        ends.push(Https::open(&service).await.register().await.unwrap_err().kind());
    }
    assert_eq!(ends, [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset]);
    let refused = service.inside().journal().entries();
    assert!(refused.iter().all(|entry| entry.status == EntryStatus::Refused), "nothing is done");
}

#[tokio::test]
async fn an_answer_breaks_off_and_the_connection_ends() {
    let service = with("register truncate=10").await;
    let mut client = mqtt(&service).await;
    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
    let mut rest = Vec::new();
    within("the end", client.into_stream().read_to_end(&mut rest)).await.unwrap();
    let broken = Https::open(&service).await.register().await.unwrap();

    // The type of the packet, two bytes of length, two of the topic's, and five of the topic.
    assert_eq!((rest.len(), &rest[5..]), (10, &b"$dps/"[..]));
    assert!(!broken.is_whole && broken.body.len() == 10, "{broken:?}");
}

#[tokio::test]
async fn j_200_what_is_delayed_holds_up_nothing_else() {
    let service = Setup::at_once()
        .fault("register delay=1h nth=1")
        .fault("register delay=1ms nth=2")
        .fault("register close delay=1ms nth=3")
        .start()
        .await;
    let mut client = mqtt(&service).await;

    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await, "not for an hour");
    assert_eq!(service.inside().journal().entries()[0].status, EntryStatus::Assigned);
    assert_eq!(client.register("").await.status(), 202);
    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
    assert!(client.is_closed().await);

    // Each of them a connection of its own, counted with those over MQTT.
    let service = with("register delay=1ms").await;
    assert_eq!(Https::open(&service).await.register().await.unwrap().status, 202);
}

// --- Answers out of place ---

#[tokio::test]
async fn an_answer_comes_twice() {
    let service = with("register duplicate").await;
    let mut client = mqtt(&service).await;

    let (one, other) = (client.register("").await, client.answer().await);

    assert_eq!((&one.topic, &one.text), (&other.topic, &other.text));
    assert_ne!(one.packet_id, other.packet_id, "two packets, none sent again");
}

#[tokio::test]
async fn an_answer_comes_after_the_one_to_the_next_request() {
    let service = with("register late times=1").await;
    let mut client = mqtt(&service).await;

    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await);
    let polled = client.poll("5.none").await;
    let late = client.answer().await;

    assert_eq!(polled.status(), 404);
    assert!(polled.topic.contains("$rid=2") && late.topic.contains("/202/?$rid=1"), "{late:?}");
    assert_eq!(client.result_of(&late).await.status(), 200);
}

#[tokio::test]
async fn an_answer_names_a_request_that_nobody_sent() {
    let service = with("register wrong-rid").await;

    let answer = mqtt(&service).await.register("").await;

    let (_, rid) = answer.topic.split_once("$rid=").unwrap();
    assert!(rid.split('&').next().unwrap().len() == 36, "{}", answer.topic);
    assert_eq!(answer.status(), 202);
}

// --- Answers that are wrong ---

/// The same registration over both transports: what register and poll are answered.
async fn both(rule: &str) -> [(u16, String, Option<String>); 2] {
    let service = with(rule).await;
    let place = rule.split(' ').next().unwrap();
    let mut client = mqtt(&service).await;
    let mut answer: Answer = client.register("").await;
    if place == "poll" {
        answer = client.poll(&answer.operation_id()).await;
    }
    let mut https = Https::open(&service).await;
    let mut got = https.register().await.unwrap();
    if place == "poll" {
        got = https.poll(got.json()["operationId"].as_str().unwrap()).await;
    }
    let content_type = got.header("content-type").map(str::to_owned);
    [(answer.status(), answer.text, None), (got.status, got.body, content_type)]
}

#[tokio::test]
async fn the_body_of_an_answer_is_changed_as_it_was_asked_for() {
    for (status, text, _) in both("register broken-json").await {
        assert_eq!(status, 202);
        assert!(
            text.starts_with("{\"operationId\":\"")
                && serde_json::from_str::<Value>(&text).is_err()
        );
    }
    for (status, text, _) in both("register no-operation-id").await {
        assert_eq!((status, text.as_str()), (202, "{\"status\":\"assigning\"}"));
    }
    for (_, text, _) in both("register unknown-status").await {
        assert!(text.ends_with("\"status\":\"pondering\"}"), "{text}");
    }
    for (status, text, content_type) in both("poll html status=502").await {
        assert!(status == 502 && text.starts_with("<!DOCTYPE html>"), "{text}");
        assert!(content_type.is_none_or(|it| it.starts_with("text/html")));
    }
    for (status, text, _) in both("poll hub=unknown").await {
        assert_eq!(status, 200);
        assert!(text.contains(UNKNOWN_HUB) && !text.contains(HUB_WEST), "{text}");
    }
}

#[tokio::test]
async fn a_look_up_can_name_a_hub_that_is_not_there() {
    let service = with("lookup hub=unknown").await;
    let mut https = Https::open(&service).await;
    let operation = https.operation().await;
    assert_eq!(https.poll(&operation).await.json()["registrationState"]["assignedHub"], HUB_WEST);

    assert_eq!(https.lookup().await.unwrap().json()["assignedHub"], UNKNOWN_HUB);
}

#[tokio::test]
async fn the_first_polls_of_each_operation_are_told_that_it_is_in_progress() {
    let service = with("poll assigning=2").await;
    let (mut client, mut https) = (mqtt(&service).await, Https::open(&service).await);

    for _ in 0..2 {
        let operation = client.register("").await.operation_id();
        for status in [202, 202, 200] {
            assert_eq!(client.poll(&operation).await.status(), status);
        }
    }
    let operation = https.operation().await;
    for status in [202, 202, 200] {
        assert_eq!(https.poll(&operation).await.status, status);
    }
}

#[tokio::test]
async fn an_operation_is_not_known_any_more() {
    for rule in ["register forget-operation times=1", "poll forget-operation times=1"] {
        let service = with(rule).await;
        let mut client = mqtt(&service).await;
        let forgotten = client.register("").await.operation_id();

        for _ in 0..2 {
            assert_eq!(client.poll(&forgotten).await.error().1, 404_203, "{rule}");
        }
        let mut https = Https::open(&service).await;
        assert_eq!(https.poll(&forgotten).await.status, 404, "{rule}");
        assert_eq!(client.provision("").await.status(), 200, "{rule}");
        service.inside().faults().clear();
        assert_eq!(client.poll(&forgotten).await.status(), 200, "the record has it still");
    }
}

// --- For whom, and by which door ---

#[tokio::test]
async fn a_rule_is_for_one_transport_and_for_the_devices_of_one_enrollment() {
    let service = Setup::at_once()
        .fault("register status=503 transport=https")
        .fault("register status=500 enrollment=retired")
        .fault("register status=429 enrollment=PUMPS device=*-43")
        .start()
        .await;

    assert_eq!(Https::open(&service).await.register().await.unwrap().status, 503);
    assert_eq!(mqtt(&service).await.register("").await.status(), 202);
    let mut other = Client::connect(&service, &Device::new("pump-43")).await;
    assert_eq!(other.register("").await.status(), 429);
}

#[tokio::test]
async fn j_260_the_configuration_has_faults_too() {
    let setup = Setup::from_config(format!(
        "idScope = \"{SCOPE}\"\n[[faults]]\nwhere = \"register\"\nstatus = 503\ntimes = 1\n[[faults]]\nrule = \"register status=500\"\n"
    ));
    let service = setup.fault("register status=429").start().await;
    let mut client = mqtt(&service).await;

    for status in [503, 500, 500] {
        assert_eq!(client.register("").await.status(), status);
    }
}

#[tokio::test]
async fn j_265_a_reset_has_the_faults_of_the_start_begin_anew() {
    let service = with("register status=503 times=1").await;
    let faults = service.inside().faults();
    faults.add("register status=500".parse().unwrap());
    let mut client = mqtt(&service).await;
    for status in [503, 500] {
        assert_eq!(client.register("").await.status(), status);
    }

    service.inside().reset().await.unwrap();

    assert_eq!(faults.list().len(), 1);
    for status in [503, 202] {
        assert_eq!(client.register("").await.status(), status);
    }
}

// --- Before a device asks for anything ---

async fn connack(client: &mut Client) -> Option<ConnectReturnCode> {
    let connack = client.say_hello(&Device::new(ID), Manners::default()).await;
    connack.map(|it| it.code)
}

#[tokio::test]
async fn j_268_connack_has_the_code_that_was_asked_for() {
    for (code, told) in [
        (1, ConnectReturnCode::RefusedProtocolVersion),
        (3, ConnectReturnCode::ServiceUnavailable),
        (5, ConnectReturnCode::NotAuthorized),
    ] {
        let service = with(&format!("connect connack={code} times=1")).await;
        let mut client = Client::dial(&service).await;

        assert_eq!(connack(&mut client).await, Some(told));
        assert!(client.is_closed().await);
        let entry = service.inside().journal().entries().pop().unwrap();
        assert_eq!((entry.status, entry.failed_check), (EntryStatus::Refused, Some("fault")));
        assert_eq!((&*entry.registration_id, entry.answers[0].status), (ID, code));
        assert_eq!(mqtt(&service).await.provision("").await.status(), 200, "once only");
    }
}

#[tokio::test]
async fn a_connect_or_a_subscribe_is_not_answered_or_later() {
    let service = Setup::at_once()
        .fault("connect silence nth=1")
        .fault("connect delay=1ms nth=2")
        .fault("subscribe silence nth=1")
        .fault("subscribe delay=1ms nth=2")
        .start()
        .await;
    let mut client = Client::dial(&service).await;
    let device = Device::new(ID);

    // The first is not heard, so the second is no breach.
    client.send(device.connect_packet()).await;
    assert_eq!(connack(&mut client).await, Some(ConnectReturnCode::Success));
    let mut subscribe = Subscribe::new(RESPONSES, QoS::AtLeastOnce);
    subscribe.pkid = 7;
    client.send(Packet::Subscribe(subscribe)).await;
    assert!(says_nothing(&mut client).await);
    let granted = client.subscribe(RESPONSES, QoS::AtLeastOnce).await;

    assert_eq!(granted, SubscribeReasonCode::Success(QoS::AtLeastOnce));
    assert_eq!(client.provision("").await.status(), 200);
    assert_eq!(struck(&service), 4);
}

#[tokio::test]
async fn a_connection_ends_at_connect_or_at_subscribe() {
    for place in ["connect", "subscribe"] {
        let rules = [format!("{place} close nth=1"), format!("{place} reset nth=2")];
        let service = Setup::at_once().fault(&rules[0]).fault(&rules[1]).start().await;
        for end in [Ok(0), Err(ErrorKind::ConnectionReset)] {
            let mut client = Client::dial(&service).await;
            if place == "connect" {
                client.send(Device::new(ID).connect_packet()).await;
            } else {
                assert_eq!(connack(&mut client).await, Some(ConnectReturnCode::Success));
                let mut subscribe = Subscribe::new(RESPONSES, QoS::AtLeastOnce);
                subscribe.pkid = 7;
                client.send(Packet::Subscribe(subscribe)).await;
            }
            let mut rest = Vec::new();
            let read = within("the end", client.into_stream().read_to_end(&mut rest)).await;
            assert_eq!(read.map_err(|error| error.kind()), end, "{place}");
        }
    }
}

#[tokio::test]
async fn j_268_suback_has_the_code_that_was_asked_for() {
    let service = Setup::at_once()
        .fault("subscribe suback=128 nth=1")
        .fault("subscribe suback=0 nth=2 enrollment=pumps")
        .start()
        .await;
    let mut client = Client::dial(&service).await;
    connack(&mut client).await;

    let refused = client.subscribe(RESPONSES, QoS::AtLeastOnce).await;
    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await, "it is not subscribed");
    let granted = client.subscribe(RESPONSES, QoS::AtLeastOnce).await;

    assert_eq!(refused, SubscribeReasonCode::Failure);
    assert_eq!(granted, SubscribeReasonCode::Success(QoS::AtMostOnce));
    assert_eq!(client.provision("").await.status(), 200);
}

// --- Webhooks ---

/// How a registration ends where a webhook would choose the western hub, and how often it was called.
async fn decided(rule: &str, retries: usize) -> (Value, usize) {
    let webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let setup = setup.webhook_retries(retries).webhook_timeout(Duration::from_millis(200));
    let service = setup.fault(rule).start().await;

    let state = mqtt(&service).await.provision("").await.state();

    let entry = service.inside().journal().entries().pop().unwrap();
    assert!(!entry.faults.is_empty(), "{rule}");
    let tries = entry.webhook.as_ref().map_or(0, |webhook| webhook.attempts.len());
    (state, tries)
}

#[tokio::test]
async fn a_webhook_fails_as_was_asked_for_try_by_try() {
    for rule in ["webhook status=503 times=1", "webhook silence nth=1", "webhook delay=1h times=1"]
    {
        let (state, tries) = decided(rule, 1).await;
        assert_eq!((&state["assignedHub"], tries), (&json!(HUB_WEST), 2), "{rule}");
    }
    let (state, tries) = decided("webhook delay=1ms", 0).await;
    assert_eq!((&state["assignedHub"], tries), (&json!(HUB_WEST), 1));
    for rule in [
        "webhook status=400",
        "webhook silence",
        "webhook close",
        "webhook reset",
        "webhook lose-answer",
        "webhook broken-json",
        "webhook html",
        "webhook hub=unknown",
        "webhook status=500 enrollment=pumps device=pump-*",
    ] {
        let (state, _) = decided(rule, 0).await;
        assert_eq!(state["status"], "failed", "{rule}: {state}");
        assert_eq!(state["errorCode"].as_u64().unwrap() / 1000, 400, "{rule}: {state}");
    }
}

// --- At the hub ---

async fn at_hub(rules: &[&str]) -> TestService {
    let setup = rules.iter().fold(Setup::at_once(), |setup, rule| setup.fault(rule));
    let service = setup.start().await;
    assert_eq!(mqtt(&service).await.provision("").await.status(), 200);
    service
}

const TWIN: &str = "$iothub/twin/GET/?$rid=t";
const REPORT: &str = "$iothub/twin/PATCH/properties/reported/?$rid=r";

#[tokio::test]
async fn a_hub_refuses_connects_as_was_asked_for() {
    let service = at_hub(&[
        "hub-connect connack=5 nth=1",
        "hub-connect close nth=2",
        "hub-connect reset nth=3",
        "hub-connect delay=1ms nth=4 enrollment=pumps",
    ])
    .await;
    let device = Device::at_hub(ID, HUB_WEST);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let mut client = Client::dial(&service).await;
        seen.push(client.say_hello(&device, Manners::default()).await.map(|it| it.code));
    }

    let (refused, accepted) = (ConnectReturnCode::NotAuthorized, ConnectReturnCode::Success);
    assert_eq!(seen, [Some(refused), None, None, Some(accepted)]);
    let entry = service.inside().journal().entries().pop().unwrap();
    assert_eq!((entry.status, entry.faults.len()), (EntryStatus::Assigned, 4));
}

#[tokio::test]
async fn a_hub_answers_twin_requests_as_was_asked_for() {
    let service = at_hub(&[
        "twin status=500 nth=1",
        "twin silence nth=2",
        "twin broken-json nth=3",
        "twin wrong-rid nth=4",
        "twin duplicate nth=5",
        "twin late nth=6",
        "twin delay=1ms nth=8",
        "twin truncate=3 nth=9",
    ])
    .await;
    let mut client = Client::at_hub(&service, ID, HUB_WEST).await;

    let refused = client.request(TWIN, b"").await;
    assert_eq!((&*refused.topic, &*refused.text), ("$iothub/twin/res/500/?$rid=t", "{}"));
    client.publish(TWIN, b"", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await);
    let broken = client.request(TWIN, b"").await.text;
    assert!(broken.starts_with('{') && serde_json::from_str::<Value>(&broken).is_err());
    assert!(!client.request(TWIN, b"").await.topic.ends_with("$rid=t"));
    let (one, other) = (client.request(TWIN, b"").await, client.answer().await);
    assert_eq!((one.topic, one.text), (other.topic, other.text));
    client.publish(TWIN, b"", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await);
    let reported = client.request(REPORT, b"{\"a\":1}").await;
    assert!(reported.topic.starts_with("$iothub/twin/res/204/?$rid=r"), "{}", reported.topic);
    assert_eq!(client.answer().await.topic, "$iothub/twin/res/200/?$rid=t");
    assert_eq!(client.twin().await["reported"]["a"], 1);
    client.publish(TWIN, b"", QoS::AtLeastOnce).await;
    assert!(client.is_closed().await, "three bytes are no packet");
}

#[tokio::test]
async fn what_is_reported_to_a_hub_is_kept_or_not_as_was_asked_for() {
    let service = at_hub(&["twin lose-answer nth=1", "twin status=500 nth=2"]).await;
    let mut client = Client::at_hub(&service, ID, HUB_WEST).await;

    client.publish(REPORT, b"{\"kept\":1}", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await);
    client.request(REPORT, b"{\"refused\":1}").await;

    let twin = client.twin().await;
    assert_eq!((&twin["reported"]["kept"], twin["reported"].get("refused")), (&json!(1), None));
}

// --- The wire ---

/// What comes of a TLS handshake at the port of MQTT, and at that of HTTPS.
async fn handshakes(rule: &str) -> [std::io::Result<()>; 2] {
    let service = with(rule).await;
    let mut ends = Vec::new();
    for address in [service.address(), service.https_address()] {
        let tcp = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connecting = TlsConnector::from(service.tls.clone()).connect(name, tcp);
        ends.push(within("the end of a handshake", connecting).await.map(drop));
    }
    assert_eq!(struck(&service), 2, "{rule}");
    ends.try_into().unwrap()
}

#[tokio::test]
async fn a_certificate_is_shown_that_no_client_may_accept() {
    for (flaw, told) in
        [("expired", "Expired"), ("wrong-name", "NotValidForName"), ("untrusted", "UnknownIssuer")]
    {
        for end in handshakes(&format!("tls certificate={flaw}")).await {
            let error = end.unwrap_err();
            assert!(format!("{error:?}").contains(told), "{flaw}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_handshake_ends_with_the_alert_that_was_asked_for() {
    for (alert, told) in [("handshake-failure", "HandshakeFailure"), ("48", "UnknownCA")] {
        for end in handshakes(&format!("tls tls-alert={alert}")).await {
            let error = end.unwrap_err();
            assert!(format!("{error:?}").contains(told), "{alert}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_ends_before_anything_is_said_on_it() {
    for place in ["accept", "tls"] {
        for end in handshakes(&format!("{place} close")).await {
            let kind = end.unwrap_err().kind();
            // What was sent and not read may turn the end into a reset.
            let ends =
                [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(ends.contains(&kind), "{place}: {kind}");
        }
        for end in handshakes(&format!("{place} reset")).await {
            assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "{place}");
        }
        for end in handshakes(&format!("{place} delay=1ms")).await {
            end.unwrap();
        }
    }
    for end in handshakes("accept truncate=100").await {
        assert!(end.is_err());
    }
}

#[tokio::test]
async fn silence_takes_in_whatever_is_said_and_answers_nothing() {
    for place in ["accept", "tls"] {
        let service = with(&format!("{place} silence")).await;
        let mut tcp = TcpStream::connect(service.address()).await.unwrap();
        tcp.write_all(b"\x16\x03\x01 hello?").await.unwrap();
        tcp.shutdown().await.unwrap();

        let mut rest = Vec::new();
        within("the end", tcp.read_to_end(&mut rest)).await.unwrap();

        assert!(rest.is_empty() && struck(&service) == 1, "{place}");
    }
}

#[tokio::test]
async fn a_slow_service_says_no_more_than_so_many_bytes_a_second() {
    let service = with("accept slow=2000/s transport=mqtt").await;
    let begun = Instant::now();

    assert_eq!(mqtt(&service).await.provision("").await.status(), 200);

    // Certificate, handshake and answers are more than a kilobyte.
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    let begun = service.https().await;
    drop(begun);
    assert_eq!(struck(&service), 1, "the other port is as fast as ever");
}

#[tokio::test]
async fn a_token_is_judged_by_a_wrong_clock() {
    let service = Setup::at_once()
        .fault("register clock=+99years nth=1")
        .fault("poll clock=+99years nth=1")
        .fault("lookup clock=+99years nth=1")
        .start()
        .await;
    let mut client = mqtt(&service).await;

    let refused = client.register("").await;
    assert_eq!(refused.status(), 401, "{}", refused.text);
    let entry = service.inside().journal().entries().pop().unwrap();
    assert_eq!((entry.failed_check, entry.faults.len()), (Some("expired"), 1), "{entry:?}");
    let operation = client.register("").await.operation_id();
    assert_eq!(client.poll(&operation).await.status(), 401);
    assert_eq!(client.poll(&operation).await.status(), 200);
    let mut https = Https::open(&service).await;
    assert_eq!(https.lookup().await.unwrap().status, 401);
    assert_eq!(https.lookup().await.unwrap().status, 200);
}

// --- What might be forgotten ---

#[tokio::test]
async fn at_a_hub_a_device_may_have_another_id_and_its_registration_tells_of_the_fault_all_the_same()
 {
    let service = Setup::enrollments(&format!(
        "[[enrollments]]\nregistrationId = \"{ID}\"\ndeviceId = \"Pump#7\"\nattestation.type = \"symmetricKey\"\nattestation.symmetricKey.primaryKey = \"{PRIMARY_KEY}\"\n"
    ))
    .fault(&format!("hub-connect connack=3 times=1 device=pump# enrollment={ID}"))
    .fault(&format!("hub-connect connack=3 times=1 device=Pump#7 enrollment={ID}"))
    .start()
    .await;
    let key = decoded(PRIMARY_KEY);
    let mut device = Client::connect(&service, &Device::with_key(ID, &key)).await;
    assert_eq!(device.provision("").await.status(), 200);

    let at_hub = Device {
        client_id: "Pump#7".to_owned(),
        user_name: format!("{HUB_WEST}/Pump#7/?api-version=2021-04-12"),
        password: hub_token(&key, HUB_WEST, "Pump#7"),
    };
    let mut client = Client::dial(&service).await;
    let refused = client.say_hello(&at_hub, Manners::default()).await;

    assert_eq!(refused.map(|it| it.code), Some(ConnectReturnCode::ServiceUnavailable));
    let struck: Vec<_> = service.inside().faults().list().iter().map(|it| it.struck).collect();
    assert_eq!(struck, [0, 1]);
    let entry = service.inside().journal().entries().pop().unwrap();
    assert_eq!((entry.faults.len(), entry.faults[0].id), (1, 2));
}

#[tokio::test]
async fn over_all_devices_exactly_as_many_are_struck_however_many_come_at_once() {
    let service = with("register status=429 retry-after=0 scope=all from=3 every=2 times=5").await;
    let service = std::sync::Arc::new(service);
    let mut devices = tokio::task::JoinSet::new();
    for n in 0..20 {
        let service = service.clone();
        devices.spawn(async move {
            let mut client = Client::connect(&service, &Device::new(&format!("pump-{n}"))).await;
            client.register("").await.status()
        });
    }

    let told = within("all of them", devices.join_all()).await;

    assert_eq!(told.iter().filter(|status| **status == 429).count(), 5, "{told:?}");
    let rule = service.inside().faults().list().remove(0);
    assert_eq!((rule.matched, rule.struck), (20, 5));
}

#[tokio::test]
async fn on_a_connection_that_goes_on_only_what_is_meant_is_struck() {
    let service = Setup::at_once()
        .fault("poll status=500 nth=1")
        .fault("poll reset nth=3")
        .fault("lookup close nth=1")
        .start()
        .await;
    let mut https = Https::open(&service).await;
    let operation = https.operation().await;

    assert_eq!(https.poll(&operation).await.status, 500);
    assert_eq!(https.poll(&operation).await.status, 200);
    let end = https.call("GET", &format!("/operations/{operation}")).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    let mut https = Https::open(&service).await;
    assert_eq!(https.poll(&operation).await.status, 200, "on the next one");
    assert_eq!(https.lookup().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(Https::open(&service).await.lookup().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_service_ends_while_faults_keep_it_silent() {
    let service = Setup::at_once()
        .fault("accept silence nth=1")
        .fault("register silence transport=https")
        .fault("lookup delay=1h")
        .fault("poll delay=1h")
        .start()
        .await;
    let silent = TcpStream::connect(service.address()).await.unwrap();
    let mut client = mqtt(&service).await;
    let operation = client.register("").await.operation_id();
    let topic = poll_topic(&operation);
    client.publish(&topic, b"", QoS::AtLeastOnce).await;
    let mut asked = Vec::new();
    for (method, rest) in [("PUT", "/register"), ("POST", "")] {
        let mut https = Https::open(&service).await;
        https.ask(method, rest).await;
        asked.push(https);
    }
    let is_struck = || struck(&service) == 4;
    while !is_struck() {
        tokio::task::yield_now().await;
    }

    service.stop().await;

    drop((silent, client, asked));
}

#[tokio::test]
async fn a_lost_answer_is_kept_where_state_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let service = Setup::at_once().state(folder.path()).fault("register lose-answer").start().await;
    let mut client = mqtt(&service).await;
    client.publish(REGISTER, b"", QoS::AtLeastOnce).await;
    assert!(says_nothing(&mut client).await);
    service.stop().await;

    let again = Setup::at_once().state(folder.path()).start().await;

    assert_eq!(Https::open(&again).await.lookup().await.unwrap().status, 200, "it was done");
    assert!(again.inside().faults().list().is_empty(), "rules are not state");
}
