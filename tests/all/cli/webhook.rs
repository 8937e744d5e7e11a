//! `webhook test` and `webhook replay`: a custom allocation function, tried without a device.

use serde_json::{Value, json};

use crate::support::certificate::Issue;
use crate::support::cli::{HUB, Machine, Ran};
use crate::support::service::setup::{HUB_EAST, HUB_WEST};
use crate::support::service::webhook::{Reaction, Webhook, nobody};

const ID: &str = "pump-0042";

/// The command, beside the webhook of this test.
async fn run(machine: Machine, arguments: &[&str]) -> (Machine, Ran) {
    let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let ran = machine.run(&arguments);
        (machine, ran)
    });
    running.await.unwrap()
}

async fn tried(reaction: Reaction, more: &[&str]) -> Ran {
    let webhook = Webhook::start([reaction]).await;
    let url = webhook.url();
    let start = ["webhook", "test", &url, "--reg-id", ID, "--linked-hub", HUB_WEST];
    run(Machine::new(), &[&start[..], more].concat()).await.1
}

#[tokio::test]
async fn j_228_the_function_is_asked_as_dps_asks_it_and_its_answer_is_judged() {
    let answer = json!({
        "iotHubHostName": HUB_EAST, "payload": { "tenant": "blue" }, "extra": 1,
        "initialTwin": { "properties": { "desired": { "interval": 30 } } },
    });
    let mut webhook = Webhook::start([Reaction::Answer(200, answer.to_string())]).await;
    let url = webhook.url();
    let arguments = [
        &["webhook", "test", &url, "--reg-id", "Pump-0042", "--group", "pumps", "-o", "json"][..],
        &["--payload", r#"{"n":1.50}"#, "--linked-hub", HUB_WEST, "--linked-hub", HUB_EAST],
        &["--current-hub", HUB_WEST, "--api-version", "2019-03-31", "--expect-hub", HUB_EAST],
    ];

    let (_, ran) = run(Machine::new(), &arguments.concat()).await;

    let shown = ran.assert_exit(0).json();
    let call = webhook.call().await;
    let asked: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(call.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(call.path_and_query, "/api/Choose?code=s3cret%3D%3D&clientId=default");
    assert_eq!(asked["enrollmentGroup"]["enrollmentGroupId"], "pumps");
    let definition = &asked["enrollmentGroup"]["customAllocationDefinition"];
    assert_eq!(definition["apiVersion"], "2019-03-31");
    assert!(definition["webhookUrl"].as_str().unwrap().ends_with("/api/Choose?****"), "G-1");
    let context = &asked["deviceRuntimeContext"];
    assert_eq!(context["registrationId"], "Pump-0042");
    assert_eq!(context["currentIotHubHostName"], HUB_WEST);
    assert!(call.body.contains(r#""payload":{"n":1.50}"#), "K-7: {}", call.body);
    assert_eq!(asked["linkedHubs"], json!([HUB_WEST, HUB_EAST]));

    assert_eq!((&shown["ok"], &shown["verdict"]), (&json!(true), &json!("accepted")));
    assert_eq!(shown["request"], asked);
    assert_eq!(
        shown["told"],
        json!({
            "status": "assigned", "assignedHub": HUB_EAST, "deviceId": "Pump-0042",
            "payload": { "tenant": "blue" },
        })
    );
    assert_eq!(shown["initialTwin"], json!({ "tags": {}, "desired": { "interval": 30 } }));
    let odd = shown["odd"].to_string();
    assert!(odd.contains("`extra`, which DPS ignores"), "{odd}");
    assert!(!shown.to_string().contains("s3cret"), "G-2");
}

#[tokio::test]
async fn j_228_the_exit_code_says_what_the_answer_is_worth() {
    let refusal = || Reaction::Answer(400, "no such toaster".to_owned());
    for (reaction, more, exit, said) in [
        (Reaction::hub(HUB_WEST), &[][..], 0, "PASS accepted"),
        (Reaction::hub(HUB_WEST), &["--expect-hub", HUB_EAST], 5, "got hub-west"),
        (Reaction::hub(HUB_WEST), &["--expect-status", "400"], 5, "expected 400, got 200"),
        (Reaction::hub(HUB_EAST), &[], 5, "must be one of hub-west"),
        (refusal(), &[], 5, "FAIL refused"),
        (refusal(), &["--expect-status", "400"], 0, "PASS refused"),
        (refusal(), &["--expect-status", "403"], 5, "expected 403, got 400"),
        (Reaction::Answer(200, "{}".to_owned()), &[], 5, "400208"),
        // A good status does not make a bad answer good.
        (Reaction::Answer(200, "{}".to_owned()), &["--expect-status", "200"], 5, "FAIL bad"),
        (Reaction::Answer(503, String::new()), &[], 5, "ten more times"),
        (Reaction::HangUp, &[], 3, "FAIL not reachable"),
    ] {
        let shown = format!("{reaction:?} {more:?}");

        let ran = tried(reaction, more).await;

        assert_eq!(ran.exit, exit, "{shown}: {ran:?}");
        assert!(ran.stdout.contains(said), "{shown}: {}", ran.stdout);
    }
    let arguments = ["webhook", "test", &nobody().await, "--reg-id", ID];
    let (_, ran) = run(Machine::new(), &arguments).await;
    assert!(ran.assert_exit(3).stdout.contains("connection refused"));
}

#[tokio::test]
async fn j_228_a_function_over_tls_is_called_if_its_ca_is_trusted() {
    let webhook = Webhook::start_tls([Reaction::hub(HUB_WEST)]).await;
    let machine = Machine::new();
    let ca = machine.file("ca.pem", webhook.ca_pem.as_deref().unwrap());
    let (url, ca) = (webhook.url(), ca.to_str().unwrap().to_owned());
    let start = ["webhook", "test", &url, "--reg-id", ID, "--linked-hub", HUB_WEST];

    let (machine, ran) = run(machine, &[&start[..], &["--webhook-ca-file", &ca]].concat()).await;
    ran.assert_exit(0);

    let stranger = Issue::default().make();
    let other = machine.file("other.pem", stranger.ca_pem());
    let other = other.to_str().unwrap().to_owned();
    let (_, ran) = run(machine, &[&start[..], &["--webhook-ca-file", &other]].concat()).await;
    ran.assert_exit(3);
}

#[tokio::test]
async fn j_228_repeated_calls_are_all_judged_and_timed() {
    let mut webhook = Webhook::start([
        Reaction::hub(HUB_WEST),
        Reaction::Answer(500, String::new()),
        Reaction::hub(HUB_WEST),
    ])
    .await;
    let url = webhook.url();
    let arguments = [
        "webhook",
        "test",
        &url,
        "--reg-id",
        ID,
        "--linked-hub",
        HUB_WEST,
        "--repeat",
        "7",
        "-o",
        "json",
    ];

    let (_, ran) = run(Machine::new(), &arguments).await;

    let shown = ran.assert_exit(5).json();
    assert_eq!(webhook.count_calls(), 7, "no call is made again");
    assert_eq!(shown["answer"]["status"], 500, "the one that is not as it should be");
    assert_eq!(shown["latency"]["count"], 7);
    let figure = |name: &str| shown["latency"][name].as_f64().unwrap();
    assert!(figure("minMs") <= figure("medianMs") && figure("p95Ms") <= figure("maxMs"));
    assert!(shown["odd"].to_string().contains("1 of 7 times"), "{}", shown["odd"]);
}

#[test]
fn j_228_with_local_the_enrollment_its_webhook_and_the_hubs_are_those_of_the_service() {
    let machine = Machine::new();
    let _serve = machine.serve(&[]);
    let test = ["webhook", "test", "--local", "-o", "json", "--reg-id"];

    let toaster = machine.run(&[&test[..], &["contoso-toaster-007"]].concat()).assert_exit(0);
    let shown = toaster.json();
    let group = &shown["request"]["enrollmentGroup"];
    assert_eq!(group["enrollmentGroupId"], "contoso-custom-allocated-devices");
    assert_eq!(shown["told"]["assignedHub"], HUB);
    assert_eq!(shown["linkedHubs"], json!([HUB]));
    assert_eq!(shown["odd"], json!([]));

    let heat_pump = machine.run(&[&test[..], &["contoso-heatpump-088"]].concat()).assert_exit(5);
    assert_eq!(heat_pump.json()["verdict"], "refused");
    let expected = ["contoso-heatpump-088", "--expect-status", "400"];
    machine.run(&[&test[..], &expected].concat()).assert_exit(0);

    // Its group has no webhook; an address of one's own may stand in.
    let none = machine.run(&[&test[..], &["sim-1"]].concat()).assert_exit(2);
    assert!(none.stdout.contains("no URL"), "{none:?}");
    let unknown = machine.run(&[&test[..], &["sim-1", "--group", "nobodys"]].concat());
    assert!(unknown.assert_exit(2).stdout.contains("nobodys"));
}

#[test]
fn j_229_a_registration_of_the_journal_asks_its_webhook_again() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s", "--admin-port", "0"]);
    let id = ["register", "--local", "--reg-id", "contoso-toaster-007"];
    let replay = ["webhook", "replay", "-o", "json"];

    let nothing = machine.run(&[&replay[..], &["--last"]].concat()).assert_exit(2);
    assert!(nothing.stdout.contains("asked a webhook"), "{nothing:?}");
    machine.run(&[&id[..], &["--payload", r#"{"n":1.50}"#]].concat()).assert_exit(0);
    machine.run(&["register", "--local", "--reg-id", "sim-1"]).assert_exit(0);

    for which in ["--last", "1"] {
        let again = machine.run(&[&replay[..], &[which]].concat()).assert_exit(0).json();
        assert_eq!(again["told"]["assignedHub"], HUB);
        assert!(again["request"].to_string().contains(r#""n":1.5"#), "{again}");
    }
    let other = machine.run(&[&replay[..], &["2"]].concat()).assert_exit(2);
    assert!(other.stdout.contains("registration 2 asked no webhook"), "{other:?}");
    let none = machine.run(&[&replay[..], &["99"]].concat()).assert_exit(2);
    assert!(none.stdout.contains("no registration 99"), "{none:?}");
}

#[tokio::test]
async fn j_229_a_request_in_the_log_of_a_function_is_sent_letter_by_letter() {
    let request = format!(
        r#"{{"enrollmentGroup": {{"enrollmentGroupId":"pumps"}},"deviceRuntimeContext":{{"registrationId":"{ID}","payload":{{"n":1.50}}}},"linkedHubs":["{HUB_WEST}"]}}"#
    );
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let machine = Machine::new();
    let log = format!(
        "[2026-11-28T10:00:00.1Z] Request.Body: {request}\n[2026-11-28T10:00:00.2Z] done {{}}\n"
    );
    let log = machine.file("function.log", &log);
    let url = machine.file("function.url", &format!("{}\n", webhook.url()));
    let (log, url) = (log.to_str().unwrap().to_owned(), format!("@{}", url.to_str().unwrap()));

    let (machine, ran) = run(machine, &["webhook", "replay", &log, &url]).await;

    assert!(ran.assert_exit(0).stdout.contains("assigned to hub-west"));
    assert_eq!(webhook.call().await.body, request);
    let empty = machine.file("empty.log", "nothing here");
    let empty = empty.to_str().unwrap().to_owned();
    let (_, ran) = run(machine, &["webhook", "replay", &empty, &url]).await;
    assert!(ran.assert_exit(2).stderr.contains("no AllocationRequest in it"));
}

#[test]
fn wrong_input_is_refused_before_anything_is_sent() {
    let machine = Machine::new();
    let url = "http://127.0.0.1:1/";
    for (arguments, said) in [
        (&["test", "--reg-id", ID][..], "URL"),
        (&["test", url], "--reg-id"),
        (&["test", "ftp://f/", "--reg-id", ID], "http"),
        (&["test", url, "--reg-id", ID, "--payload", "{"], "--payload"),
        (&["test", url, "--reg-id", ID, "--x509", "/nowhere.pem"], "--x509"),
        (&["test", url, "--reg-id", ID, "--linked-hub", "https://hub/"], "--linked-hub"),
        (&["test", url, "--reg-id", ID, "--repeat", "0"], "--repeat"),
        (
            &["test", url, "--reg-id", ID, "--expect-hub", "h", "--expect-status", "400"],
            "--expect-hub",
        ),
        (&["replay"], "--last"),
        (&["replay", "/nowhere.json", url], "/nowhere.json"),
        (&["replay", "--last", "1", url], "--last"),
    ] {
        let ran = machine.run(&[&["webhook"][..], arguments].concat()).assert_exit(2);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
}
