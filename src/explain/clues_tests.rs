//! What is made of local facts.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::attestation::DeviceCertificate;
use crate::device::{Breach, ConnectPhase, Deadline, NetworkError, Transport, Waiting};
use crate::explain::{CaFile, Proof};
use crate::net::{DialError, TlsFault};
use crate::pki::{TestCertificate, TestPki};

/// 2026-03-02T08:15:30Z.
const NOW: Duration = Duration::from_secs(1_772_439_330);
const OTHER_KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

fn context(id: &str, key: GivenKey) -> Context {
    Context {
        endpoint: "global.azure-devices-provisioning.net".parse().unwrap(),
        id_scope: "0ne00000000".parse().ok(),
        registration_id: id.parse().unwrap(),
        proof: Some(Proof::Key(key)),
        skew: None,
        is_local: false,
        group: None,
        proxy: None,
        ca_file: None,
    }
}

fn device(key: &str) -> GivenKey {
    GivenKey::Device(key.parse().unwrap())
}

fn certificate(name: &str) -> DeviceCertificate {
    let made = TestCertificate::self_signed(name).unwrap();
    DeviceCertificate::read(made.pem().as_bytes(), Some(made.key_pem().as_bytes()), None).unwrap()
}

fn with_certificate(id: &str, certificate: &DeviceCertificate) -> Context {
    let proof = Some(Proof::Certificate(certificate.clone()));
    Context { proof, ..context(id, device(OTHER_KEY)) }
}

fn behind_a_proxy() -> Context {
    let proxy = Some("http://proxy:3128".to_owned());
    Context { proxy, ..context("a", device(OTHER_KEY)) }
}

fn unauthorized_at(timestamp: &str) -> Error {
    let body = format!(
        r#"{{"errorCode":401000,"trackingId":"","message":"Unauthorized","timestampUtc":"{timestamp}"}}"#
    );
    Error::Unauthorized(Rejection {
        status: 401,
        error: serde_json::from_str(&body).ok(),
        says: None,
    })
}

fn explained(error: &Error, context: &Context) -> Explanation {
    explain(error, context, UNIX_EPOCH + NOW)
}

fn refused_for(context: &Context) -> Explanation {
    explained(&unauthorized_at("2026-03-02T08:15:30.4718526Z"), context)
}

#[test]
fn d_3_a_misprinted_key_explains_everything_and_nothing_else_is_told() {
    let printed = device("JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=");

    let beside = refused_for(&context("contoso-toaster-007", printed.clone()));
    let own = refused_for(&context("breakroom499-contoso-tstrsd-007", printed));

    assert_eq!(beside.causes.len(), 1, "{beside:?}");
    assert!(beside.causes[0].contains("belongs to breakroom499-contoso-tstrsd-007"));
    assert!(beside.remedies[0].contains(OTHER_KEY));
    assert!(own.causes.len() > 1 && !own.causes[0].contains("belongs to"), "{own:?}");
}

#[test]
fn d_2_the_length_of_a_key_tells_what_it_may_be() {
    let long =
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

    let group_as_device = refused_for(&context("a", device(long)));
    let device_as_group = refused_for(&context("a", GivenKey::Group(OTHER_KEY.parse().unwrap())));
    let other = refused_for(&context("a", device(OTHER_KEY)));

    assert!(group_as_device.causes[0].starts_with("--device-key has 64 bytes"));
    assert!(group_as_device.remedies[0].contains("--group-key"));
    assert!(device_as_group.causes[0].starts_with("--group-key has 32 bytes"));
    assert!(other.causes[0].contains("not the one that a is enrolled with"), "{other:?}");
    for explanation in [&group_as_device, &device_as_group, &other] {
        assert!(
            explanation.causes.len() > 1,
            "no proof, so the usual causes follow: {explanation:?}"
        );
    }
}

/// J-115.
#[test]
fn a_skew_beyond_five_minutes_is_named_with_its_amount_and_a_right_clock_is_no_cause() {
    let context = context("a", device(OTHER_KEY));

    let off = explained(&unauthorized_at("2026-03-02T10:15:30Z"), &context);
    let right = explained(&unauthorized_at("2026-03-02T08:20:30Z"), &context);
    let untold = explained(&unauthorized_at("soon"), &context);

    let about_clock = |explanation: &Explanation| {
        explanation
            .causes
            .iter()
            .filter(|cause| cause.contains("clock"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(about_clock(&off), ["this machine's clock is 2 h behind, by the service's"]);
    assert_eq!(about_clock(&right), [""; 0]);
    assert_eq!(about_clock(&untold).len(), 1);
}

#[test]
fn d_1_upper_case_in_the_id_is_pointed_out() {
    let with_upper = refused_for(&context("Pump-0042", device(OTHER_KEY)));
    let without = refused_for(&context("pump-0042", device(OTHER_KEY)));

    let told = |explanation: &Explanation| {
        explanation.causes.iter().any(|cause| cause.contains("upper-case"))
    };
    assert!(told(&with_upper) && !told(&without));
}

#[test]
fn d_5_a_certificate_of_another_name_explains_everything() {
    let named = |name: &str| with_certificate("pump-0042", &certificate(name));

    let other = refused_for(&named("pump-0043"));
    let same = refused_for(&named("PUMP-0042"));

    assert_eq!(
        other.causes,
        ["the certificate is made out to CN=pump-0043, the registration ID is pump-0042"]
    );
    assert!(
        !same.causes.is_empty() && !same.causes.iter().any(|cause| cause.contains("made out to"))
    );
    assert!(!same.causes.iter().any(|cause| cause.contains("the key is not")), "{same:?}");
}

#[test]
fn what_cannot_be_with_the_local_service_is_not_told() {
    let local = Context { is_local: true, ..context("a", device(OTHER_KEY)) };
    let refused = Error::Network(NetworkError::Dial(DialError::Connect {
        host: "127.0.0.1:8883".parse().unwrap(),
        peer: "127.0.0.1:8883".parse().unwrap(),
        source: std::io::ErrorKind::ConnectionRefused.into(),
    }));

    let here = explained(&refused, &local);
    let there = explained(&refused, &context("a", device(OTHER_KEY)));

    assert!(here.remedies[0].contains("start `provision-sim serve`"), "{here:?}");
    assert!(!here.causes.iter().any(|cause| cause.contains("firewall")), "{here:?}");
    assert!(
        !there.remedies.iter().any(|remedy| remedy.contains("start `provision-sim")),
        "{there:?}"
    );
    assert!(there.causes.iter().any(|cause| cause.contains("firewall")), "{there:?}");
}

#[test]
fn nothing_lies_between_a_device_and_a_service_on_the_same_machine() {
    let on = |host: &str| {
        let endpoint = host.parse().unwrap();
        let context = Context { endpoint, ..context("a", device(OTHER_KEY)) };
        let error = Error::Network(NetworkError::ClosedBeforeConnack);
        explained(&error, &context).causes.iter().any(|cause| cause.contains("between"))
    };

    assert!(!on("localhost:8883") && !on("127.0.0.2") && !on("[::1]:8883"));
    assert!(on("global.azure-devices-provisioning.net") && on("10.0.0.1"));
}

#[test]
fn a_6_connack_3_names_scope_and_outage() {
    let error = Error::ConnectRefused { code: ConnectCode::ServerUnavailable, tries: 3 };

    let explanation = explained(&error, &context("a", device(OTHER_KEY)));

    assert!(explanation.causes[0].contains("does not know the ID scope 0ne00000000"));
    assert!(explanation.causes[1].contains("the service is down (tried 3 times)"));
}

#[test]
fn g_6_the_webhooks_status_is_read_out_of_the_message() {
    let failed = |message: &str| {
        let error = Error::Failed {
            operation_id: None,
            code: Some(ErrorCode::CUSTOM_ALLOCATION_FAILED),
            message: Some(message.to_owned()),
            date: None,
        };
        explained(&error, &context("pump-0042", device(OTHER_KEY))).causes
    };

    for (status, words) in [
        (400, "do not accept"),
        (403, "function key"),
        (404, "address is wrong"),
        (503, "answered 503"),
    ] {
        let causes = failed(&format!("Custom allocation failed with status code: {status}"));
        assert!(causes.len() == 1 && causes[0].contains(words), "{causes:?}");
    }
    assert!(
        failed("An error occurred while sending the request.")[0].contains("could not be reached")
    );
}

#[test]
fn no_explanation_shows_a_key_that_is_not_published() {
    let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA=";
    let context = context("Pump", device(key));

    let explanation = refused_for(&context);

    assert!(!format!("{explanation:?} {context:?}").contains("c2Vj"));
}

#[test]
fn an_alert_is_explained_by_what_the_device_showed() {
    let shown = with_certificate("pump-0042", &certificate("pump-0042"));
    let by_key = context("pump-0042", device(OTHER_KEY));
    let causes = |alert: &str, context: &Context| {
        let alert = NetworkError::Alert { alert: alert.to_owned() };
        explained(&Error::Network(alert), context).causes
    };

    for alert in ["unknown_ca", "certificate_expired", "decrypt_error", "access_denied"] {
        let causes = causes(alert, &shown);
        assert!(causes[0].contains("CN=pump-0042"), "{alert}: {causes:?}");
    }
    for alert in ["certificate_required", "handshake_failure"] {
        let causes = causes(alert, &by_key);
        assert!(causes[0].contains("insists on a client certificate"), "{alert}: {causes:?}");
    }
    let internal = causes("internal_error", &shown);
    assert!(!internal.iter().any(|cause| cause.contains("CN=")), "{internal:?}");
}

#[test]
fn d_5_a_refused_certificate_tells_where_its_chain_ends_and_its_thumbprint() {
    let pki = TestPki::new().unwrap();
    let made = pki.device(&"pump-0042".parse().unwrap()).unwrap();
    let key = made.key_pem();
    let chained =
        DeviceCertificate::read(made.chain_pem().as_bytes(), Some(key.as_bytes()), None).unwrap();
    let lone = DeviceCertificate::read(made.pem().as_bytes(), Some(key.as_bytes()), None).unwrap();

    let chained = refused_for(&with_certificate("pump-0042", &chained));
    let lone_causes = refused_for(&with_certificate("pump-0042", &lone)).causes;
    let own = refused_for(&with_certificate("pump-0042", &certificate("pump-0042")));

    assert!(chained.causes[0].starts_with("the chain ends at CN="), "{chained:?}");
    assert!(lone_causes[0].contains("an intermediate between them is missing"), "{lone_causes:?}");
    assert!(own.causes[0].contains("self-signed"), "{own:?}");
    let thumbprint = &lone.leaf().info().sha1_thumbprint;
    assert!(lone_causes[1].contains(thumbprint), "{lone_causes:?}");
    let remedy = &chained.remedies[0];
    assert!(remedy.contains("az iot dps enrollment show --enrollment-id pump-0042"), "{remedy}");
}

#[test]
fn the_silence_of_a_proxy_is_told_as_the_proxys() {
    let silent = |phase| {
        Error::Deadline(Box::new(Deadline {
            after: Duration::from_secs(1),
            waiting_for: Waiting::Connect(phase),
            operation_id: None,
            last_busy: None,
            asked_to_wait: None,
            foreign_answers: 0,
        }))
    };
    let causes = |phase| explained(&silent(phase), &behind_a_proxy()).causes;

    assert_eq!(causes(ConnectPhase::Proxy), ["the proxy http://proxy:3128 is silent"]);
    assert_eq!(
        causes(ConnectPhase::Tcp),
        ["the proxy http://proxy:3128 is not there, or a firewall is"]
    );
    assert!(!causes(ConnectPhase::Tls)[0].contains("proxy:3128"));
}

#[test]
fn j_103_where_no_transport_gets_through_the_proxy_or_the_trust_is_named() {
    let closed = || NetworkError::ClosedBeforeConnack.into();
    let untrusted = || {
        let host = "global.azure-devices-provisioning.net:443".parse().unwrap();
        let fault = TlsFault::UnknownIssuer;
        Error::Network(NetworkError::Dial(DialError::Tls { host, fault }))
    };
    let blocked = Error::NoTransport(vec![(Transport::Mqtt, closed())]);
    let distrusted =
        Error::NoTransport(vec![(Transport::MqttWs, untrusted()), (Transport::Https, untrusted())]);

    let proxied = explained(&blocked, &behind_a_proxy());
    let direct = explained(&blocked, &context("a", device(OTHER_KEY)));
    let distrusted = explained(&distrusted, &context("a", device(OTHER_KEY)));

    let allow = "ask whoever runs the proxy http://proxy:3128 to allow";
    assert!(proxied.remedies.iter().any(|remedy| remedy.starts_with(allow)), "{proxied:?}");
    let give = "if the network has a proxy, give it";
    assert!(direct.remedies.iter().any(|remedy| remedy.starts_with(give)), "{direct:?}");
    assert!(!proxied.remedies.iter().any(|remedy| remedy.starts_with(give)), "{proxied:?}");
    assert!(distrusted.remedies[0].contains("--ca-file"), "{distrusted:?}");
}

#[test]
fn another_protocol_on_the_port_is_told_with_the_address() {
    let at =
        |host: &str| Context { endpoint: host.parse().unwrap(), ..context("a", device(OTHER_KEY)) };
    let cause = |breach, host: &str| explained(&Error::Breach(breach), &at(host)).causes[0].clone();

    let not_mqtt = cause(Breach::NotMqtt { excerpt: String::new() }, "dps.example:443");
    let not_http = cause(Breach::NotHttp { reason: String::new() }, "dps.example");

    assert_eq!(not_mqtt, "dps.example:443 is no MQTT service");
    assert!(not_http.starts_with("dps.example is no HTTPS service"), "{not_http}");
}

#[test]
fn j_29_a_404_without_another_code_names_the_id_scope() {
    let rejected = |body: Option<&str>| {
        let error = body.map(|body| serde_json::from_str(body).unwrap());
        Error::Rejected(Rejection { status: 404, error, says: None })
    };
    let causes = |body| explained(&rejected(body), &context("a", device(OTHER_KEY))).causes;

    let scope = r#"{"errorCode":404000,"trackingId":"","message":""}"#;
    let operation = r#"{"errorCode":404203,"trackingId":"","message":""}"#;
    for body in [None, Some(scope)] {
        assert_eq!(causes(body)[0], "the service does not know the ID scope 0ne00000000");
    }
    assert!(!causes(Some(operation))[0].contains("ID scope"));
    let unknown = Context { id_scope: None, ..context("a", device(OTHER_KEY)) };
    let told = explained(&rejected(None), &unknown).causes;
    assert_eq!(told[0], "global.azure-devices-provisioning.net is no provisioning service");
}

#[test]
fn a_ca_file_that_signed_nothing_is_the_cause_and_is_not_asked_for() {
    let ca_file =
        Some(CaFile { given: "--ca-file ca.pem".to_owned(), holds: vec!["CN=Old CA".to_owned()] });
    let host = "localhost:8883".parse().unwrap();
    let error = Error::Network(DialError::Tls { host, fault: TlsFault::UnknownIssuer }.into());
    for is_local in [false, true] {
        let context =
            Context { ca_file: ca_file.clone(), is_local, ..context("a", device(OTHER_KEY)) };

        let explanation = explained(&error, &context);

        assert_eq!(
            explanation.causes,
            ["--ca-file ca.pem holds CN=Old CA, which did not sign the server's certificate"]
        );
        let remedies = explanation.remedies.join("; ");
        assert!(
            remedies.contains("leave out --ca-file") && !remedies.contains("give its CA"),
            "{remedies}"
        );
    }
}
