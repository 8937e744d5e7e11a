//! `serve --gateway-port`: where it is, who is led through it, and what is said of the others.

use std::net::TcpListener;

use crate::support::cli::{HUB, Machine, Serve};
use crate::support::keys::SIMULATED_KEY;

const DPS: &str = "global.azure-devices-provisioning.net";

/// A device that knows Azure's names alone, and this proxy.
fn through<'a>(serve: &'a Serve, proxy: &'a str, host: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let ca = serve.ca_file().to_str().unwrap();
    let device = ["register", "--reg-id", "my-device", "--group-key", SIMULATED_KEY];
    let service = ["--host", host, "--id-scope", "0ne00002193", "--ca-file", ca, "--proxy", proxy];
    [&device[..], &service, more].concat()
}

#[test]
fn j_187_a_device_with_azures_names_gets_through_to_dps_and_hub_on_every_transport() {
    let machine = Machine::new();
    let serve = machine.serve(&["--gateway-port", "0", "--retry-after", "0s"]);
    let gateway = serve.ready["gateway"].as_str().unwrap();
    assert!(gateway.starts_with("127.0.0.1:"), "{gateway}");
    let proxy = format!("http://{gateway}");

    for transport in ["mqtt", "mqtt-ws", "https"] {
        let arguments = through(&serve, &proxy, DPS, &["--transport", transport, "--connect"]);
        let ran = machine.run(&arguments).assert_exit(0);
        assert!(ran.stdout.contains(&format!("Connected to hub {HUB}")), "{}", ran.stdout);
    }
    let local = std::fs::read_to_string(machine.path("state/provision-sim/local.json")).unwrap();
    let local: serde_json::Value = serde_json::from_str(&local).unwrap();
    assert_eq!(local["gateway"], gateway);
}

#[test]
fn j_188_what_is_refused_is_told_to_the_client_and_in_the_log() {
    let machine = Machine::new();
    let serve = machine.serve(&["--gateway-port", "0"]);
    let proxy = format!("http://{}", serve.ready["gateway"].as_str().unwrap());

    let ran = machine
        .run(&through(&serve, &proxy, "dps.example.com", &["--timeout", "20s"]))
        .assert_exit(3);

    let told =
        "it opened no tunnel to dps.example.com:8883: status 403 (Not led through by this gateway)";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    serve.log_with("dps.example.com:8883 is not this service: the gateway leads the names of DPS");
}

#[test]
fn a_gateways_port_is_had_or_refused_and_to_be_open_there_must_be_one() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let serve = ["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0"];

    let refused = machine.run(&[&serve[..], &["--gateway-port", &port]].concat()).assert_exit(2);
    let alone = machine.run(&[&serve[..], &["--gateway-open"]].concat()).assert_exit(2);
    let word = machine.run(&[&serve[..], &["--gateway-port", "free"]].concat()).assert_exit(2);

    assert!(refused.stderr.contains("for the gateway"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--gateway-port 0 picks a free one"), "{}", refused.stderr);
    assert!(alone.stderr.contains("--gateway-port"), "{}", alone.stderr);
    assert!(word.stderr.contains("--gateway-port"), "{}", word.stderr);
}

#[test]
fn a_socks_proxy_for_our_own_device_is_refused_by_name() {
    let machine = Machine::new();
    let serve = machine.serve(&["--gateway-port", "0"]);
    let proxy = format!("socks5://{}", serve.ready["gateway"].as_str().unwrap());

    let ran = machine.run(&through(&serve, &proxy, DPS, &[])).assert_exit(2);

    assert!(ran.stderr.contains("only http:// proxies are known"), "{}", ran.stderr);
}
