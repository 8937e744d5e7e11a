//! The device API over HTTPS (B), in the very bytes that the SDKs send.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::support::PATIENCE;
use crate::support::service::back_end::{self, SERVICE_POLICY};
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::token::of_device;

/// One connection, kept alive.
struct Http {
    stream: TlsStream<TcpStream>,
}

#[derive(Debug)]
struct Answered {
    status_line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answered {
    fn status(&self) -> u16 {
        self.status_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks what every refusal has (B.4, H.1).
    fn assert_refused(&self, code: u32) {
        let json = self.json();
        assert_eq!(json["errorCode"], code, "{self:?}");
        assert_eq!(u32::from(self.status()), code / 1000, "{self:?}");
        assert_eq!(self.header("x-ms-error-code"), Some(code.to_string().as_str()), "{self:?}");
        match json["trackingId"].as_str() {
            Some("") => assert_eq!(code, 400_012, "the one without (A.5)"),
            id => assert_eq!(self.header("x-ms-request-id"), id, "{self:?}"),
        }
        assert!(json["message"].is_string() && json["timestampUtc"].is_string(), "{self:?}");
    }
}

impl Http {
    async fn open(service: &TestService) -> Self {
        Self { stream: service.https().await }
    }

    /// Sends a head, whose lines are separated by `\n`, and a body; takes in the answer.
    async fn send(&mut self, head: &str, body: &str) -> Answered {
        let text = format!("{}\r\n\r\n{body}", head.trim().replace('\n', "\r\n"));
        self.stream.write_all(text.as_bytes()).await.unwrap();
        timeout(PATIENCE, self.answer()).await.unwrap()
    }

    /// The same with the headers that nobody can do without.
    async fn call(&mut self, method: &str, target: &str, more: &str, body: &str) -> Answered {
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n{more}"
        );
        self.send(&head, body).await
    }

    /// Asks the service API, whose answers lack what is peculiar to those for devices.
    async fn ask_service_api(&mut self, method: &str, path: &str, more: &str) -> Answered {
        let head = format!("{method} {path}?api-version=2021-10-01 HTTP/1.1\r\nHost: localhost");
        let text = format!("{head}\r\nContent-Length: 0\r\n{more}\r\n\r\n");
        self.stream.write_all(text.as_bytes()).await.unwrap();
        timeout(PATIENCE, self.read()).await.unwrap()
    }

    async fn answer(&mut self) -> Answered {
        let answered = self.read().await;
        assert!(answered.header("date").is_some(), "{answered:?}");
        assert_eq!(
            answered.header("strict-transport-security"),
            Some("max-age=31536000; includeSubDomains")
        );
        answered
    }

    async fn read(&mut self) -> Answered {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().unwrap().to_owned();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let mut answered = Answered { status_line, headers, body: String::new() };
        let length = answered.header("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        answered.body = String::from_utf8(body).unwrap();
        let phrase = answered.status_line.splitn(3, ' ').nth(2).unwrap_or_default();
        assert!(!phrase.is_empty(), "a reason phrase, or the C SDK waits for ever: {answered:?}");
        assert_eq!(
            answered.header("content-type"),
            Some("application/json; charset=utf-8"),
            "or Node's client fails: {answered:?}"
        );
        answered
    }
}

fn path(registration_id: &str, rest: &str) -> String {
    format!("/{SCOPE}/registrations/{registration_id}{rest}?api-version=2021-06-01")
}

fn authorization(registration_id: &str) -> String {
    format!("Authorization: {}", of_device(registration_id))
}

#[tokio::test]
async fn p5_the_node_sdk_registers_over_one_connection_with_bodies_on_get() {
    let setup = Setup::new().retry_after(Duration::from_millis(1500)).assigning_polls(1);
    let service = setup.start().await;
    let mut http = Http::open(&service).await;
    let token = of_device("pump-0042");
    let headers = |length: usize| {
        format!(
            "Accept: application/json\nContent-Type: application/json; charset=utf-8\n\
             Authorization: {token}\nRequest-Id: 7c1f2a44-0000-4c56-9f3e-2d5a4f6b8c11\n\
             User-Agent: azure-iot-provisioning-device/1.9.1\nContent-Length: {length}\n\
             Host: localhost\nConnection: keep-alive"
        )
    };
    let body = r#"{"registrationId":"pump-0042","payload":{"model":"x"}}"#;
    let target = format!("/{SCOPE}/registrations/pump-0042");
    let query = "?api-version=2019-03-31&forceRegistration=true";

    let head = format!("PUT {target}/register{query} HTTP/1.1\n{}", headers(body.len()));
    let accepted = http.send(&head, body).await;

    assert_eq!(accepted.status_line, "HTTP/1.1 202 Accepted");
    assert_eq!(accepted.header("retry-after"), Some("2"), "whole seconds, rounded up");
    let location = format!("https://localhost{target}/register");
    assert_eq!(accepted.header("location"), Some(location.as_str()));
    assert_eq!(accepted.header("x-ms-request-id").map(str::len), Some(36));
    for name in ["Retry-After", "X-Ms-Request-Id", "Strict-Transport-Security"] {
        assert!(accepted.headers.iter().any(|(key, _)| key == name), "J-67: {accepted:?}");
    }
    let json = accepted.json();
    assert_eq!(json.as_object().unwrap().len(), 2, "exactly two members (A.5)");
    let operation = json["operationId"].as_str().unwrap();

    let head = format!("GET {target}/operations/{operation}{query} HTTP/1.1\n{}", headers(2));
    let working = http.send(&head, "{}").await;
    let done = http.send(&head, "{}").await;

    assert_eq!((working.status(), working.header("retry-after")), (202, Some("2")));
    assert_eq!(working.json()["registrationState"]["status"], "assigning");
    assert_eq!((done.status_line.as_str(), done.header("retry-after")), ("HTTP/1.1 200 OK", None));
    assert_eq!(done.json()["status"], "assigned");
    assert_eq!(done.json()["registrationState"]["assignedHub"], HUB_WEST);
}

#[tokio::test]
async fn c5_the_c_sdk_registers_with_encoded_paths_and_its_own_user_agent() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let token = of_device("pump:42");
    let head = |line: &str, length: usize| {
        format!(
            "{line} HTTP/1.1\nUserAgent: prov_device_client/1.0\nAccept: application/json\n\
             Connection: keep-alive\nContent-Type: application/json; charset=utf-8\n\
             Authorization: {token}\nHost: localhost:443\ncontent-length: {length}"
        )
    };
    let target = format!("/{SCOPE}/registrations/pump%3a42");
    let body = r#"{"registrationId":"pump:42"}"#;

    let put = format!("PUT {target}/register?api-version=2021-06-01");
    let accepted = http.send(&head(&put, body.len()), body).await;
    let json = accepted.json();
    let operation = json["operationId"].as_str().unwrap().replace('-', "%2d");
    let get = format!("GET {target}/operations/{operation}?api-version=2021-06-01");
    let done = http.send(&head(&get, 0), "").await;

    assert_eq!((accepted.status(), accepted.header("retry-after")), (202, Some("0")));
    assert_eq!(done.json()["registrationState"]["deviceId"], "pump:42");
}

#[tokio::test]
async fn b_1_curl_registers_with_a_content_encoding_that_is_none_and_in_any_case() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let more =
        format!("Content-Encoding: utf-8\nContent-Type: application/json\n{}", authorization("a"));

    for target in
        [path("a", "/register"), path("a", "/register/"), path("a", "/Register").to_uppercase()]
    {
        let target = target.replace("API-VERSION", "api-version").replace("/A/", "/a/");
        let answered = http.call("PUT", &target, &more, r#"{"registrationId":"a"}"#).await;

        assert_eq!(answered.status(), 202, "{target}: {answered:?}");
    }
}

/// J-37.
#[tokio::test]
async fn a_11_refused_proofs_are_401002() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let get = path("a", "/operations/1");

    for more in [String::new(), authorization("b"), "Authorization: Bearer x".to_owned()] {
        let put = http.call("PUT", &path("a", "/register"), &more, "{}").await;
        put.assert_refused(401_002);
        assert_eq!(put.json()["message"], "Unauthorized");
        http.call("GET", &get, &more, "").await.assert_refused(401_002);
        http.call("POST", &path("a", ""), &more, "{}").await.assert_refused(401_002);
    }
}

/// J-60.
#[tokio::test]
async fn b_1_the_lookup_tells_the_bare_state_of_a_device_that_registered() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let (more, body) = (authorization("a"), r#"{"registrationId":"a"}"#);

    http.call("POST", &path("a", ""), &more, body).await.assert_refused(404_202);
    http.call("PUT", &path("a", "/register"), &more, body).await;
    let found = http.call("POST", &path("a", "/"), &more, body).await;

    assert_eq!(found.status(), 200);
    let json = found.json();
    assert_eq!((&json["status"], &json["assignedHub"]), (&"assigned".into(), &HUB_WEST.into()));
    assert!(json.get("operationId").is_none() && json.get("registrationState").is_none());
}

#[tokio::test]
async fn a_5_every_known_api_version_registers_and_so_does_one_that_is_newer() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;

    for version in [
        "2019-03-31",
        "2021-11-01-preview",
        "2025-07-01-preview",
        "2026-07-01-preview",
        "2026-11-01",
        "2026-11-02-preview",
        "2026-11-15-preview",
        "2027-01-01-preview",
    ] {
        let register = path("a", "/register").replace("2021-06-01", version);
        let answered = http.call("PUT", &register, &authorization("a"), "{}").await;

        assert_eq!(answered.status(), 202, "{version}: {answered:?}");
    }
}

/// J-61, J-64.
#[tokio::test]
async fn bad_requests_are_refused_each_with_its_own_code() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let more = authorization("a");
    let register = path("a", "/register");
    let version = |version: &str| register.replace("2021-06-01", version);

    for (what, method, target, body, code) in [
        ("J-29", "PUT", register.replace(SCOPE, "0neFFFFFFFF"), "{}", 404_000),
        ("J-64", "PUT", version("2024-01-01"), "{}", 400_004),
        ("J-64", "PUT", version("latest"), "{}", 400_004),
        ("J-64", "GET", path("a", "/operations/1").replace("?api-version", "?v"), "", 400_004),
        ("B-1", "PUT", register.clone(), r#"{"registrationId":"b"}"#, 400_004),
        ("B.1", "POST", path("a", ""), r#"{"registrationId":"b"}"#, 400_004),
        ("not JSON", "PUT", register.clone(), "{", 400_012),
        ("D.1", "PUT", path("a%20b", "/register"), "{}", 400_004),
        ("A.5", "GET", path("a", "/operations/5.none"), "", 404_203),
        ("H.2", "POST", register.clone(), "{}", 405_000),
        ("H.2", "DELETE", path("a", "/operations/1"), "", 405_000),
        ("no such path", "GET", "/".to_owned(), "", 404_001),
        ("no such path", "PUT", path("a", "/unregister"), "{}", 404_001),
    ] {
        let answered = http.call(method, &target, &more, body).await;

        assert_eq!(answered.json()["errorCode"], code, "{what}: {answered:?}");
        answered.assert_refused(code);
    }
    let wrong_verb = http.call("GET", &register, &more, "").await;
    assert_eq!(wrong_verb.header("allow"), Some("PUT"));
}

#[tokio::test]
async fn j_217_a_register_that_is_refused_before_its_proof_is_in_the_journal_and_a_poll_is_not() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let more = format!("{}\nUser-Agent: curl/8.5.0", authorization("a").trim_end());
    let register = path("a", "/register");

    for (method, target) in [
        ("PUT", register.replace(SCOPE, "0neFFFFFFFF")),
        ("PUT", register.replace("2021-06-01", "2024-01-01")),
        ("GET", path("a", "/operations/1").replace(SCOPE, "0neFFFFFFFF")),
        ("PUT", path("a%20b", "/register")),
    ] {
        http.call(method, &target, &more, "{}").await;
    }

    let entries = service.inside().journal().entries();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.failed_check.unwrap(), entry.error_code.unwrap().0, entry.checks.len()))
        .collect();
    assert_eq!(told, [("idScope", 404_000, 1), ("request", 400_004, 3)]);
    let connection = entries[0].connection.as_ref().unwrap();
    assert_eq!(connection.user_agent.as_deref(), Some("curl/8.5.0"));
    assert_eq!((connection.client_id.as_ref(), connection.keep_alive), (None, None));
    assert_eq!(entries[0].connection, entries[1].connection);
    let answer = &entries[0].answers[0];
    assert_eq!((answer.status, answer.body.as_ref()), (404, None));
}

/// J-63.
#[tokio::test]
async fn h_3_a_body_beyond_96_kb_is_413_and_ends_the_connection() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let body = |length: usize| format!("{{\"payload\":{{\"a\":\"{}\"}}}}", "x".repeat(length - 20));

    let whole = http.call("PUT", &path("a", "/register"), &authorization("a"), &body(98_304)).await;
    let longer =
        http.call("PUT", &path("a", "/register"), &authorization("a"), &body(98_305)).await;

    assert_eq!(whole.status(), 202);
    longer.assert_refused(413_000);
    assert_eq!(longer.header("connection"), Some("close"));
    assert_eq!(http.stream.read(&mut [0; 1]).await.unwrap(), 0);
}

/// Checks a refusal that tells to wait within an hour's window.
#[track_caller]
fn assert_throttled(answered: &Answered) {
    answered.assert_refused(429_001);
    let message = &answered.json()["message"];
    assert_eq!(message, "Operations are being throttled for this tenant.");
    let seconds: u64 = answered.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&seconds), "until the place is free: {seconds}");
}

#[tokio::test]
async fn h_3_a_lookup_counts_as_a_registration_and_beyond_the_quota_both_are_429() {
    let service = Setup::at_once().quotas("registrations = \"2/h\"").start().await;
    let mut http = Http::open(&service).await;
    let (more, body) = (authorization("a"), r#"{"registrationId":"a"}"#);

    let accepted = http.call("PUT", &path("a", "/register"), &more, body).await;
    assert_eq!(accepted.status(), 202);
    assert_eq!(http.call("POST", &path("a", ""), &more, body).await.status(), 200);

    for (method, rest) in [("PUT", "/register"), ("POST", "")] {
        let throttled = http.call(method, &path("a", rest), &more, body).await;
        assert_throttled(&throttled);
        assert_eq!(throttled.header("location"), None);
    }
    let operation = accepted.json()["operationId"].as_str().unwrap().to_owned();
    let poll = path("a", &format!("/operations/{operation}"));
    assert_eq!(http.call("GET", &poll, &more, "").await.status(), 200, "polls are not meant");
}

#[tokio::test]
async fn h_3_polls_beyond_the_quota_are_429() {
    let service = Setup::at_once().quotas("polls = \"2/h\"").start().await;
    let mut http = Http::open(&service).await;
    let (more, poll) = (authorization("a"), path("a", "/operations/5.none"));

    for _ in 0..2 {
        http.call("GET", &poll, &more, "").await.assert_refused(404_203);
    }

    assert_throttled(&http.call("GET", &poll, &more, "").await);
    let other = http.call("GET", &path("b", "/operations/5.none"), &authorization("b"), "").await;
    other.assert_refused(404_203);
}

/// `Authorization` for the service API.
fn service_authorization(service: &TestService) -> String {
    format!("Authorization: {}", back_end::token(service, "localhost", SERVICE_POLICY))
}

#[tokio::test]
async fn h_3_calls_of_the_service_api_have_a_quota_of_their_own() {
    let service = Setup::at_once().quotas("operations = \"1/h\"").start().await;
    let mut http = Http::open(&service).await;
    let more = service_authorization(&service);
    let stranger = "Authorization: Bearer x";

    http.ask_service_api("GET", "/registrations/a", stranger).await.assert_refused(401_002);
    http.ask_service_api("PUT", "/registrations/a", &more).await.assert_refused(405_000);
    http.ask_service_api("GET", "/registrations/a", &more).await.assert_refused(404_202);

    assert_throttled(&http.ask_service_api("GET", "/registrations/a", &more).await);
    http.ask_service_api("GET", "/registrations/a", stranger).await.assert_refused(401_002);
    let register = http.call("PUT", &path("a", "/register"), &authorization("a"), "{}").await;
    assert_eq!(register.status(), 202, "devices are not meant");
}

/// J-93.
#[tokio::test]
async fn a_429_leaves_no_record_behind() {
    let service = Setup::at_once().quotas("registrations = \"1/h\"").start().await;
    let mut http = Http::open(&service).await;
    let mut register = async |id: &str| {
        http.call("PUT", &path(id, "/register"), &authorization(id), "{}").await.status()
    };
    assert_eq!((register("a").await, register("b").await), (202, 429));

    let more = service_authorization(&service);
    let record = async |http: &mut Http, id: &str| {
        http.ask_service_api("GET", &format!("/registrations/{id}"), &more).await.status()
    };
    assert_eq!((record(&mut http, "a").await, record(&mut http, "b").await), (200, 404));
}

#[tokio::test]
async fn h_3_thirty_devices_that_wait_as_told_are_all_assigned_ten_a_second() {
    let service = Setup::at_once().quotas("registrations = \"10/1s\"").start().await;
    let mut devices = JoinSet::new();
    let start = Instant::now();

    for n in 0..30 {
        let (mut http, id) = (Http::open(&service).await, format!("pump-{n}"));
        devices.spawn(async move {
            let more = authorization(&id);
            let accepted = loop {
                let answered = http.call("PUT", &path(&id, "/register"), &more, "{}").await;
                if answered.status() != 429 {
                    break answered;
                }
                let seconds = answered.header("retry-after").unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            };
            let operation = accepted.json()["operationId"].as_str().unwrap().to_owned();
            let poll = path(&id, &format!("/operations/{operation}"));
            http.call("GET", &poll, &more, "").await.json()["registrationState"].clone()
        });
    }
    while let Some(state) = timeout(PATIENCE, devices.join_next()).await.unwrap() {
        assert_eq!(state.unwrap()["assignedHub"], HUB_WEST);
    }

    // However slow the machine: the 11th and the 21st come a second after the tenth before them.
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
}

/// J-63.
#[tokio::test]
async fn a_head_beyond_reason_is_refused() {
    let service = Setup::at_once().start().await;
    let mut stream = service.https().await;
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    stream.write_all(head.as_bytes()).await.unwrap();

    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();

    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn a_client_that_stops_talking_gets_its_answer_and_is_let_go() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    http.stream.write_all(request).await.unwrap();
    http.stream.shutdown().await.unwrap();

    timeout(PATIENCE, http.answer()).await.unwrap().assert_refused(404_001);
    assert_eq!(timeout(PATIENCE, http.stream.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn stopping_the_service_closes_its_connections() {
    let service = Setup::at_once().start().await;
    let mut http = Http::open(&service).await;
    http.call("GET", "/", "", "").await;
    let address = service.https_address();

    service.stop().await;

    assert!(!matches!(timeout(PATIENCE, http.stream.read(&mut [0; 1])).await.unwrap(), Ok(1..)));
    assert!(TcpStream::connect(address).await.is_err());
}
