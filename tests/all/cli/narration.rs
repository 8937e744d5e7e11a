//! `register --explain`, its timings, and what is not printed where nobody is looking.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use provision_sim::attestation::{DeviceKey, GroupKey};
use provision_sim::pki::TestPki;
use serde_json::Value;

use crate::support::cli::{GROUP_NOTE, HUB, Machine, TUTORIAL_KEY};
use crate::support::x509::{group, signed_by};

const TOASTER: [&str; 4] = ["register", "--local", "--reg-id", "contoso-toaster-007"];

fn toaster_key() -> DeviceKey {
    TUTORIAL_KEY.parse::<GroupKey>().unwrap().derive(&"contoso-toaster-007".parse().unwrap())
}

/// Everything by which somebody else could be the device, in each form in which it could show.
fn secrets(output: &str) -> Vec<String> {
    let key = toaster_key();
    let mut secrets = vec![TUTORIAL_KEY.to_owned(), key.to_base64().to_string()];
    // The signatures, made anew from the strings to sign, which are shown.
    for line in output.lines() {
        if let Some((resource, expiry)) = line.trim().split_once("\\n")
            && resource.contains("%2Fregistrations%2F")
        {
            secrets.push(STANDARD.encode(key.sign(format!("{resource}\n{expiry}").as_bytes())));
        }
    }
    assert!(secrets.len() > 2, "a string to sign is shown: {output}");
    let encoded: Vec<_> = secrets
        .iter()
        .flat_map(|secret| {
            let bytes = STANDARD.decode(secret).unwrap();
            [
                utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
                percent_encode(&bytes, NON_ALPHANUMERIC).to_string(),
                bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            ]
        })
        .collect();
    secrets.into_iter().chain(encoded).collect()
}

#[test]
fn no_transport_tells_a_key_or_a_signature_whatever_is_asked_for() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let device_key = toaster_key().to_base64();
    let credentials = [["--group-key", TUTORIAL_KEY], ["--device-key", &device_key]];

    for transport in ["mqtt", "mqtt-ws", "https", "amqp", "amqp-ws", "auto"] {
        for credential in &credentials {
            let more = ["--explain", "-vv", "--transport", transport];
            let ran = machine.run(&[&TOASTER[..], credential, &more].concat()).assert_exit(0);

            let output = format!("{}{}", ran.stdout, ran.stderr);
            for secret in secrets(&output) {
                assert!(!output.contains(&secret), "{transport}: {secret} in {output}");
            }
        }
    }
}

#[test]
fn mqtt_is_told_packet_by_packet_in_order_and_standard_output_stays_as_it_is() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let arguments = [&TOASTER[..], &["--payload", "{\"fw\":1}"]].concat();

    let plain = machine.run(&arguments).assert_exit(0);
    let told = machine.run(&[&arguments[..], &["--explain"]].concat()).assert_exit(0);

    assert_eq!(told.stdout, plain.stdout);
    let mut rest = told.stderr.as_str();
    for part in [
        "Who the device is",
        "device key = Base64(HMAC-SHA256(group key, \"contoso-toaster-007\"))",
        "0ne00002193%2Fregistrations%2Fcontoso-toaster-007\\n",
        "sig=(not shown)",
        "-> CONNECT",
        "client ID   contoso-toaster-007",
        "0ne00002193/registrations/contoso-toaster-007/api-version=2021-06-01",
        "<- CONNACK 0",
        "-> SUBSCRIBE",
        "$dps/registrations/res/#",
        "<- SUBACK",
        "-> PUBLISH",
        "$dps/registrations/PUT/iotdps-register/?$rid=1",
        "{\"registrationId\":\"contoso-toaster-007\",\"payload\":{\"fw\":1}}",
        "<- PUBACK",
        "<- PUBLISH: 202",
        "\"status\":\"assigning\"",
        "Waiting",
        "iotdps-get-operationstatus/?$rid=2&operationId=5.",
        "<- PUBLISH: 200",
        "\"status\":\"assigned\"",
        "assigned hub  contoso-toasters-hub-1098.azure-devices.net",
    ] {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("no {part:?} in what is left of {}", told.stderr));
        rest = after;
    }
}

#[test]
fn https_is_told_with_its_headers_and_the_web_socket_with_its_handshake() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let by = |transport| {
        let more = ["--explain", "--transport", transport];
        machine.run(&[&TOASTER[..], &more].concat()).assert_exit(0).stderr
    };

    let https = by("https");
    for part in [
        "-> PUT /0ne00002193/registrations/contoso-toaster-007/register?api-version=2021-06-01",
        "header  authorization: SharedAccessSignature sr=",
        "<- HTTP 202",
        "header  retry-after: 0",
        "-> GET /0ne00002193/registrations/contoso-toaster-007/operations/5.",
        "<- HTTP 200",
    ] {
        assert!(https.contains(part), "no {part:?} in {https}");
    }
    let web_socket = by("mqtt-ws");
    assert!(web_socket.contains("-> GET /$iothub/websocket"), "{web_socket}");
    assert!(web_socket.contains("<- HTTP 101"), "{web_socket}");
    assert!(web_socket.contains("-> CONNECT"), "{web_socket}");
    assert!(by("auto").contains("mqtt gets through"));
}

#[test]
fn amqp_is_told_frame_by_frame_in_order() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let by = |transport| {
        let more = ["--explain", "--transport", transport];
        machine.run(&[&TOASTER[..], &more].concat()).assert_exit(0).stderr
    };

    let told = by("amqp");
    let mut rest = told.as_str();
    for part in [
        "-> the header of SASL",
        "<- sasl-mechanisms: ",
        "-> sasl-init PLAIN",
        "user name   0ne00002193/registrations/contoso-toaster-007\n",
        "password    the SAS token",
        "<- sasl-outcome 0",
        "-> open",
        "<- open",
        "-> begin",
        "-> attach: a link to receive answers on",
        "address     0ne00002193/registrations/contoso-toaster-007",
        "com.microsoft:api-version: 2021-06-01",
        "<- attach: a link to receive answers on",
        "-> attach: a link to send requests on",
        "-> transfer: register this device, please",
        "iotdps-operation-type: iotdps-register",
        "<- disposition: accepted",
        "<- transfer: an answer",
        "retry-after: 0",
        "-> transfer: how does the operation stand?",
        "The device has a hub",
    ] {
        let (_, behind) = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in {told}"));
        rest = behind;
    }
    let web_socket = by("amqp-ws");
    assert!(web_socket.contains("sec-websocket-protocol: AMQPWSB10"), "{web_socket}");
    assert!(web_socket.contains("AMQP frames follow inside"), "{web_socket}");
}

#[test]
fn d_5_a_certificate_is_told_with_its_chain_and_needs_no_token() {
    let (machine, pki) = (Machine::new(), TestPki::new().unwrap());
    let device = pki.device(&"pump-0042".parse().unwrap()).unwrap();
    let world = "idScope = \"0ne00002193\"\nlinkedHubs = [\"hub-west.azure-devices.net\"]\n";
    let enrolled = group("pumps", &signed_by(pki.root().pem()));
    let config = machine.file("world.toml", &format!("{world}{enrolled}"));
    let _serve = machine.serve(&["--config", config.to_str().unwrap(), "--retry-after", "0s"]);
    let chain = machine.file("chain.pem", device.chain_pem());
    let key = machine.file("key.pem", &device.key_pem());
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());

    let ran = machine
        .run(&["register", "--local", "--explain", "--cert", chain, "--cert-key", key])
        .assert_exit(0);
    let amqp = ["--cert-key", key, "--transport", "amqp"];
    let amqp = [&["register", "--local", "--explain", "--cert", chain][..], &amqp].concat();
    let amqp = machine.run(&amqp).assert_exit(0).stderr;
    assert!(amqp.contains("-> the header of AMQP 1.0"), "{amqp}");
    assert!(!amqp.contains("-> the header of SASL") && !amqp.contains("sasl-init"), "{amqp}");

    for part in ["1. the device's: CN=pump-0042", "2. an issuer's: ", "SHA-256 thumbprint "] {
        assert!(ran.stderr.contains(part), "no {part:?} in {}", ran.stderr);
    }
    assert!(ran.stderr.contains("password    none"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("SharedAccessSignature"), "{}", ran.stderr);
    let secret = device.key_pem();
    let secret: Vec<_> = secret.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(!secret.is_empty() && secret.iter().all(|line| !ran.stderr.contains(line)));
}

#[test]
fn a_failure_is_told_to_its_end_and_then_explained() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let wrong = ["--explain", "--device-key", "AAAAAAAAAAAAAAAAAAAAAA=="];

    let ran = machine.run(&[&TOASTER[..], &wrong].concat()).assert_exit(4);

    let (told, explained) = ran.stderr.split_once("error: ").unwrap();
    assert!(told.contains("<- CONNACK 0"), "{told}");
    assert!(told.contains("<- PUBLISH: 401, the service does not believe the device"), "{told}");
    assert!(told.contains("The device has no hub"), "{told}");
    assert!(explained.contains("try: "), "{explained}");
}

#[test]
fn what_happens_at_the_hub_is_told_after_the_registration_or_in_its_place() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let cache = machine.path("cache.json");
    let more = ["--explain", "--connect", "--reported", "{\"fw\":1}", "--telemetry", "2", "-vv"];
    let keep = ["--cache", cache.to_str().unwrap()];
    let arguments = [&TOASTER[..], &more, &keep].concat();

    let first = machine.run(&arguments).assert_exit(0).stderr;
    let second = machine.run(&arguments).assert_exit(0).stderr;

    let at_hub = [
        "On to the hub contoso-toasters-hub-1098.azure-devices.net",
        "The hub lets the device in (mqtt)",
        "The hub has noted the reported properties, version 2",
        "The hub has taken 2 messages",
        "The hub has sent the twin: 0 desired and 1 reported properties",
    ];
    let mut rest = first.as_str();
    for part in ["Who the device is", "The device has a hub"].iter().chain(&at_hub) {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("no {part:?} in what is left of {first}"));
        rest = after;
    }
    assert!(second.contains("The device knows its hub"), "{second}");
    assert!(second.contains(at_hub[1]) && !second.contains("Who the device is"), "{second}");
    for secret in secrets(&first) {
        assert!(!first.contains(&secret) && !second.contains(&secret), "{secret} in {first}");
    }
}

#[test]
fn a_hub_that_cannot_be_reached_is_told_and_the_timings_of_the_registration_stay() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let more = ["--connect", "--hub-gateway", "127.0.0.1:1", "--explain", "-o", "json"];

    let ran = machine.run(&[&TOASTER[..], &more].concat()).assert_exit(3);

    assert!(ran.stderr.contains("The device and its hub do not come together"), "{}", ran.stderr);
    let json = ran.json();
    assert_eq!(json["error"]["kind"], "hub-connect");
    assert!(json["timings"]["total"].as_f64().is_some(), "{json}");
}

fn names(timings: &Value) -> Vec<&str> {
    let timings = timings.as_object().unwrap();
    assert!(timings.values().all(|ms| ms.as_f64().is_some_and(|ms| ms >= 0.0)), "{timings:?}");
    timings.keys().map(String::as_str).collect()
}

#[test]
fn j_150_json_is_the_services_object_with_the_phases_that_occurred() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s", "--assigning-polls", "1"]);
    let by = |transport| {
        let more = ["-o", "json", "--transport", transport];
        machine.run(&[&TOASTER[..], &more].concat()).assert_exit(0).json()
    };

    for (transport, expected) in [
        ("mqtt", &["dns", "tcp", "tls", "connack", "suback", "register", "assigned", "total"][..]),
        (
            "mqtt-ws",
            &["dns", "tcp", "tls", "upgrade", "connack", "suback", "register", "assigned", "total"],
        ),
        ("https", &["dns", "tcp", "tls", "register", "assigned", "total"]),
        ("amqp", &["dns", "tcp", "tls", "sasl", "open", "attach", "register", "assigned", "total"]),
    ] {
        let object = by(transport);
        let members: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["operationId", "status", "registrationState", "group", "timings"]);
        assert_eq!(names(&object["timings"]), expected, "{transport}");
    }
    let failed = ["register", "--local", "--reg-id", "contoso-heatpump-088", "-o", "json"];
    let failed = machine.run(&failed).assert_exit(5).json();
    assert_eq!(
        names(&failed["timings"]),
        ["dns", "tcp", "tls", "connack", "suback", "register", "total"]
    );
}

#[test]
fn j_150_jsonl_tells_each_phase_as_it_ends_and_text_all_with_v() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);

    let jsonl = machine.run(&[&TOASTER[..], &["-o", "jsonl"]].concat()).assert_exit(0);
    let text = machine.run(&[&TOASTER[..], &["-v"]].concat()).assert_exit(0);

    let lines: Vec<Value> =
        jsonl.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let order: Vec<_> = lines
        .iter()
        .map(|line| line["phase"].as_str().or(line["event"].as_str()).unwrap_or("the object"))
        .collect();
    assert_eq!(
        order,
        [
            "dns",
            "tcp",
            "tls",
            "connack",
            "connected",
            "suback",
            "register",
            "assigning",
            "assigned",
            "total",
            "the object"
        ]
    );
    assert_eq!(lines[10]["registrationState"]["assignedHub"], HUB);
    assert!(lines[10]["timings"].is_null(), "told already");
    let timings: Vec<_> =
        text.stderr.lines().filter(|line| line.contains("timings: dns ")).collect();
    assert!(timings.len() == 1 && timings[0].contains(" ms, total "), "{}", text.stderr);
}

/// J-153.
#[test]
fn a_wait_shows_nothing_where_standard_error_is_no_terminal() {
    let machine = Machine::new();
    // Longer than it takes until the line would be shown.
    let _serve = machine.serve(&["--retry-after", "1s"]);

    let ran = machine.run(&TOASTER).assert_exit(0);

    assert_eq!(ran.stderr, GROUP_NOTE);
    assert!(!ran.stdout.contains('\r'), "{:?}", ran.stdout);
}
