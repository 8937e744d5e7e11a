//! The log of `serve`, whatever strangers write into it.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::BytesMut;
use provision_sim::net::{Trust, client_config};
use rumqttc::{Connect, Packet, Publish, QoS, Subscribe, SubscribeFilter};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::support::cli::{Machine, Serve};
use crate::support::service::token::{decoded, now, policy_token};

/// A line of its own, a title, a colour, a direction; each in a form that gets through somewhere.
const EVIL: &str =
    "x\n2026-01-01T00:00:00Z  WARN forged\r\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{85}";
/// The same for who takes no control characters of ASCII.
const SUBTLE: &str = "x\u{9b}31m\u{202e}\u{85}\u{2028}forged";

/// Says this over TLS, and listens until the service hangs up.
fn say(serve: &Serve, address: &str, bytes: &[u8]) -> String {
    let tls = client_config(&Trust::File(serve.ca_file().to_owned())).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(tls, name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // An end without close_notify is an end as well.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn packets(packets: impl IntoIterator<Item = Packet>) -> BytesMut {
    let mut bytes = BytesMut::new();
    for packet in packets {
        packet.write(&mut bytes, 1 << 20).unwrap();
    }
    bytes
}

fn connect(client_id: &str, user_name: &str) -> Packet {
    let mut connect = Connect::new(client_id);
    connect.set_login(user_name, "");
    Packet::Connect(connect)
}

fn publish(topic: &str, body: String) -> Packet {
    Packet::Publish(Publish::new(topic, QoS::AtMostOnce, body))
}

#[test]
fn j_201_nobody_can_write_a_line_of_the_log_or_give_it_a_colour() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s", "-vv"]);
    let scope = serve.ready["idScope"].as_str().unwrap();
    let user_name = format!("{scope}/registrations/pump/api-version=2021-06-01");
    let payload = format!("{{\"payload\":{{\n\"{SUBTLE}\"\n:\n1}}}}");

    for evil in [EVIL, SUBTLE] {
        say(&serve, serve.mqtt(), &packets([connect("pump", evil)]));
        say(&serve, serve.mqtt(), &packets([connect(evil, &user_name)]));
        say(&serve, serve.mqtt(), &packets([connect("pump", &format!("{user_name}{evil}"))]));
        let filter = Subscribe::new(evil, QoS::AtMostOnce);
        let filter = Packet::Subscribe(Subscribe { pkid: 1, ..filter });
        let register = "$dps/registrations/PUT/iotdps-register/?$rid=1";
        say(
            &serve,
            serve.mqtt(),
            &packets([
                connect("pump", &user_name),
                filter,
                publish(register, payload.clone()),
                publish(&format!("{register}{evil}"), payload.clone()),
                publish(evil, payload.clone()),
                Packet::Disconnect,
            ]),
        );
        let escaped: String = evil.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in [
            escaped.clone(),
            SUBTLE.to_owned(),
            format!("enrollments/{escaped}"),
            format!("devices/{escaped}"),
            format!("{scope}/registrations/{escaped}/register?api-version=2021-06-01"),
            format!("{scope}/registrations/pump/register?api-version={escaped}"),
        ] {
            for host in ["localhost", SUBTLE] {
                let request = format!(
                    "PUT /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                     Authorization: {SUBTLE}\r\nContent-Length: {}\r\n\r\n{payload}",
                    payload.len()
                );
                say(&serve, serve.https(), request.as_bytes());
            }
        }
    }
    let payload = format!("{{\n\"{SUBTLE}\":\"\n\"\n}}").replace("\"\n\"", "\"\"");
    machine
        .run(&["register", "--local", "--reg-id", "contoso-toaster-007", "--payload", &payload])
        .assert_exit(0);
    let log = serve.log_with("contoso-toaster-007: assigned");

    for line in log.lines() {
        let (time, rest) = line.split_once(' ').unwrap_or_default();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        let level = rest.trim_start().split(' ').next().unwrap_or_default();
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&level), "{line}");
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
    assert!(log.contains(r"x\u{9b}31m\u{202e}\u{85}\u{2028}forged"), "{log}");
    assert!(log.contains(r"x\n2026-01-01T00:00:00Z"), "{log}");
}

#[test]
fn j_203_what_one_device_does_all_the_time_is_counted_and_not_repeated() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let scope = serve.ready["idScope"].as_str().unwrap();
    let user_name = format!("{scope}/registrations/pump/api-version=2021-06-01");
    let filters = (0..9000).map(|n| SubscribeFilter::new(format!("f/{n}"), QoS::AtMostOnce));
    let subscribe = Subscribe { pkid: 1, filters: filters.collect() };
    let publishes = (0..1000).map(|_| publish("elsewhere", String::new()));

    let mut said = packets([connect("pump", &user_name), Packet::Subscribe(subscribe)]);
    said.unsplit(packets(publishes.chain([Packet::Disconnect])));
    say(&serve, serve.mqtt(), &said);

    let log = serve.log_with("more warnings");
    assert!(log.contains(r#"subscribes to "f/0" and 8999 more filters"#), "{log}");
    assert!(log.lines().count() < 100, "{log}");
}

#[test]
fn k_2_what_cannot_be_read_and_where_is_in_the_log_of_every_api() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let connection = serve.ready["serviceConnectionString"].as_str().unwrap();
    let part = |name: &str| connection.split(';').find_map(|it| it.strip_prefix(name)).unwrap();
    let key = decoded(part("SharedAccessKey="));
    let (service, hub) = ("localhost", "contoso-toasters-hub-1098.azure-devices.net");
    let made = r#"{"deviceId":"pump"}"#;

    for (host, request, body, status, log) in [
        (service, "POST /enrollments", r#"{"mode":7}"#, "400", "the member `mode`: "),
        (service, "POST /enrollments/query", "{\n\"query\"", "400", "line 2 column 7"),
        (
            service,
            "PUT /enrollments/pump",
            "{'a':1}",
            "400",
            "it is not JSON: key must be a string",
        ),
        (hub, "PUT /devices/pump", made, "200", ""),
        (hub, "PUT /devices/pump", r#"{"deviceId":[]}"#, "400", "the member `deviceId`: "),
        (hub, "POST /devices/query", "[]", "400", "it is an array, not a JSON object"),
        (hub, "POST /devices/keys/regenerate", r#"{"devices":7}"#, "400", "the member `devices`: "),
        (
            hub,
            "POST /twins/pump/methods",
            r#"{"methodName":7}"#,
            "400",
            "the member `methodName`: ",
        ),
        (hub, "PATCH /twins/pump", r#"{"tags":[]}"#, "400", "the member `tags`: "),
    ] {
        let token = policy_token(&key, host, part("SharedAccessKeyName="), now() + 600);
        let (length, before) = (body.len(), serve.log().len());

        let answer = say(
            &serve,
            serve.https(),
            format!(
                "{request}?api-version=2021-10-01 HTTP/1.1\r\nhost: {host}\r\n\
                 authorization: {token}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .as_bytes(),
        );

        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        let logged = serve.log_with(log).split_off(before);
        assert!(logged.contains(log), "{request} {body}: {logged}");
    }
}

#[cfg(unix)]
#[test]
fn j_206_a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    machine.serve(&[]).end();
    let key = machine.path("state/provision-sim/ca/ca.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();

    let log = machine.serve(&[]).log();

    assert!(log.contains("ca.key can be read by others (mode 0644)"), "{log}");
}

#[cfg(unix)]
#[test]
fn j_206_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let machine = Machine::new();
    let pipe = |name: &str| {
        let path = machine.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    pipe("kept/state.redb");
    pipe("own-ca/ca.pem");
    let (kept, ca) = (machine.path("kept"), machine.path("own-ca"));

    for (flag, folder) in [("--state", kept), ("--ca-dir", ca)] {
        let ports = ["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0"];
        let ran =
            machine.run(&[&ports[..], &[flag, folder.to_str().unwrap()]].concat()).assert_exit(2);

        assert!(ran.stderr.contains("not a regular file"), "{ran:?}");
    }
}
