//! `diagnose` by every transport, through proxies, and for devices with certificates.

use std::net::TcpListener;

use provision_sim::pki::{TestCertificate, TestPki};
use serde_json::Value;

use crate::support::cli::{HUB, Machine, Ran, Serve, TUTORIAL_KEY};
use crate::support::proxy::{ConnectProxy, Manner};
use crate::support::x509::{group, signed_by};

const LOCAL: [&str; 4] = ["diagnose", "--local", "-o", "json"];
const AZURE: &str = "global.azure-devices-provisioning.net";

/// A port on which nothing listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Azure's name for the service of `serve`, whose MQTT is at `mqtt`.
fn diagnose_azure(machine: &Machine, serve: &Serve, mqtt: &str, more: &[&str]) -> Ran {
    diagnose_ports(machine, serve, (mqtt, serve.amqp()), more)
}

/// The same, where AMQP may be elsewhere, too.
fn diagnose_ports(
    machine: &Machine,
    serve: &Serve,
    (mqtt, amqp): (&str, &str),
    more: &[&str],
) -> Ran {
    let (mqtt, https) = (format!("{AZURE}:8883:{mqtt}"), format!("{AZURE}:443:{}", serve.https()));
    let amqp = format!("{AZURE}:5671:{amqp}");
    let base = ["diagnose", "-o", "json", "--id-scope", "0ne00002193"];
    let device = ["--reg-id", "contoso-toaster-007", "--group-key", TUTORIAL_KEY];
    let way = ["--connect-to", &mqtt, "--connect-to", &https, "--connect-to", &amqp];
    let trust = ["--ca-file", serve.ca_file().to_str().unwrap()];
    machine.run(&[&base[..], &device, &way, &trust, more].concat())
}

/// That a check ended like this and says this.
#[track_caller]
fn assert_check(ran: &Ran, name: &str, status: &str, says: &str) {
    let checks = ran.json();
    let mut checks = checks.as_array().unwrap().iter();
    let check = checks.find(|check| check["check"] == name).unwrap();
    assert_eq!(check["status"], status, "{check:#}");
    assert!(check["finding"].as_str().unwrap().contains(says), "{says:?}: {check:#}");
}

#[track_caller]
fn assert_all_is_well(ran: &Ran) {
    for check in ran.json().as_array().unwrap() {
        assert_eq!(check["status"], "ok", "{check:#}");
    }
}

#[test]
fn every_transport_is_connected_and_registered_by() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);

    for (transport, says) in [
        ("mqtt-ws", "CONNACK 0"),
        ("https", "judged only by registering"),
        ("amqp", "AMQP's connection stands"),
        ("amqp-ws", "AMQP's connection stands"),
        ("auto", "CONNACK 0"),
    ] {
        let more = ["--reg-id", "contoso-toaster-007", "--transport", transport];
        let ran = machine.run(&[&LOCAL[..], &more].concat()).assert_exit(0);

        assert_all_is_well(&ran);
        assert_check(&ran, "connect", "ok", says);
        assert_check(&ran, "register", "ok", HUB);
    }
}

#[test]
fn a_6_an_unknown_id_scope_is_named_over_websocket_and_https() {
    let machine = Machine::new();
    let _serve = machine.serve(&[]);
    let with = |transport| {
        let more = ["--reg-id", "a", "--id-scope", "0neFFFFFFFF", "--transport", transport];
        machine.run(&[&LOCAL[..], &more].concat()).assert_exit(5)
    };
    let says = "does not know the ID scope 0neFFFFFFFF";

    assert_check(&with("mqtt-ws"), "connect", "fail", says);
    assert_check(&with("https"), "register", "fail", says);
    assert_check(&with("amqp"), "register", "fail", says);
    assert_check(&with("amqp-ws"), "register", "fail", says);
    assert_check(&with("auto"), "connect", "fail", says);
}

#[test]
fn j_117_a_closed_mqtt_port_is_a_failure_for_mqtt_and_a_warning_for_the_others() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let closed = format!("127.0.0.1:{}", closed_port());
    let by = |transport| diagnose_azure(&machine, &serve, &closed, &["--transport", transport]);

    let mqtt = by("mqtt").assert_exit(3);

    assert_check(&mqtt, "dns", "ok", "127.0.0.1 is an address");
    assert_check(&mqtt, "tcp-mqtt", "fail", "connection refused");
    assert_check(&mqtt, "tcp-https", "ok", &format!("(in the place of {AZURE}:443)"));
    for transport in ["mqtt-ws", "https", "amqp", "amqp-ws", "auto"] {
        let ran = by(transport).assert_exit(0);
        assert_check(&ran, "tcp-mqtt", "warn", "connection refused");
        assert_check(&ran, "tls-mqtt", "skip", "");
        assert_check(&ran, "register", "ok", HUB);
    }
}

#[test]
fn j_361_the_port_of_amqp_is_a_failure_for_amqp_a_warning_for_auto_and_nobody_elses_business() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let closed = format!("127.0.0.1:{}", closed_port());
    let by = |transport| {
        let more = ["--transport", transport];
        diagnose_ports(&machine, &serve, (serve.mqtt(), &closed), &more)
    };

    let amqp = by("amqp").assert_exit(3);
    let auto = by("auto").assert_exit(0);
    let mqtt = by("mqtt").assert_exit(0);

    assert_check(&amqp, "tcp-amqp", "fail", "connection refused");
    assert_check(&amqp, "connect", "skip", "");
    assert_check(&auto, "tcp-amqp", "warn", "connection refused");
    assert_check(&auto, "register", "ok", HUB);
    assert!(!mqtt.stdout.contains("tcp-amqp"), "{}", mqtt.stdout);
    let port = closed.rsplit_once(':').unwrap().1;
    let more = ["--reg-id", "contoso-toaster-007", "--transport", "amqp", "--amqp-port", port];
    let elsewhere = machine.run(&[&LOCAL[..], &more].concat()).assert_exit(3);
    assert_check(&elsewhere, "tcp-amqp", "fail", &format!("127.0.0.1:{port}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_go_through_the_proxy_and_its_password_is_not_shown() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let proxy = ConnectProxy::start(Manner::Open(Some("Basic dXNlcjpzZWNyZXQ="))).await;
    let given = format!("http://user:secret@{}", proxy.address());

    let ran = diagnose_azure(&machine, &serve, serve.mqtt(), &["--proxy", &given]).assert_exit(0);

    assert_all_is_well(&ran);
    let stand_in = format!("(the proxy http://{}) takes connections", proxy.address());
    assert_check(&ran, "tcp-mqtt", "ok", &stand_in);
    // Two for TLS, one each for the clock, CONNECT and the registration.
    assert_eq!(proxy.asked().len(), 5, "{:?}", proxy.asked());
    assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_lets_only_https_through_is_named() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let https = serve.https().rsplit_once(':').unwrap().1.parse().unwrap();
    let proxy = ConnectProxy::start(Manner::OnlyTo(https)).await;
    let given = format!("http://{}", proxy.address());
    let by = |transport| {
        let more = ["--proxy", &given, "--transport", transport];
        diagnose_azure(&machine, &serve, serve.mqtt(), &more)
    };

    let mqtt = by("mqtt").assert_exit(3);
    let auto = by("auto").assert_exit(0);

    assert_check(&mqtt, "tls-mqtt", "fail", "it opened no tunnel");
    assert_check(&mqtt, "tls-mqtt", "fail", "many allow only 443");
    assert_check(&auto, "tls-mqtt", "warn", "it opened no tunnel");
    assert_check(&auto, "register", "ok", HUB);
}

#[test]
fn a_proxy_that_is_not_there_is_named_at_tcp() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let proxy = format!("http://user:secret@127.0.0.1:{}", closed_port());

    let ran = diagnose_azure(&machine, &serve, serve.mqtt(), &["--proxy", &proxy]).assert_exit(3);

    assert_check(&ran, "tcp-mqtt", "fail", "the proxy 127.0.0.1:");
    assert_check(&ran, "tcp-mqtt", "fail", "the proxy's name or port is wrong");
    assert!(!ran.stdout.contains("secret"), "{ran:?}");
}

#[test]
fn d_5_a_certificate_is_looked_at_shown_and_where_it_is_refused_told_why() {
    let (machine, pki) = (Machine::new(), TestPki::new().unwrap());
    let world = "idScope = \"0ne00002193\"\nlinkedHubs = [\"hub-west.azure-devices.net\"]\n";
    let enrolled = group("pumps", &signed_by(pki.root().pem()));
    let config = machine.file("world.toml", &format!("{world}{enrolled}"));
    let config = config.to_str().unwrap();
    let _serve = machine.serve(&["--config", config, "--retry-after", "0s"]);
    let diagnose = |made: &TestCertificate| {
        let chain = machine.file("chain.pem", made.chain_pem());
        let key = machine.file("key.pem", &made.key_pem());
        let files = ["--cert", chain.to_str().unwrap(), "--cert-key", key.to_str().unwrap()];
        machine.run(&[&LOCAL[..], &files].concat())
    };
    let id = "pump-0042".parse().unwrap();

    let ours = diagnose(&pki.device(&id).unwrap()).assert_exit(0);
    let stranger = diagnose(&TestPki::new().unwrap().device(&id).unwrap()).assert_exit(4);

    assert_all_is_well(&ours);
    assert_check(&ours, "identity", "ok", "CN=pump-0042, issued by CN=provision-sim test");
    assert_check(&ours, "register", "ok", "hub-west.azure-devices.net");
    assert_check(&stranger, "connect", "ok", "CONNACK 0");
    assert_check(&stranger, "register", "fail", "the chain ends at CN=provision-sim test");
    let all = stranger.json();
    let register: &Value = all.as_array().unwrap().last().unwrap();
    let advice = register["advice"].as_str().unwrap();
    assert!(advice.contains("provision-sim explain ca-not-found"), "{advice}");
}
