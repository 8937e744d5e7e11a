//! Certificates that devices ask for with their registration (B.7): over each transport, what is refused, and
//! what a certificate is good for.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::attestation::Certificate;
use provision_sim::pki::{IssuingAuthority, NewRequest, new_request};
use provision_sim::service::{JournalFilter, timeline};
use provision_sim::sources::{Clock, Sources};
use rumqttc::ConnectReturnCode;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::service::back_end::BackEnd;
use crate::support::service::client::{Answer, Client, Device, Manners};
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::of_device;
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::x509::Identity;

const ID: &str = "pump-0042";
const VERSION: &str = "2026-11-01";

/// The group `pumps`; `more` are members of it.
fn pumps(more: &str) -> String {
    format!(
        "[[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\nattestation.type = \"symmetricKey\"\n\
         attestation.symmetricKey.primaryKey = \"{PRIMARY_KEY}\"\n{more}\n"
    )
}

/// An authority `line-1` with this policy, and the group, whose devices get their certificates from it.
fn line(validity: &str) -> String {
    let names = "namespaceName = \"fleet\"\ncertificateAuthorityName = \"line-1\"\n\
                 certificatePolicyName = \"short\"";
    format!(
        "[[certificateAuthorities]]\nnamespaceName = \"fleet\"\nname = \"line-1\"\n\
         policies = [{{ name = \"short\", validity = \"{validity}\" }}]\n{}",
        pumps(names)
    )
}

async fn started() -> TestService {
    Setup::enrollments(&line("1h")).start().await
}

async fn device(service: &TestService, version: &str) -> Client {
    Client::connect(service, &Device::new(ID).api_version(version)).await
}

fn body(csr: &str) -> String {
    json!({ "registrationId": ID, "csr": csr }).to_string()
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/csr/");
    STANDARD.encode(std::fs::read(format!("{folder}{name}")).unwrap())
}

/// Registers with a request; what came of it, and what it was asked with.
async fn provision(service: &TestService) -> (Answer, NewRequest) {
    let request = new_request(ID).unwrap();
    let mut client = device(service, VERSION).await;
    (client.provision(&body(&request.to_base64())).await, request)
}

fn chain(state: &Value) -> Vec<Certificate> {
    let entries = state["issuedCertificateChain"].as_array().unwrap_or_else(|| panic!("{state}"));
    let der = |entry: &Value| STANDARD.decode(entry.as_str().unwrap()).unwrap();
    entries.iter().map(|entry| Certificate::from_der(der(entry).into()).unwrap()).collect()
}

#[track_caller]
fn assert_chain(chain: &[Certificate], common_name: &str) {
    let [leaf, issuing, root] = chain else { panic!("{chain:?}") };
    assert!(leaf.is_signed_by(issuing) && issuing.is_signed_by(root) && root.is_self_signed());
    assert_eq!(leaf.common_name(), Some(common_name));
}

/// What a device shows that signs in with what it was issued.
fn identity(answer: &Answer, request: &NewRequest) -> Identity {
    let chain: Vec<CertificateDer<'static>> =
        chain(&answer.state()).iter().take(2).map(|it| it.der().clone()).collect();
    let key = PrivateKeyDer::from_pem_slice(request.key_pem().as_bytes()).unwrap();
    Identity { chain, key, password: "", version: &TLS13 }
}

/// How the hub answers a device of this identity.
async fn hub_says(service: &TestService, identity: &Identity, password: &str) -> ConnectReturnCode {
    let mut client = Client::dial_with(service, identity.tls(service)).await;
    let device = Device::at_hub(ID, HUB_WEST);
    let device = Device { password: password.to_owned(), ..device };
    client.say_hello(&device, Manners::default()).await.expect("an answer").code
}

/// A device over HTTPS: registers and polls.
async fn over_https(service: &TestService, body: &str) -> Value {
    let mut http = BackEnd::open(service, "localhost", &of_device(ID)).await;
    let target = |what: &str| format!("/{SCOPE}/registrations/{ID}/{what}?api-version={VERSION}");
    let accepted = http.send("PUT", &target("register"), None, body).await;
    let mut answer: Value = serde_json::from_str(&accepted.text).unwrap();
    while answer["status"] == "assigning" {
        let operation = format!("operations/{}", answer["operationId"].as_str().unwrap());
        answer = serde_json::from_str(&http.send("GET", &target(&operation), None, "").await.text)
            .unwrap();
    }
    answer
}

#[tokio::test]
async fn b_7_requests_of_openssl_are_granted_over_mqtt_and_https_alike() {
    let service = started().await;

    for (name, common_name) in [
        ("p256.der", "pump-0042"),
        ("p384.der", "Pump-0042"),
        ("rsa2048.der", "pump-0042"),
        ("extensions.der", "pump-0042"),
    ] {
        let request = body(&fixture(name));
        let answer = device(&service, VERSION).await.provision(&request).await;
        assert_chain(&chain(&answer.state()), common_name);
        let answer = over_https(&service, &request).await;
        assert_chain(&chain(&answer["registrationState"]), common_name);
    }
}

#[tokio::test]
async fn b_7_the_chain_stands_behind_the_payload_and_each_entry_is_der_in_one_line() {
    let service = started().await;
    let (answer, _) = provision(&service).await;

    let state = answer.state();
    let names: Vec<_> = state.as_object().unwrap().keys().collect();
    assert_eq!(*names.last().unwrap(), "issuedCertificateChain", "{state}");
    for entry in state["issuedCertificateChain"].as_array().unwrap() {
        assert!(entry.as_str().unwrap().starts_with("MII"), "{entry}");
    }
    let leaf = &chain(&state)[0];
    let validity = leaf.info().not_after.duration_since(leaf.info().not_before).unwrap();
    assert_eq!(validity.as_secs(), 3600 + 300, "by the policy, and five minutes for slow clocks");
}

#[tokio::test]
async fn j_435_what_is_wrong_with_a_request_is_told_with_400004_before_any_allocation() {
    let mut service = started().await;
    let mut client = device(&service, VERSION).await;
    let other = new_request("pump-0043").unwrap().to_base64();
    let pem = "-----BEGIN CERTIFICATE REQUEST-----\nMIHx\n-----END CERTIFICATE REQUEST-----";

    for (csr, told) in [
        ("", "is empty"),
        ("hello!", "is not Base64"),
        ("aGVsbG8=", "is not a PKCS #10 request"),
        (pem, "is PEM"),
        (&*fixture("rsa1024.der"), "RSA with 1024 bits"),
        (&*fixture("p521.der"), "EC P-521"),
        (&*fixture("sha1.der"), "signature"),
        (&*fixture("no-name.der"), "no common name"),
        (&*other, "pump-0043"),
        (&*"A".repeat(9000), "9000 characters"),
    ] {
        let answer = client.register(&body(csr)).await;
        let said = answer.body();
        assert_eq!((answer.status(), &said["errorCode"]), (400, &json!(400_004)), "{told}");
        assert!(said["message"].as_str().unwrap().contains(told), "{said}");
        let event = service.event().await;
        assert_eq!(event.failed_check, Some("certificateRequest"), "{told}");
        assert_eq!(event.status, "refused");
    }
    assert!(service.back_end().registration(ID).await.is_err(), "it has no record");
}

#[tokio::test]
async fn j_435_older_versions_ignore_the_request_and_a_lookup_has_none() {
    let service = started().await;
    let request = body(&new_request(ID).unwrap().to_base64());

    let answer = device(&service, "2021-06-01").await.provision(&request).await;
    assert_eq!(answer.state()["status"], "assigned");
    assert!(answer.state().get("issuedCertificateChain").is_none());

    let mut http = BackEnd::open(&service, "localhost", &of_device(ID)).await;
    let target = |version: &str| format!("/{SCOPE}/registrations/{ID}?api-version={version}");
    let told = http.send("POST", &target(VERSION), None, &request).await;
    assert_eq!(told.status, 400, "{}", told.text);
    assert!(told.text.contains("lookup"), "{}", told.text);
    assert_eq!(http.send("POST", &target("2021-06-01"), None, &request).await.status, 200);
}

#[tokio::test]
async fn j_442_the_chain_is_in_the_answer_to_polls_and_nowhere_else() {
    let service = Setup::enrollments(&line("1h")).admin().start().await;
    let request = new_request(ID).unwrap();
    let mut client = device(&service, VERSION).await;
    let accepted = client.register(&body(&request.to_base64())).await;
    let answer = client.result_of(&accepted).await;
    let again = client.poll(&accepted.operation_id()).await;
    assert_eq!(answer.text, again.text, "A-9");
    assert_chain(&chain(&again.state()), ID);

    let mut old = device(&service, "2021-06-01").await;
    let old = old.poll(&accepted.operation_id()).await;
    assert!(!old.text.contains("issuedCertificateChain"), "{}", old.text);
    let mut http = BackEnd::open(&service, "localhost", &of_device(ID)).await;
    let target = format!("/{SCOPE}/registrations/{ID}?api-version={VERSION}");
    let state = http.send("POST", &target, None, "").await.ok();
    assert!(state.get("issuedCertificateChain").is_none(), "{state}");
    let record = service.back_end().registration(ID).await.unwrap();
    assert!(!record.value().to_string().contains("issuedCertificateChain"), "{:?}", record.value());
}

#[tokio::test]
async fn j_439_without_an_authority_or_without_a_request_there_is_a_hub_and_no_certificate() {
    let request = body(&new_request(ID).unwrap().to_base64());

    let without = Setup::enrollments(&pumps("namespaceName = \"fleet\"")).start().await;
    let answer = device(&without, VERSION).await.provision(&request).await;
    assert_eq!(answer.state()["status"], "assigned");
    assert!(answer.state().get("issuedCertificateChain").is_none());

    let service = started().await;
    let answer = device(&service, VERSION).await.provision("").await;
    assert_eq!(answer.state()["assignedHub"], HUB_WEST);
    assert!(answer.state().get("issuedCertificateChain").is_none());
    // Its key is what its hub knows of it.
    Client::at_hub(&service, ID, HUB_WEST).await;
}

#[tokio::test]
async fn j_439_a_request_that_cannot_be_granted_in_the_end_fails_with_400040() {
    let service = Setup::enrollments(&pumps("certificatePolicyName = \"of-nobody\"")).start().await;
    let request = body(&new_request(ID).unwrap().to_base64());

    let answer = device(&service, VERSION).await.provision(&request).await;

    let unable = "Unable to complete the certificate request".to_owned();
    assert_eq!(answer.failure(), (400_040, unable));
    let entry = service.inside().journal().find(&JournalFilter::default()).pop().unwrap();
    let reason = entry.reason.as_ref().unwrap().to_string();
    assert!(reason.contains("\"of-nobody\"") && reason.contains("certificateAuthorities"));
}

#[tokio::test]
async fn j_437_the_preview_names_a_policy_alone_and_there_is_one_without_any_configuration() {
    let service =
        Setup::enrollments(&pumps("credentialPolicyName = \"default\"")).admin().start().await;
    let request = body(&new_request(ID).unwrap().to_base64());

    let answer = device(&service, "2025-07-01-preview").await.provision(&request).await;

    assert_chain(&chain(&answer.state()), ID);
}

#[tokio::test]
async fn j_461_an_issued_certificate_signs_in_and_the_onboarding_key_does_not() {
    let service = started().await;
    let (answer, request) = provision(&service).await;
    let issued = identity(&answer, &request);
    let foreign = IssuingAuthority::make("line-1", &Sources::default()).unwrap();
    let asked = provision_sim::pki::CertificateRequest::from_der(request.der()).unwrap();
    let hour = Duration::from_secs(3600);
    let foreign = foreign.issue(&asked, hour, &Sources::default()).unwrap();
    let foreign =
        Identity { chain: foreign, key: issued.key.clone_key(), ..identity(&answer, &request) };

    assert_eq!(hub_says(&service, &issued, "").await, ConnectReturnCode::Success);
    assert_ne!(hub_says(&service, &foreign, "").await, ConnectReturnCode::Success);
    let key = Device::at_hub(ID, HUB_WEST).password;
    let with_key = hub_says(&service, &Identity::none(), &key).await;
    assert_ne!(with_key, ConnectReturnCode::Success, "it is good for DPS alone");
}

#[tokio::test]
async fn j_440_a_device_that_comes_again_without_a_request_keeps_its_certificate() {
    let service = started().await;
    let (answer, request) = provision(&service).await;
    let issued = identity(&answer, &request);

    let again = device(&service, VERSION).await.provision("").await;

    assert!(again.state().get("issuedCertificateChain").is_none(), "it asked for none");
    assert_eq!(hub_says(&service, &issued, "").await, ConnectReturnCode::Success);
    let (renewed, other) = provision(&service).await;
    assert_eq!(
        hub_says(&service, &identity(&renewed, &other), "").await,
        ConnectReturnCode::Success
    );
    let code = hub_says(&service, &issued, "").await;
    assert_eq!(code, ConnectReturnCode::Success, "good until it expires");
}

#[tokio::test]
async fn j_438_the_authority_and_the_answer_outlive_the_service_where_a_state_is_kept() {
    let folder = TempDir::new().unwrap();
    let start = || Setup::enrollments(&line("1h")).state(folder.path()).start();
    let service = start().await;
    let request = new_request(ID).unwrap();
    let mut client = device(&service, VERSION).await;
    let accepted = client.register(&body(&request.to_base64())).await;
    let answer = client.result_of(&accepted).await;
    service.stop().await;

    let service = start().await;

    let again = device(&service, VERSION).await.poll(&accepted.operation_id()).await;
    assert_eq!(again.text, answer.text, "A-9");
    let issued = identity(&answer, &request);
    assert_eq!(hub_says(&service, &issued, "").await, ConnectReturnCode::Success);
    let (other, _) = provision(&service).await;
    assert_eq!(chain(&other.state())[2], chain(&answer.state())[2], "the same root");
}

#[tokio::test]
async fn j_32_a_service_that_is_started_anew_grants_what_was_asked_of_the_one_before() {
    let mut webhook = Webhook::start([Reaction::Held(200, String::new())]).await;
    let folder = TempDir::new().unwrap();
    let config = |url: &str| {
        let definition = format!(
            "allocationPolicy = \"custom\"\n\
             customAllocationDefinition = {{ webhookUrl = \"{url}\", apiVersion = \"{VERSION}\" }}\n\
             certificatePolicyName = \"default\""
        );
        Setup::enrollments(&pumps(&definition)).state(folder.path())
    };
    let service = config(&webhook.url()).start().await;
    let request = new_request(ID).unwrap();
    let mut client = device(&service, VERSION).await;
    let accepted = client.register(&body(&request.to_base64())).await;
    webhook.call().await;
    service.stop().await;

    let webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let service = config(&webhook.url()).start().await;
    let answer = device(&service, VERSION).await.result_of(&accepted).await;

    assert_chain(&chain(&answer.state()), ID);
}

#[tokio::test]
async fn j_461_an_expired_certificate_does_not_sign_in() {
    let clock = Clock::running(SystemTime::now());
    let service = Setup::enrollments(&line("5m")).clock(clock.clone()).start().await;
    let (answer, request) = provision(&service).await;
    let issued = identity(&answer, &request);

    assert_eq!(hub_says(&service, &issued, "").await, ConnectReturnCode::Success);
    assert!(clock.advance(Duration::from_secs(301)));

    assert_ne!(hub_says(&service, &issued, "").await, ConnectReturnCode::Success);
}

#[tokio::test]
async fn j_218_the_journal_tells_of_the_request_and_of_the_certificate_and_has_neither() {
    let service = started().await;
    let (answer, request) = provision(&service).await;

    let entry = service.inside().journal().find(&JournalFilter::default()).pop().unwrap();
    let certificate = entry.certificate.as_ref().unwrap();
    let serial = chain(&answer.state())[0].info().serial_number.clone();
    assert_eq!(certificate.serial_number.to_string(), serial);
    assert_eq!(
        (&*certificate.issuer.to_string(), &*certificate.policy.to_string()),
        ("fleet/line-1", "short")
    );
    let story = timeline(&entry);
    let titles: Vec<_> = story.iter().map(|moment| &*moment.title).collect();
    assert!(titles.contains(&"checks the request for a certificate"), "{titles:?}");
    let issues = "issues a certificate for CN=pump-0042 by fleet/line-1, policy short";
    assert!(titles.contains(&issues), "{titles:?}");
    let written = serde_json::to_string(&*entry).unwrap();
    assert!(!written.contains(&request.to_base64()), "{written}");
}
