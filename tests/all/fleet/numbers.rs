//! Every number of a fleet's report, against services whose delays and troubles are known.
//!
//! The services are scripts: what each connection meets stands in the test, and so does what must be
//! in the report. A busy machine may add [`SLACK`] to what is known and take [`EARLY`] off, which
//! together is less than the least difference between two delays. What follows from the lines of
//! `--results` (counts, percentiles, the timeline) must be exact.

use std::collections::BTreeMap;
use std::time::Duration;

use rumqttc::ConnectReturnCode;
use serde_json::{Map, Value, json};

use crate::support::cli::Machine;
use crate::support::proxy::{ConnectProxy, Manner};
use crate::support::scripted::{Script, Server};

/// What a loaded machine may add to a delay, in milliseconds.
const SLACK: f64 = 390.0;
/// What it may take off: a device that is held up begins to measure when its server already thinks.
const EARLY: f64 = 100.0;
const HUBS: [&str; 2] = ["hub-west.azure-devices.net", "hub-east.azure-devices.net"];
const ASSIGNING: &str = r#"{"operationId":"5.one","status":"assigning"}"#;
const UNAUTHORIZED: &str = r#"{"errorCode":401000,"trackingId":"","message":"Unauthorized"}"#;
const THROTTLED: &str = r#"{"errorCode":429001,"trackingId":"","message":"Operations are being throttled for this tenant."}"#;
const FAILED: &str = r#"{"operationId":"5.one","status":"failed","registrationState":{"status":"failed","errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400"}}"#;

fn assigned(hub: &str) -> String {
    let state = json!({ "assignedHub": hub, "deviceId": "x", "status": "assigned" });
    json!({ "operationId": "5.one", "status": "assigned", "registrationState": state }).to_string()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a fleet printed and wrote.
struct Told {
    report: Value,
    lines: Vec<Value>,
    exit: i32,
}

/// A fleet of `count` devices against `server`.
async fn fleet(server: &Server, count: usize, flags: &[&str]) -> Told {
    let machine = Machine::new();
    let ca = machine.file("ca.pem", server.ca_pem());
    let results = machine.path("results.jsonl");
    let (host, count) = (server.address().to_string(), count.to_string());
    let group_key = ["--group-key", crate::support::cli::TUTORIAL_KEY, "-o", "json"];
    let to = ["--host", &host, "--id-scope", "0ne00000000", "--ca-file", ca.to_str().unwrap()];
    let what = ["--count", &count, "--results", results.to_str().unwrap()];
    let arguments = [&["fleet"], &group_key[..], &to, &what, flags].concat();
    let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let ran = machine.run(&arguments);
        let lines = std::fs::read_to_string(&results).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Told { report: ran.json(), lines, exit: ran.exit }
    });
    running.await.unwrap()
}

impl Told {
    /// A number of each line, in ascending order.
    fn numbers(&self, number: impl Fn(&Value) -> Option<f64>) -> Vec<f64> {
        let mut numbers: Vec<_> = self.lines.iter().filter_map(number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers
    }

    fn phase(&self, name: &str) -> Vec<f64> {
        self.numbers(|line| line["phases"][format!("{name}Ms")].as_f64())
    }

    fn sum(&self, member: &str) -> u64 {
        self.lines.iter().map(|line| line[member].as_u64().unwrap()).sum()
    }

    /// All that follows from the lines.
    #[track_caller]
    fn assert_is_what_the_lines_say(&self) {
        let Self { report, lines, .. } = self;
        let is_assigned = |line: &&Value| line["status"] == "assigned";
        let assigned = lines.iter().filter(is_assigned).count();
        let counts = ["devices", "assigned", "failed"].map(|it| report[it].as_u64().unwrap());
        assert_eq!(counts, [lines.len(), assigned, lines.len() - assigned].map(|it| it as u64));
        for member in ["tries", "throttled", "lost"] {
            assert_eq!(report[member], self.sum(member), "{member}");
        }
        assert_eq!(report["retries"], self.sum("tries") - lines.len() as u64);
        assert_eq!(
            report["outcomes"],
            counted(lines, |line| match line["code"].as_str() {
                Some(code) => code.to_owned(),
                None => "assigned".to_owned(),
            })
        );
        let with_hub: Vec<_> = lines.iter().filter(is_assigned).cloned().collect();
        let hub = |line: &Value| line["assignedHub"].as_str().unwrap().to_owned();
        assert_eq!(report["hubs"], counted(&with_hub, hub));

        let elapsed = report["elapsedSeconds"].as_f64().unwrap();
        let last = *self.numbers(|line| line["endedMs"].as_f64()).last().unwrap() / 1000.0;
        assert!(elapsed >= last && elapsed < last + SLACK / 1000.0, "{elapsed} after {last}");
        let rate = report["registrationsPerSecond"].as_f64().unwrap();
        assert!((rate - assigned as f64 / elapsed).abs() < 1e-3 * rate.max(1.0), "{rate}");
        for (name, phase) in report["phases"].as_object().unwrap() {
            assert_is_distribution(name, phase, &self.phase(name));
        }
        assert_eq!(report["timeline"]["secondsPerStep"], 1);
        self.assert_timeline("launched", "beganMs", |_| true);
        self.assert_timeline("assigned", "endedMs", |line| is_assigned(&line));
        self.assert_timeline("failed", "endedMs", |line| !is_assigned(&line));
    }

    #[track_caller]
    fn assert_timeline(&self, row: &str, time: &str, is_meant: impl Fn(&Value) -> bool) {
        let row = self.report["timeline"][row].as_array().unwrap();
        let mut seconds = vec![0_u64; row.len()];
        for line in self.lines.iter().filter(|line| is_meant(line)) {
            seconds[(line[time].as_f64().unwrap() / 1000.0) as usize] += 1;
        }
        assert_eq!(row, &seconds.into_iter().map(Value::from).collect::<Vec<_>>(), "{time}");
    }

    /// That a phase took this long for every device, give or take nothing but what the machine adds.
    #[track_caller]
    fn assert_all_took(&self, name: &str, known: f64) {
        let phase = self.phase(name);
        assert_eq!(phase.len(), self.lines.len(), "{name}");
        for took in phase {
            assert!(is_about(took, known), "{name}: {took}, known is {known}");
        }
    }
}

/// Both in milliseconds.
fn is_about(took: f64, known: f64) -> bool {
    (known - EARLY..known + SLACK).contains(&took)
}

/// How many lines there are of each kind.
fn counted(lines: &[Value], kind: impl Fn(&Value) -> String) -> Value {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(kind(line)).or_insert(0) += 1;
    }
    counts.into_iter().map(|(kind, count)| (kind, Value::from(count))).collect::<Map<_, _>>().into()
}

/// That a phase of the report is the distribution of these times, to three digits.
#[track_caller]
fn assert_is_distribution(name: &str, phase: &Value, ascending: &[f64]) {
    assert_eq!(phase["count"], ascending.len(), "{name}");
    let nth = |percent: f64| {
        let place = (percent / 100.0 * ascending.len() as f64).ceil() as usize;
        ascending[place.max(1) - 1]
    };
    for (member, exact) in
        [("p50Ms", nth(50.0)), ("p90Ms", nth(90.0)), ("p99Ms", nth(99.0)), ("maxMs", nth(100.0))]
    {
        let told = phase[member].as_f64().unwrap();
        // Three digits of whole microseconds.
        assert!((told - exact).abs() <= exact / 1000.0 + 0.001, "{name} {member}: {told}, {exact}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_phase_percentile_and_rate_is_that_of_the_delays() {
    // 50 of 100 devices are answered after 0.5 s, 40 after a second, 9 after 1.5 and one after 2.
    let answers = [(50, 500), (40, 1000), (9, 1500), (1, 2000)];
    let mut scripts = Vec::new();
    for (count, register) in answers {
        for nth in 0..count {
            let script = Script::new()
                .slow_tls(millis(500))
                .connect()
                .pause(millis(1000))
                .packet(connack())
                .subscribe()
                .pause(millis(1500))
                .grant()
                .request()
                .pause(millis(register))
                .acknowledge_and_answer(202, Some("1"), ASSIGNING)
                .answer(200, None, &assigned(HUBS[nth % 2]));
            scripts.push(script);
        }
    }
    let server = Server::start(scripts).await;

    let told = fleet(&server, 100, &["--rate", "50/s"]).await;

    assert_eq!(told.exit, 0);
    told.assert_is_what_the_lines_say();
    for (phase, known) in [
        ("dns", 0.0),
        ("tcp", 0.0),
        ("tls", 500.0),
        ("connect", 1000.0),
        ("subscribe", 1500.0),
        ("waiting", 1000.0),
    ] {
        told.assert_all_took(phase, known);
    }
    let register = told.phase("register");
    let mut known = answers.iter().flat_map(|(count, took)| vec![*took as f64; *count]);
    for took in &register {
        let known = known.next().unwrap();
        assert!(is_about(*took, known), "{took}, known is {known}");
    }
    for line in &told.lines {
        let number = |member: &str| line[member].as_f64().unwrap();
        let nth: f64 = line["registrationId"].as_str().unwrap()[4..].parse().unwrap();
        assert_eq!(number("intendedMs"), nth * 20.0, "50 a second: {line}");
        let late = number("beganMs") - number("intendedMs");
        assert!((0.0..SLACK).contains(&late), "{line}");
        let phase = |name: &str| line["phases"][format!("{name}Ms")].as_f64().unwrap();
        let took = number("endedMs") - number("intendedMs");
        assert!((phase("assigned") - took).abs() < 0.01, "{line}");
        let parts = ["dns", "tcp", "tls", "connect", "subscribe", "register", "waiting"];
        let parts: f64 = parts.map(phase).iter().sum();
        assert!((0.0..SLACK).contains(&(took - late - parts)), "nothing is left out: {line}");
    }
    let report = &told.report;
    assert_eq!(report["hubs"], json!({ HUBS[1]: 49, HUBS[0]: 51 }));
    assert_eq!(report["outcomes"], json!({ "assigned": 100 }));
    assert_eq!(report["examples"], json!({}));
    assert_eq!([&report["tries"], &report["retries"]], [100, 0]);
    assert_eq!([&report["throttled"], &report["lost"]], [0, 0]);
    // The last begins after 1.98 s; if it is the slow one it ends 7 s later, else 5.5 s at least.
    let elapsed = report["elapsedSeconds"].as_f64().unwrap();
    assert!((7.0..9.5).contains(&elapsed), "{elapsed}");
    let generator = &report["generator"];
    assert_eq!(generator["openPeak"], 100, "each is open for longer than all take to begin");
    // J-235: by more than 10 ms, and a tenth of its own time.
    let late = told.lines.iter().filter(|line| {
        let number = |member: &str| line[member].as_f64().unwrap();
        let delay = number("beganMs") - number("intendedMs");
        delay > 10.0 && delay > (number("endedMs") - number("intendedMs")) / 10.0
    });
    assert_eq!(generator["lateStarts"], late.count());
    let share = generator["cpuShare"].as_f64().unwrap();
    assert!(share > 0.0 && share < 0.9, "it mostly waited: {share}");
    let lag = generator["maxLagMs"].as_f64().unwrap();
    assert!((0.0..SLACK).contains(&lag), "{lag}");
    let is_bottleneck = lag > 50.0 || generator["lateStarts"].as_u64() > Some(1);
    assert_eq!(generator["isBottleneck"], is_bottleneck, "{generator}");
}

/// CONNACK 0.
fn connack() -> rumqttc::Packet {
    rumqttc::Packet::ConnAck(rumqttc::ConnAck::new(ConnectReturnCode::Success, false))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trouble_is_counted_once_and_under_its_name() {
    let done = assigned(HUBS[0]);
    // One device after the other, so each meets the connections that are meant for it.
    let server = Server::start([
        // The first loses its connection while it waits, and is told the result on the next one.
        Script::subscribed().answer(202, Some("1"), ASSIGNING).close(),
        Script::subscribed().answer(200, None, &done),
        // The second is hung up on before CONNACK, and tries again.
        Script::new().close(),
        Script::subscribed().answer(200, None, &done),
        // The third is refused, the fourth has no hub.
        Script::subscribed().answer(401, None, UNAUTHORIZED),
        Script::subscribed().answer(202, Some("0"), ASSIGNING).answer(200, None, FAILED),
        // The fifth is told twice to come later, and is assigned to another hub.
        Script::subscribed()
            .answer(429, Some("1"), THROTTLED)
            .answer(429, Some("1"), THROTTLED)
            .answer(200, None, &assigned(HUBS[1])),
    ])
    .await;

    let told = fleet(&server, 5, &["--concurrency", "1"]).await;

    assert_eq!(told.exit, 5, "two have no hub");
    told.assert_is_what_the_lines_say();
    let report = &told.report;
    assert_eq!(report["outcomes"], json!({ "assigned": 3, "401000": 1, "400207": 1 }));
    assert_eq!(
        report["examples"]["400207"], "Custom allocation failed with status code: 400",
        "{report}"
    );
    assert!(report["examples"]["401000"].as_str().unwrap().contains("Unauthorized"), "{report}");
    assert_eq!(report["hubs"], json!({ HUBS[0]: 2, HUBS[1]: 1 }));
    let counts = ["devices", "assigned", "failed", "tries", "retries", "throttled", "lost"];
    assert_eq!(counts.map(|it| report[it].as_u64().unwrap()), [5, 3, 2, 6, 1, 2, 1]);
    let waiting = |nth: usize| told.lines[nth]["phases"]["waitingMs"].as_f64();
    // The wait that the loss cut in two goes on; a retry comes after 250 ms and up to half more.
    for (nth, known) in [(0, 1000.0), (1, 250.0), (4, 2000.0)] {
        let waited = waiting(nth).unwrap();
        assert!((known..known + 125.0 + SLACK).contains(&waited), "{nth}: {waited}");
    }
    assert_eq!(waiting(2), None, "it was refused at once");
    assert_eq!(report["phases"]["assigned"]["count"], 3, "those who failed have no such time");
    // Connections that were opened twice count together, so there are five, not seven.
    assert_eq!(report["phases"]["tls"]["count"], 5);
    assert_eq!(report["generator"]["openPeak"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_and_a_websocket_have_phases_of_their_own() {
    let script = Script::subscribed().answer(200, None, &assigned(HUBS[0]));
    let script = script.over_web_socket().slow_tls(millis(1000)).slow_upgrade(millis(1500));
    let server = Server::start([script]).await;
    let proxy = ConnectProxy::start(Manner::Slow(millis(500))).await;
    let proxy = format!("http://{}", proxy.address());

    let told = fleet(&server, 8, &["--transport", "mqtt-ws", "--proxy", &proxy]).await;

    assert_eq!(told.exit, 0);
    told.assert_is_what_the_lines_say();
    for (phase, known) in [("proxy", 500.0), ("tls", 1000.0), ("upgrade", 1500.0)] {
        told.assert_all_took(phase, known);
    }
    for phase in ["dns", "tcp", "connect", "subscribe", "register"] {
        told.assert_all_took(phase, 0.0);
    }
    assert_eq!(told.phase("waiting"), [0.0; 0], "nobody was told to wait");
}
