//! `register --connect`, `register --cache` and `status`: what comes after the assignment, and after
//! a deadline.

use serde_json::{Value, json};

use crate::support::cli::{BINARY, HUB, Machine, Ran, Serve, TUTORIAL_KEY};

const TOASTER: [&str; 4] = ["register", "--local", "--reg-id", "contoso-toaster-007"];
const STATUS: [&str; 4] = ["status", "--local", "--reg-id", "contoso-toaster-007"];

fn toaster<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&TOASTER[..], more].concat()
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A service whose hub has something to say.
fn serve_with_twin(machine: &Machine, hub: &str) -> Serve {
    let config = machine.file("dps.toml", &world(hub));
    machine.serve(&["--config", config.to_str().unwrap(), "--retry-after", "0s"])
}

fn world(hub: &str) -> String {
    format!(
        r#"
            idScope = "0ne00002193"
            linkedHubs = ["{hub}"]
            [[enrollmentGroups]]
            enrollmentGroupId = "toasters"
            initialTwin.properties.desired.interval = 30
            attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{TUTORIAL_KEY}" }} }}
        "#
    )
}

/// J-141.
#[test]
fn i_connect_shows_the_twin_after_the_registration_by_every_transport() {
    let machine = Machine::new();
    let _serve = serve_with_twin(&machine, HUB);
    for (transport, by) in [
        ("mqtt", "by mqtt"),
        ("mqtt-ws", "by mqtt-ws"),
        ("https", "by mqtt-ws, for a hub is not spoken to over https"),
        ("amqp", "by amqp"),
        ("amqp-ws", "by amqp-ws"),
        ("auto", "by mqtt"),
    ] {
        let more = ["--connect", "--group-key", TUTORIAL_KEY, "--transport", transport];
        let ran = machine.run(&toaster(&more)).assert_exit(0);

        let expected = format!(
            "\nRegistration Information received from service: {HUB}, deviceId: contoso-toaster-007\n\
             \n\
             Connected to hub {HUB}, deviceId: contoso-toaster-007 ({by})\n\
             Desired properties: {{\n  \"interval\": 30,\n  \"$version\": 1\n}}\n\
             Reported properties: {{\n  \"$version\": 1\n}}\n"
        );
        assert!(ran.stdout.ends_with(&expected), "{transport}: {}", ran.stdout);
        assert_eq!(ran.stderr, "", "{transport}");
    }
}

#[test]
fn j_142_what_is_reported_is_in_the_twin_that_is_shown_and_messages_are_sent() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let more = ["--connect", "--reported", "-", "--telemetry", "3"];

    let text = machine.run_with(&toaster(&more), &[], r#"{"fw":"1.0"}"#).assert_exit(0);
    let as_json = toaster(&[&more[..], &["-o", "json"]].concat());
    let json = machine.run_with(&as_json, &[], r#"{"fw":"1.1"}"#).assert_exit(0).json();
    let as_jsonl = toaster(&[&more[..], &["-o", "jsonl"]].concat());
    let jsonl = machine.run_with(&as_jsonl, &[], r#"{"fw":"1.2"}"#).assert_exit(0);

    assert!(
        text.stdout
            .contains("Properties reported, version: 2\nMessages sent: 3\nDesired properties: {"),
        "{}",
        text.stdout
    );
    assert!(
        text.stdout.contains("Reported properties: {\n  \"fw\": \"1.0\",\n  \"$version\": 2\n}\n")
    );
    assert_eq!(json["registrationState"]["assignedHub"], HUB);
    assert_eq!(json["twin"]["reported"], json!({ "fw": "1.1", "$version": 3 }));
    assert!(json["timings"]["total"].as_f64().is_some(), "{json}");
    let mut events = lines(&jsonl);
    events.retain(|event| event["event"] != "phase");
    assert!(events[6].get("timings").is_none(), "{:?}", events[6]);
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap_or("-")).collect();
    assert_eq!(
        names,
        ["connected", "assigning", "assigned", "hubConnected", "reported", "messages", "-"]
    );
    assert_eq!(
        events[3],
        json!({ "event": "hubConnected", "hub": HUB, "deviceId": "contoso-toaster-007", "transport": "mqtt" })
    );
    assert_eq!(events[4], json!({ "event": "reported", "version": 4 }));
    assert_eq!(events[6]["twin"]["reported"]["fw"], "1.2");
}

/// J-45.
#[test]
fn i_the_gateway_is_dialled_in_the_hubs_place_and_the_name_stays() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let base = ["register", "--id-scope", "0ne00002193", "--reg-id", "contoso-toaster-007"];
    let ca_file = serve.ca_file().to_str().unwrap();
    let service = ["--host", serve.mqtt(), "--ca-file", ca_file, "--group-key", TUTORIAL_KEY];
    let connect = |gateway: &[&str]| {
        machine.run(&[&base[..], &service, &["--connect", "--timeout", "30s"], gateway].concat())
    };

    connect(&["--hub-gateway", serve.mqtt()]).assert_exit(0);
    let rule = format!("{HUB}:8883:{}", serve.mqtt());
    connect(&["--connect-to", &rule]).assert_exit(0);
    let nowhere = connect(&["--hub-gateway", "127.0.0.1:1"]).assert_exit(3);

    assert!(
        nowhere.stderr.contains(&format!("error: hub {HUB}: cannot connect to")),
        "{nowhere:?}"
    );
    assert!(nowhere.stdout.ends_with(&format!("\nFailure at hub: {HUB}\n")));
}

#[test]
fn i_a_hub_whose_name_leads_nowhere_exits_3_and_a_local_service_is_named_as_the_way() {
    let machine = Machine::new();
    let serve = serve_with_twin(&machine, "gone.invalid");
    let (host, ca_file) = (serve.mqtt(), serve.ca_file().to_str().unwrap());
    let base = ["register", "--id-scope", "0ne00002193", "--reg-id", "contoso-toaster-007"];
    let service = ["--host", host, "--ca-file", ca_file, "--group-key", TUTORIAL_KEY];

    let ran = machine.run(&[&base[..], &service, &["--connect"]].concat()).assert_exit(3);

    assert!(ran.stderr.contains("cannot find the address of gone.invalid"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("--hub-gateway {host}")), "{}", ran.stderr);
    machine.run(&toaster(&["--connect", "--group-key", TUTORIAL_KEY])).assert_exit(0);
}

#[test]
fn i_a_hub_that_refuses_exits_4_and_says_why_that_may_be() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    // Another service stands in the hub's place: it has the name, but not the device.
    let other = Machine::new();
    let stranger = serve_with_twin(&other, HUB);
    let both = machine.file(
        "both.pem",
        &[serve.ca_file(), stranger.ca_file()]
            .map(|ca| std::fs::read_to_string(ca).unwrap())
            .join(""),
    );
    let more = ["--connect", "--hub-gateway", stranger.mqtt(), "--ca-file", both.to_str().unwrap()];

    let text = machine.run(&toaster(&more)).assert_exit(4);
    let json = machine.run(&toaster(&[&more[..], &["-o", "json"]].concat())).assert_exit(4).json();

    assert!(text.stderr.contains("the hub refused the connection: CONNACK 5"), "{}", text.stderr);
    assert!(text.stderr.contains("has no device contoso-toaster-007"), "{}", text.stderr);
    let error = &json["error"];
    assert_eq!((&error["kind"], &error["exitCode"]), (&json!("hub-connack"), &json!(4)));
}

#[test]
fn bad_hub_arguments_exit_2_before_anything_is_sent() {
    let machine = Machine::new();
    let base = ["register", "--host", "127.0.0.1:1", "--id-scope", "0ne1", "--reg-id", "a"];
    let key = ["--device-key", "AAAAAAAAAAAAAAAAAAAAAA=="];
    for (more, named) in [
        (&["--connect", "--reported", "{fw:1}"][..], "--reported"),
        (&["--connect", "--reported", "[1]"], "no JSON object"),
        (&["--connect", "--reported", "@/nonexistent"], "--reported"),
        (
            &["--connect", "--reported", "-", "--payload", "-"],
            "--payload and --reported cannot both",
        ),
        (&["--connect", "--telemetry", "many"], "--telemetry"),
        (&["--connect", "--hub-gateway", "https://x"], "--hub-gateway"),
        (&["--reported", "{}"], "--connect"),
        (&["--telemetry", "1"], "--connect"),
    ] {
        let ran = machine.run(&[&base[..], &key, more].concat()).assert_exit(2);

        assert!(ran.stderr.contains(named), "{more:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

/// J-144.
#[test]
fn j_143_a_kept_hub_is_tried_first_and_the_device_does_not_register_again() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);
    let cache = machine.path("cache.json");
    let arguments = toaster(&["--connect", "--cache", cache.to_str().unwrap()]);

    machine.run(&arguments).assert_exit(0);
    let text = machine.run(&arguments).assert_exit(0);
    let json = machine.run(&[&arguments[..], &["-o", "json"]].concat()).assert_exit(0).json();
    // What is told next is the registration of another device: the toaster's was the only one.
    machine.run(&["register", "--local", "--reg-id", "contoso-toaster-008"]).assert_exit(0);

    assert_eq!(serve.event()["registrationId"], "contoso-toaster-007");
    assert_eq!(serve.event()["registrationId"], "contoso-toaster-008");
    let kept = format!(
        "Assignment kept in {}: {HUB}, deviceId: contoso-toaster-007\n\nConnected to hub",
        cache.display()
    );
    assert!(text.stdout.starts_with(&kept), "{}", text.stdout);
    assert_eq!((&json["status"], &json["cached"]), (&json!("assigned"), &json!(true)));
    assert_eq!(json["registrationState"]["assignedHub"], HUB);
    assert!(json["twin"]["desired"].is_object());
    let file = std::fs::read_to_string(&cache).unwrap();
    assert!(!file.to_lowercase().contains("key"), "{file}");
}

#[test]
fn j_143_a_hub_that_refuses_makes_the_device_provision_itself_again() {
    let machine = Machine::new();
    let cache = machine.path("cache.json");
    let arguments = toaster(&["--connect", "--cache", cache.to_str().unwrap()]);
    let first = machine.serve(&["--retry-after", "0s"]);
    machine.run(&arguments).assert_exit(0);
    first.end();
    // The service begins with hubs that know nobody.
    let mut second = machine.serve(&["--retry-after", "0s"]);

    let text = machine.run(&arguments).assert_exit(0);

    assert!(text.stderr.contains("CONNACK 5 (not authorized); provisioning again"), "{text:?}");
    assert!(text.stdout.contains("PROV_DEVICE_REG_STATUS_CONNECTED"), "{}", text.stdout);
    assert!(text.stdout.contains("\nConnected to hub "), "{}", text.stdout);
    assert_eq!(second.event()["status"], "assigned");
}

#[test]
fn j_143_a_hub_that_is_gone_makes_the_device_provision_itself_again() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let ca_file = serve.ca_file().to_str().unwrap();
    let host = serve.mqtt();
    let cache = machine.file(
        "cache.json",
        &json!({
            "version": 1, "host": host, "idScope": "0ne00002193",
            "registrationId": "contoso-toaster-007",
            "assignedHub": "gone.invalid", "deviceId": "contoso-toaster-007",
        })
        .to_string(),
    );
    let rule = format!("{HUB}:8883:{host}");
    let ran = machine
        .run(&[
            "register",
            "--id-scope",
            "0ne00002193",
            "--reg-id",
            "contoso-toaster-007",
            "--group-key",
            TUTORIAL_KEY,
            "--host",
            host,
            "--ca-file",
            ca_file,
            "--connect",
            "--cache",
            cache.to_str().unwrap(),
            "--connect-to",
            &rule,
            "-o",
            "jsonl",
        ])
        .assert_exit(0);

    let events = lines(&ran);
    assert_eq!((&events[0]["event"], &events[0]["hub"]), (&json!("kept"), &json!("gone.invalid")));
    assert_eq!(events[1]["event"], "provisioningAgain");
    assert!(events[1]["reason"].as_str().unwrap().contains("gone.invalid"), "{}", events[1]);
    assert_eq!(events.last().unwrap()["registrationState"]["assignedHub"], HUB);
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&cache).unwrap()).unwrap();
    assert_eq!(kept["assignedHub"], HUB, "the new one is kept");
}

/// J-143.
#[test]
fn j_496_a_hub_of_another_profile_is_not_dialled_and_a_kept_one_is_asked_about_again() {
    let machine = Machine::new();
    let cache = machine.path("cache.json");
    let arguments = toaster(&["--connect", "--cache", cache.to_str().unwrap()]);
    for (profile, word, what) in [
        ("mqttV5", "mqttV5", "MQTT 5 with topics of its own, which this device does not speak"),
        ("unknown", "carrierPigeon", "which this device does not know"),
    ] {
        let fault = format!("poll connection-profile={profile} times=1");
        let serve = machine.serve(&["--retry-after", "0s", "--fault", &fault]);

        let refused = machine.run(&arguments).assert_exit(5);
        let report = machine.run(&[&arguments[..], &["-o", "jsonl"]].concat()).assert_exit(0);

        let told = format!(
            "error: hub {HUB}: the service says that it is spoken to by the connection profile \"{word}\", {what}\n"
        );
        assert!(refused.stderr.contains(&told), "{refused:?}");
        assert!(refused.stdout.ends_with(&format!("\nFailure at hub: {HUB}\n")), "{refused:?}");
        let events = lines(&report);
        let names: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
        assert_eq!(names[..2], ["kept", "provisioningAgain"], "{profile}");
        assert!(names.contains(&"hubConnected"), "{profile}: {names:?}");
        serve.end();
        std::fs::remove_file(&cache).unwrap();
    }
}

#[test]
fn j_143_a_hub_that_is_only_unreachable_does_not() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let cache = machine.path("cache.json");
    let path = cache.to_str().unwrap();
    machine.run(&toaster(&["--cache", path])).assert_exit(0);

    let more = ["--connect", "--cache", path, "--hub-gateway", "127.0.0.1:1"];
    let ran = machine.run(&toaster(&more)).assert_exit(3);

    assert!(!ran.stdout.contains("PROV_DEVICE_REG_STATUS"), "{}", ran.stdout);
    assert!(ran.stderr.contains(&format!("remove {path}")), "{}", ran.stderr);
}

#[test]
fn j_146_without_connect_the_device_registers_and_keeps_what_it_got() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);
    let cache = machine.path("cache.json");
    let arguments = toaster(&["--cache", cache.to_str().unwrap()]);

    machine.run(&arguments).assert_exit(0);
    machine.run(&arguments).assert_exit(0);

    assert_eq!([serve.event()["status"].clone(), serve.event()["status"].clone()], ["assigned"; 2]);
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&cache).unwrap()).unwrap();
    assert_eq!((&kept["version"], &kept["assignedHub"]), (&json!(1), &json!(HUB)));
}

#[test]
fn j_147_a_cache_of_no_use_is_warned_of_and_the_device_goes_on() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let good = machine.path("good.json");
    machine.run(&toaster(&["--cache", good.to_str().unwrap()])).assert_exit(0);
    let good = std::fs::read_to_string(good).unwrap();
    let other = good.replace("contoso-toaster-007", "contoso-toaster-008");
    for (content, warned, is_replaced) in [
        (&good[..30], "it is damaged", true),
        (&other[..], "it is of another device (contoso-toaster-008", true),
        ("c2VjcmV0", "so as not to overwrite what is there", false),
    ] {
        let cache = machine.file("cache.json", content);

        let more = ["--connect", "--cache", cache.to_str().unwrap()];
        let ran = machine.run(&toaster(&more)).assert_exit(0);

        assert!(ran.stderr.contains(warned), "{}", ran.stderr);
        assert!(ran.stdout.contains("PROV_DEVICE_REG_STATUS_CONNECTED"), "{}", ran.stdout);
        let expected = if is_replaced { &good[..] } else { content };
        assert_eq!(std::fs::read_to_string(&cache).unwrap(), expected);
    }
}

/// The command that a report tells the user to run, as a shell runs it.
#[cfg(unix)]
fn follow_up(machine: &Machine, ran: &Ran, stdin: &str) -> Ran {
    let command = ran.stderr.lines().find_map(|line| line.split_once("try: provision-sim status "));
    let (_, arguments) = command.unwrap_or_else(|| panic!("no command: {}", ran.stderr));
    let script = format!("'{BINARY}' status {arguments}");
    let mut child = machine
        .shell(&script)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[cfg(unix)]
#[test]
fn a_deadline_prints_the_command_that_sees_the_operation_through() {
    let machine = Machine::new();
    // The device is to wait for longer than it has time.
    let mut serve = machine.serve(&["--retry-after", "40s"]);
    let key = machine.file("group key", TUTORIAL_KEY);
    let file = format!("@{}", key.display());
    for (transport, key, stdin) in [
        ("mqtt", &*file, ""),
        ("mqtt-ws", TUTORIAL_KEY, TUTORIAL_KEY),
        ("https", &*file, ""),
        ("amqp", &*file, ""),
    ] {
        let more = ["--timeout", "30s", "--transport", transport, "--group-key", key];
        let late = machine.run(&toaster(&more)).assert_exit(6);

        assert!(!late.stderr.contains(TUTORIAL_KEY), "{}", late.stderr);
        let ran = follow_up(&machine, &late, stdin).assert_exit(0);
        // The answer is there long before the device was to ask again.

        assert!(ran.stdout.contains(&format!("received from service: {HUB}")), "{}", ran.stdout);
        assert!(ran.stdout.contains("PROV_DEVICE_REG_STATUS_CONNECTED"), "{}", ran.stdout);
        let event = serve.event();
        let operation_id = event["operationId"].as_str().unwrap();
        assert!(late.stderr.contains(operation_id), "the same operation: {}", late.stderr);
    }
}

#[test]
fn b_1_status_looks_a_registration_up_and_does_not_register() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);
    let never = machine.run(&STATUS).assert_exit(5);
    machine.run(&TOASTER).assert_exit(0);
    let heat_pump = ["--local", "--reg-id", "contoso-heatpump-088"];
    machine.run(&[&["register"], &heat_pump[..]].concat()).assert_exit(5);

    let text = machine.run(&STATUS).assert_exit(0);
    let json = machine.run(&[&STATUS[..], &["-o", "json"]].concat()).assert_exit(0).json();
    let failed = machine.run(&[&["status"], &heat_pump[..]].concat()).assert_exit(5);
    let key = ["--group-key", "AAAAAAAAAAAAAAAAAAAAAA=="];
    machine.run(&[&STATUS[..], &key].concat()).assert_exit(4);

    assert!(never.stderr.contains("has never registered"), "{}", never.stderr);
    assert_eq!(
        text.stdout,
        format!(
            "Registration Status: assigned\n\
             Registration Information received from service: {HUB}, deviceId: contoso-toaster-007\n"
        )
    );
    assert_eq!((&json["assignedHub"], &json["status"]), (&json!(HUB), &json!("assigned")));
    assert!(failed.stdout.contains("Registration Status: failed"), "{}", failed.stdout);
    assert!(failed.stderr.contains("Custom allocation failed with status code: 400"));
    let told: Vec<_> = (0..2).map(|_| serve.event()["registrationId"].clone()).collect();
    assert_eq!(told, ["contoso-toaster-007", "contoso-heatpump-088"], "lookups are none");
}

#[test]
fn an_operation_that_nobody_knows_exits_5_and_registers_nothing() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);
    for transport in ["mqtt", "mqtt-ws", "https", "amqp", "amqp-ws"] {
        let more = ["--operation-id", "5.nobody.knows", "--transport", transport];
        let ran = machine.run(&[&STATUS[..], &more].concat()).assert_exit(5);

        assert!(ran.stderr.contains("404203"), "{}", ran.stderr);
        assert!(ran.stderr.contains("`status` without it says"), "{}", ran.stderr);
    }
    machine.run(&["register", "--local", "--reg-id", "contoso-heatpump-088"]).assert_exit(5);

    assert_eq!(serve.event()["registrationId"], "contoso-heatpump-088", "the first of all");
}
