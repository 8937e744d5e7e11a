//! Faults on demand (J-260 to J-267), each as a raw client sees it on each transport where it can occur.

use std::io::ErrorKind;

use provision_sim::service::{EntryStatus, timeline};
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::service::client::{Answer, Client, Device};
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::token::of_device;
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
        let request = format!(
            "{method} /{SCOPE}/registrations/{ID}{rest}?api-version=2021-06-01 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
            of_device(ID)
        );
        self.0.write_all(request.as_bytes()).await?;
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
