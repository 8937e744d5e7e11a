//! `explain`, as a user calls it.

use crate::support::cli::Machine;

#[test]
fn a_code_is_told_with_meaning_causes_remedies_and_exit_code() {
    let machine = Machine::new();

    let ran = machine.run(&["explain", "401002"]).assert_exit(0);

    assert!(ran.stdout.starts_with("401002 Unauthorized: "), "{}", ran.stdout);
    for part in ["\n  cause: ", "\n  try: ", "at fault: identity; exit code 4", "rules A-11"] {
        assert!(ran.stdout.contains(part), "{part:?}: {}", ran.stdout);
    }
}

#[test]
fn several_are_told_one_after_the_other_in_any_case() {
    let machine = Machine::new();

    let texts = ["CONNACK-3", "429", "TLS-Expired", "400207"];
    let ran = machine.run(&[&["explain"], &texts[..]].concat()).assert_exit(0);

    let heads: Vec<_> = ran.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    let keys: Vec<_> = heads.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(keys, ["connack-3", "", "http-429", "", "tls-expired", "", "400207"]);
}

/// J-118.
#[test]
fn lines_of_logs_find_their_entries() {
    let machine = Machine::new();
    let run = |text: &str| machine.run(&["explain", text]).assert_exit(0).stdout;

    let webhook = run("Custom allocation failed with status code: 400");
    let result = run("PROV_DEVICE_RESULT_DEV_AUTH_ERROR");

    assert!(webhook.starts_with("400207 CustomAllocationFailed: "), "{webhook}");
    assert!(result.lines().count() > 5, "many share it, so they are listed: {result}");
    assert!(result.lines().any(|line| line.starts_with("401000 ")), "{result}");
}

#[test]
fn without_an_argument_everything_is_listed_a_line_each() {
    let machine = Machine::new();

    let ran = machine.run(&["explain"]).assert_exit(0);
    let objects = machine.run(&["explain", "-o", "json"]).assert_exit(0).json();

    let objects = objects.as_array().unwrap();
    assert_eq!(ran.stdout.lines().count(), objects.len());
    for (line, object) in ran.stdout.lines().zip(objects) {
        assert!(line.starts_with(object["key"].as_str().unwrap()), "{line}");
    }
}

#[test]
fn json_gives_the_objects_and_jsonl_one_a_line() {
    let machine = Machine::new();

    let json = machine.run(&["explain", "400203", "dns", "-o", "json"]).assert_exit(0).json();
    let jsonl = machine.run(&["explain", "400203", "dns", "-o", "jsonl"]).assert_exit(0);

    assert_eq!((&json[0]["key"], &json[0]["ours"]), (&"400203".into(), &true.into()));
    assert_eq!(json[0]["name"], "NoLinkedIotHub");
    assert_eq!((&json[1]["exitCode"], &json[1]["atFault"]), (&3.into(), &"network".into()));
    assert_eq!(json[1]["result"], "PROV_DEVICE_RESULT_TRANSPORT");
    for member in ["title", "meaning"] {
        assert!(json[0][member].is_string(), "{member}");
    }
    for member in ["causes", "remedies", "rules"] {
        assert!(!json[0][member].as_array().unwrap().is_empty(), "{member}");
    }
    let lines: Vec<serde_json::Value> =
        jsonl.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(serde_json::Value::from(lines), json);
}

#[test]
fn what_is_not_known_exits_2_with_near_matches() {
    let machine = Machine::new();

    let near = machine.run(&["explain", "401002", "tls-expird"]).assert_exit(2);
    let far = machine.run(&["explain", "xyzzy"]).assert_exit(2);

    assert_eq!(near.stdout, "");
    assert!(near.stderr.contains("tls-expird") && near.stderr.contains("tls-expired"));
    assert!(far.stderr.contains("provision-sim explain"), "{}", far.stderr);
}

/// What the C SDK's sample prints of a device whose key is wrong, twice.
const LOG: &str = "Provisioning Status: PROV_DEVICE_REG_STATUS_CONNECTED\r\n\
    Error: Time:Sun Nov 22 20:56:43 2026 File:/s/prov_device_ll_client.c Func:f Line:660 Unsuccessful json encountered: {\"errorCode\":401002,\"message\":\"x\"}\r\n\
    Error: Func:g Line:979 Unable to process registration reply.\r\n\
    Failure registering device: PROV_DEVICE_RESULT_DEV_AUTH_ERROR\r\n\
    Error: Func:f Line:660 Unsuccessful json encountered: {\"errorCode\":401002,\"message\":\"x\"}\r\n\
    connect: Connection refused sig=c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA=\r\n";

#[test]
fn j_243_a_whole_log_is_told_in_order_from_a_pipe_and_from_a_file() {
    let machine = Machine::new();
    let file = machine.file("device.log", LOG);
    let file = format!("@{}", file.display());

    let piped = machine.run_with(&["explain", "-"], &[], LOG).assert_exit(0);
    let read = machine.run(&["explain", &file]).assert_exit(0);
    let json = machine.run_with(&["explain", "-", "-o", "json"], &[], LOG).assert_exit(0).json();
    let given = machine.run(&["explain", LOG]).assert_exit(0);

    let heads: Vec<_> = piped.stdout.lines().filter(|line| line.starts_with("line ")).collect();
    assert!(heads[0].starts_with("line 2, and 1 more (Azure IoT SDK for C): Error: "), "{heads:?}");
    assert!(heads[1].starts_with("line 6 (Azure IoT SDK for C): connect: "), "{heads:?}");
    assert!(piped.stdout.contains("\n401002 Unauthorized: "), "{}", piped.stdout);
    assert!(piped.stdout.contains("\nrefused "), "{}", piped.stdout);
    assert!(!piped.stdout.contains("c2Vj"), "{}", piped.stdout);
    assert_eq!((&piped.stdout, &piped.stdout), (&read.stdout, &given.stdout));
    assert_eq!((&json[0]["line"], &json[0]["times"]), (&2.into(), &2.into()));
    assert_eq!(json[1]["entries"][0]["key"], "refused");
}

#[test]
fn j_243_a_log_that_says_nothing_tells_what_to_look_for() {
    let machine = Machine::new();

    let ran = machine.run_with(&["explain", "-"], &[], "all is well\n\nstill\n").assert_exit(2);
    let named = machine.run(&["explain", "xyzzy"]).assert_exit(2);
    let file = machine.file("a.log", "x");
    let file = machine.run(&["explain", file.to_str().unwrap()]).assert_exit(2);

    assert!(ran.stderr.contains("3 lines speak of no failure"), "{}", ran.stderr);
    for told in [&ran.stderr, &named.stderr] {
        assert!(told.contains("look for lines with `errorCode`"), "{told}");
    }
    assert!(file.stderr.contains("give @"), "{}", file.stderr);
}
