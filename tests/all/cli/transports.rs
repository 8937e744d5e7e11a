//! `register` by every transport, and through a network that does not let everything through.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::cli::{GROUP_NOTE, HUB, Machine, Ran, Serve, TUTORIAL_KEY};

const TOASTER: [&str; 4] = ["register", "--local", "--reg-id", "contoso-toaster-007"];
const AZURE: &str = "global.azure-devices-provisioning.net";

/// A port of this machine at which nothing listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The toaster, for Azure's name.
fn azure_toaster<'a>(serve: &'a Serve, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["register", "--id-scope", "0ne00002193", "--reg-id", "contoso-toaster-007"];
    let ca_file = serve.ca_file().to_str().unwrap();
    [&base[..], &["--group-key", TUTORIAL_KEY, "--ca-file", ca_file], more].concat()
}

/// What is told, but for how long it took.
fn lines(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["event"] != "phase").collect()
}

#[test]
fn every_transport_prints_the_same_and_finds_the_local_service() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let by = |transport| machine.run(&[&TOASTER[..], &["--transport", transport]].concat());

    let expected = by("mqtt").assert_exit(0).stdout;

    assert!(expected.contains(HUB));
    for transport in ["mqtt-ws", "https", "amqp", "amqp-ws", "auto"] {
        let ran = by(transport).assert_exit(0);
        assert_eq!(
            (ran.stdout, ran.stderr),
            (expected.clone(), GROUP_NOTE.to_owned()),
            "{transport}"
        );
    }
}

#[test]
fn auto_says_what_the_network_lets_through() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let closed = format!("{AZURE}:8883:127.0.0.1:{}", closed_port());
    let open = format!("{AZURE}:443:{}", serve.https());
    let more = ["--transport", "auto", "--connect-to", &closed, "--connect-to", &open];
    let arguments = azure_toaster(&serve, &more);

    let text = machine.run(&arguments).assert_exit(0);
    let jsonl = machine.run(&[&arguments[..], &["-o", "jsonl"]].concat()).assert_exit(0);

    assert!(text.stderr.contains("mqtt does not get through: "), "{}", text.stderr);
    assert!(text.stderr.contains("the network lets mqtt-ws through"), "{}", text.stderr);
    let events = lines(&jsonl);
    assert_eq!(
        (&events[0]["event"], &events[0]["transport"]),
        (&json!("transport"), &json!("mqtt"))
    );
    assert_eq!(events[0]["works"], false);
    assert!(events[0]["reason"].as_str().unwrap().contains("connection refused"), "{events:?}");
    assert_eq!(events[1], json!({ "event": "transport", "transport": "mqtt-ws", "works": true }));
    assert_eq!(events[2], json!({ "event": "connected" }));
}

#[test]
fn where_no_transport_gets_through_each_is_listed_and_it_exits_3() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let nowhere = format!("::127.0.0.1:{}", closed_port());
    let arguments =
        azure_toaster(&serve, &["--transport", "auto", "--connect-to", &nowhere, "-o", "json"]);

    let error = &machine.run(&arguments).assert_exit(3).json()["error"];

    assert_eq!((&error["kind"], &error["exitCode"]), (&json!("transport"), &json!(3)));
    let message = error["message"].as_str().unwrap();
    for transport in
        ["mqtt: cannot", "mqtt-ws: cannot", "https: cannot", "amqp: cannot", "amqp-ws: cannot"]
    {
        assert!(message.contains(transport), "{message}");
    }
}

#[test]
fn a_wrong_scope_over_https_and_amqp_exits_5_and_names_the_scope() {
    let machine = Machine::new();
    let _serve = machine.serve(&[]);

    for transport in ["https", "amqp", "amqp-ws"] {
        let more = ["--transport", transport, "--id-scope", "0neFFFFFFFF"];
        let ran = machine.run(&[&TOASTER[..], &more].concat()).assert_exit(5);

        assert!(ran.stderr.contains("does not know the ID scope 0neFFFFFFFF"), "{}", ran.stderr);
    }
}

#[test]
fn over_amqp_a_wrong_key_exits_4_and_what_the_webhook_refuses_5() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let wrong = ["--device-key", "AAAAAAAAAAAAAAAAAAAAAA=="];

    for (transport, host) in [("amqp", serve.amqp()), ("amqp-ws", serve.https())] {
        let more = ["--transport", transport];
        let ran = machine.run(&[&TOASTER[..], &wrong, &more].concat()).assert_exit(4);
        assert!(ran.stderr.contains("code: 401002"), "{}", ran.stderr);
        let heatpump = ["register", "--local", "--reg-id", "contoso-heatpump-088"];
        let ran = machine.run(&[&heatpump[..], &more].concat()).assert_exit(5);
        assert!(ran.stderr.contains("code: 400207"), "{}", ran.stderr);
        // Whoever gives a host with a port means that port.
        let arguments = azure_toaster(&serve, &["--transport", transport, "--host", host]);
        machine.run(&arguments).assert_exit(0);
    }
}

#[test]
fn over_amqp_the_port_of_another_protocol_is_named() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let at = |host: &str| {
        let arguments = azure_toaster(&serve, &["--transport", "amqp", "--host", host]);
        machine.run(&arguments)
    };

    let https = at(serve.https()).assert_exit(5);
    assert!(https.stderr.contains("does not speak AMQP 1.0"), "{}", https.stderr);
    assert!(https.stderr.contains("DPS speaks AMQP on port 5671"), "{}", https.stderr);
    let mqtt = at(serve.mqtt()).assert_exit(3);
    assert!(mqtt.stderr.contains("instead of answering AMQP's header"), "{}", mqtt.stderr);
}

#[test]
fn status_looks_a_registration_up_over_amqp_too() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let status = |transport| {
        let base = ["status", "--local", "--reg-id", "contoso-toaster-007"];
        machine.run(&[&base[..], &["--transport", transport]].concat())
    };

    let never = status("amqp").assert_exit(5);
    assert!(never.stderr.contains("404202"), "{}", never.stderr);
    machine.run(&TOASTER).assert_exit(0);
    let expected = status("https").assert_exit(0).stdout;
    for transport in ["amqp", "amqp-ws"] {
        assert_eq!(status(transport).assert_exit(0).stdout, expected);
    }
}

#[test]
fn an_ipv6_literal_works_on_every_transport() {
    let machine = Machine::new();
    let serve = machine.serve(&["--bind", "::1", "--retry-after", "0s"]);

    for (transport, host) in [
        ("mqtt", serve.mqtt()),
        ("mqtt-ws", serve.https()),
        ("https", serve.https()),
        ("amqp", serve.amqp()),
        ("amqp-ws", serve.https()),
    ] {
        assert!(host.starts_with("[::1]:"), "{host}");
        let arguments = azure_toaster(&serve, &["--transport", transport, "--host", host]);
        machine.run(&arguments).assert_exit(0);
    }
    machine.run(&[&TOASTER[..], &["--transport", "auto"]].concat()).assert_exit(0);
}

#[test]
fn a_proxy_of_the_environment_is_used_but_not_for_this_machine() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let proxy = format!("http://user:secret@127.0.0.1:{}", closed_port());
    let variables = [("HTTPS_PROXY", proxy.as_str())];
    let azure = azure_toaster(&serve, &["--timeout", "20s"]);
    let here = azure_toaster(&serve, &["--host", serve.mqtt()]);

    let refused = machine.run_with(&azure, &variables, "").assert_exit(3);
    machine.run_with(&TOASTER, &variables, "").assert_exit(0);
    machine.run_with(&here, &variables, "").assert_exit(0);
    let given = machine.run(&[&here[..], &["--proxy", &proxy]].concat()).assert_exit(3);

    for ran in [refused, given] {
        assert!(ran.stderr.contains("error: the proxy 127.0.0.1:"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    }
}

#[test]
fn a_silent_proxy_exits_6_and_is_named() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    // The system takes connections for it; nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let proxy = format!("http://user:secret@{address}");

    let arguments = azure_toaster(&serve, &["--proxy", &proxy, "--timeout", "1s"]);
    let ran = machine.run(&arguments).assert_exit(6);

    assert!(ran.stderr.contains("the proxy did not answer CONNECT"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("the proxy http://{address} is silent")),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn j_106_local_fills_in_the_ports_of_a_host_without_one() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);

    for transport in ["mqtt", "mqtt-ws", "https", "amqp", "amqp-ws"] {
        let more = ["--host", "localhost", "--transport", transport];
        machine.run(&[&TOASTER[..], &more].concat()).assert_exit(0);
    }
}

#[test]
fn an_empty_proxy_is_none() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let route = format!("{AZURE}:8883:{}", serve.mqtt());
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    let arguments = azure_toaster(&serve, &["--connect-to", &route, "--proxy", ""]);

    machine.run_with(&arguments, &[("ALL_PROXY", &nobody)], "").assert_exit(0);
}

#[test]
fn a_bad_proxy_or_connect_to_exits_2_and_never_shows_a_password() {
    let machine = Machine::new();
    let base = ["register", "--host", "dps.invalid", "--id-scope", "0ne1", "--reg-id", "a"];
    let base = [&base[..], &["--device-key", "AAAAAAAAAAAAAAAAAAAAAA=="]].concat();
    for (more, text) in [
        (["--proxy", "socks5://u:secret@p:1"], "--proxy: it is a socks5:// proxy; only http://"),
        (["--proxy", "https://p:1"], "--proxy: it is a https:// proxy; only http://"),
        (["--proxy", "http://u:secret@p:x"], "--proxy: expected http://[USER:PASSWORD@]HOST"),
        (["--connect-to", "a:1:b"], "expected HOST:PORT:ADDR:PORT"),
        (["--transport", "coap"], "--transport"),
    ] {
        let ran = machine.run(&[&base[..], &more].concat()).assert_exit(2);

        assert!(ran.stderr.contains(text), "{}", ran.stderr);
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    }
    let variables = [("ALL_PROXY", "socks5://u:secret@p:1")];
    let ran = machine.run_with(&base, &variables, "").assert_exit(2);
    // On Windows the names of variables have no case, and the first that is looked for is found.
    let name = if cfg!(windows) { "all_proxy" } else { "ALL_PROXY" };
    let said = format!("{name}: it is a socks5:// proxy");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn a_client_at_the_port_of_another_protocol_is_told_of_in_the_log() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let port = |member: &str| {
        let address = serve.ready[member].as_str().unwrap();
        address.rsplit(':').next().unwrap().to_owned()
    };
    let at = |port: &str, transport: &str| {
        let host = format!("localhost:{port}");
        let more = ["--host", &host, "--transport", transport, "--timeout", "5s"];
        assert!(!machine.run(&azure_toaster(&serve, &more)).stderr.is_empty());
    };

    at(&port("mqtt"), "https");
    serve.log_with("speaks HTTP; this is MQTT's port");
    at(&port("https"), "mqtt");
    serve.log_with("does not speak HTTP");
}
