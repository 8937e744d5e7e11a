//! `diagnose` against our service, and against everything else that may answer in its place.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use provision_sim::net::crypto;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::support::certificate::Issue;
use crate::support::cli::{HUB, Machine, Ran, Serve, TUTORIAL_KEY};
use crate::support::scripted::{Script, Server};

const LOCAL: [&str; 6] = ["diagnose", "--local", "-o", "json", "--reg-id", "contoso-toaster-007"];
/// Enough for a server that answers, and what those that do not answer cost.
const SOON: &str = "1500ms";
const CHECKS: [&str; 11] = [
    "id-scope",
    "reg-id",
    "identity",
    "dns",
    "tcp-mqtt",
    "tcp-https",
    "tls-mqtt",
    "tls-https",
    "clock",
    "connect",
    "register",
];

/// What the checks said.
struct Diagnosis {
    ran: Ran,
    checks: Value,
}

impl Diagnosis {
    #[track_caller]
    fn of(ran: Ran) -> Self {
        let checks = ran.json();
        Self { ran, checks }
    }

    #[track_caller]
    fn assert_exit(self, exit: i32) -> Self {
        assert_eq!(self.ran.exit, exit, "{:#}", self.checks);
        self
    }

    fn check(&self, name: &str) -> &Value {
        let checks = self.checks.as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap()
    }

    /// That a check ended like this and says this.
    #[track_caller]
    fn assert(&self, name: &str, status: &str, says: &str) -> &Self {
        let check = self.check(name);
        assert_eq!(check["status"], status, "{check:#}");
        assert!(check["finding"].as_str().unwrap().contains(says), "{says:?}: {check:#}");
        let has_advice = check["advice"].is_string();
        assert!(has_advice || !["warn", "fail"].contains(&status), "no advice: {check:#}");
        self
    }
}

/// A port on which nothing listens.
fn closed_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// Diagnoses whatever listens at `address` in place of DPS.
fn diagnose_at(machine: &Machine, address: SocketAddr, ca: &Path, more: &[&str]) -> Diagnosis {
    let (host, https) = (address.to_string(), closed_port());
    let base = [
        "diagnose",
        "-o",
        "json",
        "--id-scope",
        "0ne00002193",
        "--reg-id",
        "contoso-toaster-007",
        "--group-key",
        TUTORIAL_KEY,
        "--timeout",
        SOON,
        "--host",
        &host,
        "--https-port",
        &https,
        "--ca-file",
        ca.to_str().unwrap(),
    ];
    Diagnosis::of(machine.run(&[&base[..], more].concat()))
}

fn diagnose_server(server: &Server) -> Diagnosis {
    let machine = Machine::new();
    let ca = machine.file("ca.pem", server.ca_pem());
    diagnose_at(&machine, server.address(), &ca, &[])
}

fn address(serve: &Serve) -> SocketAddr {
    serve.mqtt().parse().unwrap()
}

#[test]
fn where_all_is_well_every_check_says_so_and_the_device_is_registered() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);

    let diagnosis = Diagnosis::of(machine.run(&LOCAL)).assert_exit(0);

    let checks = diagnosis.checks.as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(names, CHECKS);
    for check in checks {
        assert_eq!(check["status"], "ok", "{check:#}");
        let members: Vec<_> = check.as_object().unwrap().keys().collect();
        assert_eq!(members, ["check", "status", "finding", "advice", "ms"]);
        assert!(check["ms"].is_u64());
    }
    diagnosis.assert("register", "ok", HUB).assert("tls-mqtt", "ok", "issued by CN=provision-sim");
    assert_eq!(serve.event()["status"], "assigned");
}

#[test]
fn no_register_stops_before_it_and_jsonl_is_a_line_for_each_check() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);
    let arguments = ["diagnose", "--local", "-o", "jsonl", "--reg-id", "a", "--no-register"];

    let ran = machine.run(&arguments).assert_exit(0);
    machine.run(&["register", "--local", "--reg-id", "contoso-toaster-007"]).assert_exit(0);

    let lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), CHECKS.len());
    assert_eq!(lines[10]["status"], "skip");
    assert_eq!(serve.event()["registrationId"], "contoso-toaster-007", "the first of all");
}

#[test]
fn text_is_a_line_for_each_check_and_its_advice_below_it() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let arguments = ["diagnose", "--local", "--reg-id", "Pump-0042", "--no-register"];

    let ran = machine.run(&arguments).assert_exit(0);

    assert!(
        ran.stdout.starts_with("ok   id-scope   0ne00002193\nwarn reg-id     Pump-0042 has upper")
    );
    assert!(ran.stdout.lines().nth(2).unwrap().starts_with("                try: keep to one"));
    assert!(!ran.stdout.contains("oiK77"), "never a key: {}", ran.stdout);
}

#[test]
fn d_2_a_group_key_given_as_device_key_is_named() {
    let machine = Machine::new();
    let _serve = machine.serve(&[]);
    let other =
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
    let with = |key| Diagnosis::of(machine.run(&[&LOCAL[..], &["--device-key", key]].concat()));

    let tutorial = with(TUTORIAL_KEY).assert_exit(4);
    let unknown = with(other).assert_exit(4);

    tutorial.assert("identity", "fail", "is the tutorial's group key").assert(
        "connect",
        "ok",
        "CONNACK 0",
    );
    tutorial.assert("register", "fail", "is the tutorial's group key");
    unknown.assert("identity", "warn", "has 64 bytes, as group keys have");
    unknown.assert("register", "fail", "401000").assert("register", "fail", "has 64 bytes");
}

#[test]
fn d_3_the_key_of_another_device_is_named() {
    let machine = Machine::new();
    let _serve = machine.serve(&[]);
    let with = |key| Diagnosis::of(machine.run(&[&LOCAL[..], &["--device-key", key]].concat()));

    let misprint = with("JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=").assert_exit(4);
    let heat_pump = with("NI9dUEI2tga168Qi1U/HKuMmFHewrvaqI1MPTEU1A5w=").assert_exit(4);

    misprint.assert("identity", "fail", "belongs to breakroom499-contoso-tstrsd-007");
    heat_pump.assert("identity", "ok", "32 bytes").assert("register", "fail", "another device's");
}

/// J-116.
#[test]
fn a_6_an_unknown_id_scope_is_named_at_connect() {
    let machine = Machine::new();
    let _serve = machine.serve(&[]);

    let diagnosis =
        Diagnosis::of(machine.run(&[&LOCAL[..], &["--id-scope", "0neFFFFFFFF"]].concat()))
            .assert_exit(5);

    diagnosis.assert("connect", "fail", "does not know the ID scope 0neFFFFFFFF");
    diagnosis.assert("register", "skip", "");
}

#[test]
fn g_6_a_webhook_that_refuses_the_device_is_named() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let arguments = ["diagnose", "--local", "-o", "json", "--reg-id", "contoso-heatpump-088"];

    let diagnosis = Diagnosis::of(machine.run(&arguments)).assert_exit(5);

    diagnosis.assert("register", "fail", "the enrollment's webhook answered 400");
}

#[test]
fn f_4_a_disabled_enrollment_is_named() {
    let machine = Machine::new();
    let config = machine.file(
        "dps.toml",
        &format!(
            r#"
                idScope = "0ne00002193"
                retry-after = "0s"
                linkedHubs = ["{HUB}"]
                [[enrollmentGroups]]
                enrollmentGroupId = "retired"
                provisioningStatus = "disabled"
                attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{TUTORIAL_KEY}" }} }}
            "#
        ),
    );
    let _serve = machine.serve(&["--config", config.to_str().unwrap()]);

    let diagnosis =
        Diagnosis::of(machine.run(&[&LOCAL[..], &["--group-key", TUTORIAL_KEY]].concat()))
            .assert_exit(5);

    diagnosis.assert("register", "fail", "the device's enrollment is disabled");
}

#[test]
fn the_port_of_https_and_a_port_of_nothing_are_named_as_the_wrong_ports() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let ca = serve.ca_file().to_owned();
    let nothing = format!("127.0.0.1:{}", closed_port()).parse().unwrap();

    let https = diagnose_at(&machine, serve.https().parse().unwrap(), &ca, &[]).assert_exit(5);
    let nothing = diagnose_at(&machine, nothing, &ca, &[]).assert_exit(3);

    https.assert("connect", "fail", "does not speak MQTT").assert(
        "connect",
        "fail",
        "is no MQTT service",
    );
    https.assert("tcp-https", "warn", "connection refused");
    nothing.assert("tcp-mqtt", "fail", "connection refused").assert("tls-mqtt", "skip", "");
}

#[test]
fn a_name_without_an_address_ends_at_dns() {
    let machine = Machine::new();
    let arguments = [
        "diagnose",
        "-o",
        "json",
        "--id-scope",
        "0ne00002193",
        "--reg-id",
        "a",
        "--group-key",
        TUTORIAL_KEY,
        "--host",
        "dps.invalid",
        "--timeout",
        "20s",
    ];
    // Nothing is trusted there, but there is nobody to be trusted either.
    let ca = machine.file("ca.pem", Issue::default().make().ca_pem());

    let diagnosis = Diagnosis::of(
        machine.run(&[&arguments[..], &["--ca-file", ca.to_str().unwrap()]].concat()),
    );

    diagnosis.assert_exit(3).assert("dns", "fail", "dps.invalid").assert("tcp-mqtt", "skip", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_tcp_server_that_says_nothing_is_named() {
    let server = Server::start([Script::plain()]).await;

    let diagnosis = diagnose_server(&server).assert_exit(6);

    diagnosis.assert("tls-mqtt", "fail", "did not answer the TLS handshake");
    diagnosis.assert("tls-mqtt", "fail", "without TLS it says nothing either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_http_without_tls_is_named() {
    let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let server = Server::start([Script::plain().bytes(http)]).await;

    let diagnosis = diagnose_server(&server).assert_exit(3);

    diagnosis.assert("tls-mqtt", "fail", "does not speak TLS");
    diagnosis.assert("tls-mqtt", "fail", "it speaks HTTP without TLS");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_named_with_its_dates() {
    let certificate = Issue { not_after: 2020, ..Issue::default() }.make();
    let server = Server::start_as(certificate, [Script::new()]).await;

    let diagnosis = diagnose_server(&server).assert_exit(3);

    diagnosis.assert("tls-mqtt", "fail", "the server's certificate expired");
    diagnosis.assert("tls-mqtt", "fail", "to 2020-01-01");
    diagnosis.assert("clock", "warn", "by this machine's clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_named_with_its_names() {
    let certificate = Issue { names: vec!["hub-west.example"], ..Issue::default() }.make();
    let server = Server::start_as(certificate, [Script::new()]).await;

    let diagnosis = diagnose_server(&server).assert_exit(3);

    diagnosis.assert("tls-mqtt", "fail", "is not for 127.0.0.1");
    diagnosis.assert("tls-mqtt", "fail", "its own for hub-west.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_authority_is_named_with_its_name() {
    let server = Server::start([Script::new()]).await;
    let machine = Machine::new();
    let ca = machine.file("ca.pem", Issue::default().make().ca_pem());

    let diagnosis = diagnose_at(&machine, server.address(), &ca, &[]).assert_exit(3);

    diagnosis.assert("tls-mqtt", "fail", "not signed by a trusted authority");
    diagnosis.assert("tls-mqtt", "fail", "issued by CN=scripted test CA");
    // The file is the cause: what it holds is told, and no other is asked for.
    diagnosis.assert("tls-mqtt", "fail", "ca.pem holds CN=scripted test CA, which did not sign");
    let advice = diagnosis.check("tls-mqtt")["advice"].as_str().unwrap();
    assert!(!advice.contains("give its CA") && !advice.contains("sim diagnose"), "{advice}");
    diagnosis.assert("connect", "skip", "trusted");
}

/// J-115.
#[test]
fn d_2_a_clock_two_hours_off_is_named_by_the_servers_date() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let ca = serve.ca_file().to_owned();
    let diagnose = |https: u16, more: &[&str]| {
        let https = https.to_string();
        let more = [&["--https-port", https.as_str()], more].concat();
        diagnose_with_https(&machine, address(&serve), &ca, &more)
    };
    let now = SystemTime::now();
    let two_hours = Duration::from_secs(2 * 3600 + 30);

    let behind = diagnose(telling_the_time(now + two_hours), &[]).assert_exit(4);
    let ahead = diagnose(telling_the_time(now - two_hours), &["--no-register"]).assert_exit(0);

    behind.assert("clock", "fail", "this machine's clock is 2 h").assert("clock", "fail", "behind");
    ahead.assert("clock", "warn", "this machine's clock is 2 h").assert("clock", "warn", "ahead");
}

/// As [`diagnose_at`], but the port of HTTPS is among `more`.
fn diagnose_with_https(
    machine: &Machine,
    address: SocketAddr,
    ca: &Path,
    more: &[&str],
) -> Diagnosis {
    let host = address.to_string();
    let base = [
        "diagnose",
        "-o",
        "json",
        "--id-scope",
        "0ne00002193",
        "--reg-id",
        "contoso-toaster-007",
        "--group-key",
        TUTORIAL_KEY,
        "--host",
        &host,
        "--ca-file",
        ca.to_str().unwrap(),
    ];
    Diagnosis::of(machine.run(&[&base[..], more].concat()))
}

/// An HTTPS server whose clock stands at `time`. Its port.
fn telling_the_time(time: SystemTime) -> u16 {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let config = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let session = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(session, tcp.unwrap());
            // A client that only connects, or does not trust the certificate, asks nothing.
            if !stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                continue;
            }
            let date = httpdate::fmt_http_date(time);
            let answer =
                format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            let _ = stream.flush();
        }
    });
    port
}

/// J-116.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_port_whose_packets_are_swallowed_is_named() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // With as many connections waiting as may wait, Linux drops what comes after them.
    let mut waiting = Vec::new();
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(500))
    {
        waiting.push(stream);
    }
    let machine = Machine::new();
    let ca = machine.file("ca.pem", Issue::default().make().ca_pem());

    let diagnosis = diagnose_at(&machine, address, &ca, &[]).assert_exit(6);

    diagnosis.assert("tcp-mqtt", "fail", "nothing answered the TCP connection");
    diagnosis.assert("tcp-mqtt", "fail", "more connections waiting").assert("tls-mqtt", "skip", "");
}
