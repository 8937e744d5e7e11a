//! `serve --admin-port`: what the service has seen, from another terminal.

use std::net::TcpListener;

use serde_json::Value;

use crate::support::cli::{HUB, Machine, get};

const TOASTER: [&str; 4] = ["register", "--local", "--reg-id", "contoso-toaster-007"];

#[test]
fn the_ready_line_and_local_json_say_where_the_journal_can_be_read() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s", "--admin-port", "0"]);
    let admin = serve.ready["admin"].as_str().unwrap().to_owned();

    machine.run(&[&TOASTER[..], &["--payload", r#"{"a":1}"#]].concat()).assert_exit(0);
    let event = serve.event();
    let journal = get(&admin, "/journal");

    assert!(admin.starts_with("127.0.0.1:"), "{admin}");
    let local = std::fs::read(machine.path("state/provision-sim/local.json")).unwrap();
    let local: Value = serde_json::from_slice(&local).unwrap();
    assert_eq!(local["admin"], *admin);
    assert_eq!(get(&admin, "/healthz")["status"], "ok");
    let entry = &journal[0];
    assert_eq!((&entry["status"], &entry["assignedHub"]), (&"assigned".into(), &HUB.into()));
    assert_eq!(entry["payload"], r#"{"a":1}"#);
    assert_eq!(entry["webhook"]["attempts"][0]["status"], 200);
    assert!(entry["webhook"]["url"].as_str().unwrap().ends_with("/api/HttpTrigger1?****"));
    for member in ["registrationId", "operationId", "status", "assignedHub", "errorCode", "ms"] {
        assert_eq!(event[member], entry[member], "the event is a view of the entry");
    }
}

#[test]
fn a_management_port_that_is_taken_exits_2_and_says_so() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let ports = ["--mqtt-port", "0", "--https-port", "0", "--admin-port", &port];
    let ran = machine.run(&[&["serve"][..], &ports].concat()).assert_exit(2);

    assert!(ran.stderr.contains("management") && ran.stderr.contains(&port), "{}", ran.stderr);
    assert!(ran.stderr.contains("--admin-port 0"), "{}", ran.stderr);
}

#[test]
fn verbose_shows_the_conversation_and_no_function_key() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s", "-v"]);

    machine.run(&[&TOASTER[..], &["--payload", r#"{"a":1}"#]].concat()).assert_exit(0);

    let stranger = ["--device-key", "c3RyYW5nZXI=", "--payload", r#"{"b":2}"#];
    machine.run(&[&TOASTER[..], &stranger].concat()).assert_exit(4);

    let log = serve.log_with("refused with 401");
    for line in [
        r#"contoso-toaster-007: registers at ID scope 0ne00002193 over MQTT"#,
        r#"payload {"a":1}"#,
        "contoso-toaster-007: webhook asked: POST http://127.0.0.1:",
        "/api/HttpTrigger1?**** {\"enrollmentGroup\":",
        "contoso-toaster-007: webhook answered after ",
        &format!(r#"200 {{"iotHubHostName":"{HUB}"}}"#),
        "contoso-toaster-007: asks for the result of 5.",
        "contoso-toaster-007: is told that it is assigned",
        r#"payload {"b":2}"#,
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(!log.contains("code="), "{log}");
}
