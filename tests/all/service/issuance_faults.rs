//! Faults on demand of certificates that devices ask for (J-444): over each way to ask, and what is still true
//! of what is issued all the same.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::attestation::Certificate;
use provision_sim::pki::{NewRequest, new_request};
use provision_sim::service::timeline;
use rumqttc::ConnectReturnCode;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use serde_json::{Value, json};

use crate::support::service::client::{Answer, Client, Device, Manners};
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::x509::Identity;

const ID: &str = "pump-0042";

async fn with(rule: &str) -> TestService {
    let group = format!(
        "[[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\ncertificatePolicyName = \"default\"\n\
         attestation.type = \"symmetricKey\"\nattestation.symmetricKey.primaryKey = \"{PRIMARY_KEY}\"\n"
    );
    Setup::enrollments(&group).fault(rule).start().await
}

async fn provision(service: &TestService) -> (Answer, NewRequest) {
    let request = new_request(ID).unwrap();
    let body = json!({ "registrationId": ID, "csr": request.to_base64() }).to_string();
    let mut client = Client::connect(service, &Device::new(ID).api_version("2026-11-01")).await;
    (client.provision(&body).await, request)
}

fn entries(state: &Value) -> Vec<&str> {
    let entries = state["issuedCertificateChain"].as_array().unwrap_or_else(|| panic!("{state}"));
    entries.iter().map(|entry| entry.as_str().unwrap()).collect()
}

fn chain(state: &Value) -> Vec<Certificate> {
    let read = |entry| Certificate::from_der(STANDARD.decode(entry).unwrap().into()).unwrap();
    entries(state).into_iter().map(read).collect()
}

/// How the hub answers a device that shows all of its chain but the root.
async fn hub_says(
    service: &TestService,
    chain: &[Certificate],
    request: &NewRequest,
) -> ConnectReturnCode {
    let (_, shown) = chain.split_last().unwrap();
    let identity = Identity {
        chain: shown.iter().map(|it| it.der().clone()).collect(),
        key: PrivateKeyDer::from_pem_slice(request.key_pem().as_bytes()).unwrap(),
        password: "",
        version: &TLS13,
    };
    let mut client = Client::dial_with(service, identity.tls(service)).await;
    let device = Device { password: String::new(), ..Device::at_hub(ID, HUB_WEST) };
    client.say_hello(&device, Manners::default()).await.expect("an answer").code
}

#[tokio::test]
async fn j_444_a_registration_fails_late_with_the_words_of_a_hub_or_those_of_the_rule() {
    for (rule, code, message) in [
        ("grant code=400040", 400_040, "Unable to complete the certificate request"),
        ("grant code=500001 message=Hey enrollment=pumps", 500_001, "Hey"),
    ] {
        let service = with(&format!("{rule} times=1")).await;

        let (answer, _) = provision(&service).await;

        let state = answer.state();
        assert_eq!((&state["status"], &state["errorCode"]), (&"failed".into(), &code.into()));
        assert_eq!(state["errorMessage"], message);
        let entry = service.inside().journal().entries().remove(0);
        assert_eq!(entry.faults.len(), 1, "{rule}");
        assert!(entry.reason.as_ref().unwrap().contains("a fault was asked for: grant"));
        assert!(timeline(&entry).iter().any(|moment| moment.title.contains("fault")), "{entry:?}");
        assert_eq!(provision(&service).await.0.state()["status"], "assigned", "the next one");
    }
}

#[tokio::test]
async fn j_444_a_certificate_is_valid_for_as_long_as_the_rule_says() {
    let service = with("grant issued-validity=2m").await;
    let (answer, request) = provision(&service).await;
    let issued = chain(&answer.state());
    let ahead = issued[0].info().not_after.duration_since(SystemTime::now()).unwrap();
    assert!(ahead <= Duration::from_secs(120) && ahead > Duration::from_secs(60), "{ahead:?}");
    assert_eq!(hub_says(&service, &issued, &request).await, ConnectReturnCode::Success);

    let service = with("grant issued-validity=0s").await;
    let (answer, request) = provision(&service).await;
    let said = hub_says(&service, &chain(&answer.state()), &request).await;
    assert_eq!(said, ConnectReturnCode::NotAuthorized, "it had expired when it came");
}

#[tokio::test]
async fn j_445_a_chain_is_as_long_as_the_rule_says_verifies_and_signs_in() {
    let service = with("grant chain-length=20").await;

    let (answer, request) = provision(&service).await;

    let issued = chain(&answer.state());
    assert_eq!(issued.len(), 20);
    assert!(issued.windows(2).all(|pair| pair[0].is_signed_by(&pair[1])));
    assert!(issued[19].is_self_signed());
    assert_eq!(hub_says(&service, &issued, &request).await, ConnectReturnCode::Success);
}

#[tokio::test]
async fn j_446_newer_versions_are_told_how_the_hub_is_spoken_to_behind_its_name() {
    let config = format!(
        "idScope = \"{SCOPE}\"\nlinkedHubs = [{{ name = \"{HUB_WEST}\", connectionProfile = \"mqttV5\" }}]\n\
         [[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\nattestation.type = \"symmetricKey\"\n\
         attestation.symmetricKey.primaryKey = \"{PRIMARY_KEY}\"\n"
    );
    let service = Setup::from_config(config).retry_after(Duration::ZERO).start().await;

    for (version, is_told) in [("2026-11-01", false), ("2026-11-02-preview", true)] {
        let device = Device::new(ID).api_version(version);
        let answer = Client::connect(&service, &device).await.provision("{}").await;
        let state = answer.state();
        let names: Vec<_> = state.as_object().unwrap().keys().collect();
        let hub = names.iter().position(|name| *name == "assignedHub").unwrap();
        assert_eq!(names[hub + 1] == "connectionProfile", is_told, "{version}: {state}");
        assert_eq!(state.get("connectionProfile") == Some(&json!("mqttV5")), is_told, "{version}");
    }
}

#[tokio::test]
async fn j_444_the_chain_is_told_in_another_encoding() {
    let service = with("poll chain-encoding=pem").await;
    let (answer, _) = provision(&service).await;
    for entry in entries(&answer.state()) {
        assert!(entry.starts_with("-----BEGIN CERTIFICATE-----"), "{entry}");
        Certificate::from_text(entry).unwrap();
    }
    let service = with("poll chain-encoding=pem-base64").await;
    let (answer, _) = provision(&service).await;
    assert!(entries(&answer.state()).iter().all(|entry| entry.starts_with("LS0t")));
}
