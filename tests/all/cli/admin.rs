//! `serve --admin-port`: what the service has seen, from another terminal.

use std::net::TcpListener;

use serde_json::Value;

use crate::support::cli::{HUB, Machine, Serve, ask, get};

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
fn j_210_a_management_port_that_was_asked_for_and_is_taken_exits_2_and_says_so() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let ports =
        ["--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "--admin-port", &port];
    let ran = machine.run(&[&["serve"][..], &ports].concat()).assert_exit(2);

    assert!(ran.stderr.contains("management") && ran.stderr.contains(&port), "{}", ran.stderr);
    assert!(ran.stderr.contains("--admin-port 0"), "{}", ran.stderr);
}

#[test]
fn j_210_a_listener_whose_port_was_not_asked_for_goes_elsewhere_and_says_so() {
    let machine = Machine::new();
    // Taken here, or by another: either way the service does not get them.
    let _taken = [8883, 8880].map(|port| TcpListener::bind(("127.0.0.1", port)));

    let serve = Serve::start(machine.command().args(["serve", "-o", "json"]), &machine);

    let log = serve.log_with("not at 127.0.0.1:8880");
    assert!(log.contains("not at 127.0.0.1:8883: another program"), "{log}");
    assert!(log.contains("--mqtt-port 0 is silent about it"), "{log}");
    let admin = serve.ready["admin"].as_str().unwrap();
    assert!(!serve.mqtt().ends_with(":8883") && !admin.ends_with(":8880"), "{:?}", serve.ready);
    assert_eq!(get(admin, "/healthz")["mqtt"], serve.mqtt());
    machine.run(&[&TOASTER[..], &["--timeout", "30s"]].concat()).assert_exit(0);
}

#[test]
fn the_ca_is_written_where_others_can_read_it_before_the_service_says_that_it_is_ready() {
    let machine = Machine::new();
    let (out, taken) = (machine.path("ca-out.pem"), machine.path("taken"));
    std::fs::write(&out, "of the last run").unwrap();
    std::fs::create_dir(&taken).unwrap();

    let serve = machine.serve(&["--ca-out", out.to_str().unwrap()]);

    let written = std::fs::read(&out).unwrap();
    assert_eq!(written, std::fs::read(serve.ca_file()).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }
    let refused = |path: &str| machine.run(&["serve", "--ca-out", path]).assert_exit(2).stderr;
    let missing = refused(machine.path("no/ca.pem").to_str().unwrap());
    assert!(missing.contains("its folder is not there"), "{missing}");
    let folder = refused(taken.to_str().unwrap());
    assert!(folder.contains("no regular file"), "{folder}");
    serve.end();
    assert_eq!(std::fs::read(&out).unwrap(), written, "it stays");
}

#[test]
fn without_a_management_listener_there_is_none() {
    let machine = Machine::new();

    let serve = machine.serve(&["--admin-port", "none"]);
    let both = ["serve", "--admin-port", "none", "--admin-bind", "127.0.0.1"];
    let refused = machine.run(&both).assert_exit(2);
    let odd = machine.run(&["serve", "--admin-port", "never"]).assert_exit(2);

    assert_eq!(serve.ready["admin"], Value::Null);
    assert!(refused.stderr.contains("there is no management listener"), "{}", refused.stderr);
    assert!(odd.stderr.contains("a port, 0 to 65535, or none"), "{}", odd.stderr);
}

#[test]
fn j_209_neighbours_reach_it_where_it_is_bound_by_the_names_that_were_given_and_are_warned_of() {
    let machine = Machine::new();
    let bind = ["--admin-port", "0", "--admin-bind", "0.0.0.0", "--host-name", "dps"];
    let serve = machine.serve(&bind);
    let admin = serve.ready["admin"].as_str().unwrap().replace("0.0.0.0", "127.0.0.1");

    serve.log_with("has no password: whoever reaches that address can see and change everything");
    let status = |host: &str, more: &str| {
        let answer = ask(&admin, &format!("GET /ca.pem HTTP/1.1\r\nHost: {host}\r\n{more}"));
        answer[9..12].to_owned()
    };
    for host in ["localhost", "dps:8880", "172.17.0.2:8880"] {
        assert_eq!(status(host, ""), "200", "{host}");
    }
    assert_eq!(status("evil.example", ""), "403");
    assert_eq!(status("dps", "Origin: http://dps\r\n"), "200", "its own page");
    assert_eq!(status("dps", "Origin: http://evil.example\r\n"), "403");
    assert_eq!(status("dps", "Sec-Fetch-Site: cross-site\r\n"), "403");
    let reset = "POST /reset HTTP/1.1\r\nContent-Length: 0\r\nHost: dps\r\n";
    let by_page = ask(&admin, &format!("{reset}Origin: http://dps\r\n"));
    assert!(by_page.starts_with("HTTP/1.1 403 "), "{by_page}");
    assert!(ask(&admin, reset).starts_with("HTTP/1.1 204 "), "a program may");
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
