//! A client as it should not be, and what `conformance` says of it.
//!
//! The client is a program, and the only one that is there on every machine is this one: run again, for
//! [`client`] alone.

use std::collections::{BTreeMap, BTreeSet};
use std::env::var;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use provision_sim::attestation::{DeviceKey, SasToken, registration_resource};
use provision_sim::rustls::client::danger::{
    HandshakeSignatureValid as Signed, ServerCertVerified, ServerCertVerifier,
};
use provision_sim::rustls::crypto::ring::default_provider;
use provision_sim::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use provision_sim::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};
use serde_json::Value;

use crate::support::cli::Machine;

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// What it does wrong stands behind each line.
#[test]
#[ignore = "a client, not a test"]
fn client() {
    let Ok(id) = var("DPS_REGISTRATION_ID") else { return };
    let scope = var("DPS_ID_SCOPE").unwrap();
    let resource = registration_resource(&scope.parse().unwrap(), &id.parse().unwrap());
    let key: DeviceKey = var("DPS_DEVICE_KEY").unwrap().parse().unwrap();
    let in_ten_years = SystemTime::now() + Duration::from_secs(10 * 365 * 86_400); // Too long.
    let token = SasToken::sign(&resource, &key, in_ten_years);
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody)) // Whoever it is.
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let tcp = TcpStream::connect(var("DPS_MQTT").unwrap()).unwrap();
    let mut stream = StreamOwned::new(tls, tcp);

    let user_name = format!("{scope}/registrations/{id}/api-version=2019-03-31"); // Does not say who it is.
    let mut connect = b"\0\x04MQTT\x04\xc0\0\0".to_vec(); // Keep-alive 0, and an old session is wanted.
    [&id, &user_name, token.as_str()].iter().for_each(|text| connect.extend(string(text)));
    send(&mut stream, 0x10, &connect);
    receive(&mut stream); // Whatever CONNACK says.
    send(&mut stream, 0x82, &[&[0, 1][..], &string("$dps/registrations/res/#"), &[0]].concat());
    receive(&mut stream); // Whatever SUBACK says.
    let mut topic = "$dps/registrations/PUT/iotdps-register/?$rid=1".to_owned();
    for _ in 0..30 {
        let body = format!(r#"{{"registrationId":"{id}","payload":{{"debug":true}}}}"#); // Nobody wants it.
        send(&mut stream, 0x30, &[string(&topic), body.into_bytes()].concat());
        let Some(answer) = receive(&mut stream) else { return }; // As if all were well.
        if answer.contains("assignedHub") {
            return; // No DISCONNECT, no close_notify.
        }
        let operation = answer.split("operationId\":\"").nth(1).and_then(|it| it.split('"').next());
        if let Some(operation) = operation {
            topic = format!(
                "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId={operation}"
            );
        } // The same $rid each time, whatever the answer says, and at once.
    }
}

fn string(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn send(stream: &mut Stream, kind: u8, body: &[u8]) {
    let (low, high) = ((body.len() % 128) as u8, (body.len() / 128) as u8);
    let length = if high > 0 { vec![low | 0x80, high] } else { vec![low] };
    let _ = stream.write_all(&[&[kind][..], &length, body].concat()); // It will have arrived.
}

fn receive(stream: &mut Stream) -> Option<String> {
    let (mut byte, mut length, mut shift) = ([0], 0, 0);
    stream.read_exact(&mut byte).ok()?;
    loop {
        stream.read_exact(&mut byte).ok()?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?; // For ever, if it must be.
    Some(String::from_utf8_lossy(&body).into_owned())
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<Signed, Error> {
        Ok(Signed::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<Signed, Error> {
        Ok(Signed::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What it must be told of, and no more.
const FAILS: [&str; 20] = [
    "waits-retry-after-3",
    "retry-after-absent",
    "polls-within-quota",
    "429-waits-as-told",
    "503-backs-off",
    "401-not-repeated",
    "400-not-repeated",
    "disabled",
    "failed",
    "connack-3",
    "connack-5",
    "broken-json",
    "foreign-rid",
    "silent-register",
    "certificate-expired",
    "certificate-wrong-name",
    "certificate-untrusted",
    "token-lifetime",
    "no-payload-unasked",
    "request-ids",
];
const WARNS: [&str; 5] =
    ["suback-128", "client-version", "keep-alive", "no-will", "closes-cleanly"];
const PASSES: [&str; 8] = [
    "assigned",
    "polls-to-the-end",
    "tls-1-3",
    "server-name",
    "client-id",
    "api-version",
    "token-resource",
    "topics",
];

#[test]
fn a_bad_client_fails_in_the_cases_in_which_it_is_bad_and_in_no_other() {
    let only = [&FAILS[..], &WARNS, &PASSES].concat().join(",");
    let this = std::env::current_exe().unwrap();
    let client = [this.to_str().unwrap(), "cli::bad_client::client", "--exact", "--ignored"];
    let options =
        ["conformance", "-o", "json", "--jobs", "32", "--timeout", "8s", "--only", &only, "--"];

    let ran = Machine::new().run(&[&options[..], &client].concat());

    assert_eq!(ran.exit, 5, "{ran:?}");
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in told["cases"].as_array().unwrap() {
        let (outcome, name) = (case["outcome"].as_str().unwrap(), case["name"].as_str().unwrap());
        found.entry(outcome).or_default().insert(name);
    }
    for (outcome, names) in [("failed", &FAILS[..]), ("warned", &WARNS), ("passed", &PASSES)] {
        assert_eq!(found[outcome], names.iter().copied().collect(), "{outcome}: {ran:?}");
    }
}
