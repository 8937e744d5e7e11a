//! A device that has an issued certificate asks its hub for the next one (I.4).

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::attestation::Certificate;
use provision_sim::pki::{NewRequest, new_request};
use provision_sim::service::{JournalFilter, timeline};
use provision_sim::sources::Clock;
use rumqttc::{ConnectReturnCode, Packet, PubAck, QoS};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use serde_json::{Value, json};

use crate::support::service::client::{Answer, Client, Device, Manners};
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, Setup, TestService};
use crate::support::x509::Identity;

mod faults;

const ID: &str = "pump-0042";
const FILTER: &str = "$iothub/credentials/res/#";
const PREVIEW: &str = "2025-08-01-preview";

/// A group whose devices get certificates for an hour, and the authority that issues them.
fn setup() -> Setup {
    by_policy("short")
}

fn by_policy(policy: &str) -> Setup {
    Setup::enrollments(&format!(
        "[[certificateAuthorities]]\nnamespaceName = \"fleet\"\nname = \"line-1\"\n\
         policies = [{{ name = \"{policy}\", validity = \"1h\" }}]\n\
         [[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\n\
         attestation.type = \"symmetricKey\"\n\
         attestation.symmetricKey.primaryKey = \"{PRIMARY_KEY}\"\n\
         certificateAuthorityName = \"line-1\"\n"
    ))
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/csr/");
    STANDARD.encode(std::fs::read(format!("{folder}{name}")).unwrap())
}

fn chain(entries: &Value) -> Vec<Certificate> {
    let entries = entries.as_array().unwrap_or_else(|| panic!("{entries}"));
    let der = |entry: &Value| STANDARD.decode(entry.as_str().unwrap()).unwrap();
    entries.iter().map(|entry| Certificate::from_der(der(entry).into()).unwrap()).collect()
}

/// What a device shows that signs in with what it was issued.
fn identity(chain: &[Certificate], request: &NewRequest) -> Identity {
    let key = PrivateKeyDer::from_pem_slice(request.key_pem().as_bytes()).unwrap();
    let chain = chain.iter().take(2).map(|it| it.der().clone()).collect();
    Identity { chain, key, password: "", version: &TLS13 }
}

/// Registers, and is issued its first certificate.
async fn provision(service: &TestService) -> Identity {
    let request = new_request(ID).unwrap();
    let mut client = Client::connect(service, &Device::new(ID).api_version("2026-11-01")).await;
    let body = json!({ "registrationId": ID, "csr": request.to_base64() }).to_string();
    let state = client.provision(&body).await.state();
    identity(&chain(&state["issuedCertificateChain"]), &request)
}

/// A connection to the hub, by whatever certificate, on which nothing is subscribed to.
async fn sign_in(service: &TestService, identity: &Identity, manners: Manners) -> Client {
    let mut client = Client::dial_with(service, identity.tls(service)).await;
    let user_name = format!("{HUB_WEST}/{ID}/?api-version={PREVIEW}");
    let device = Device { password: String::new(), ..Device::at_hub(ID, HUB_WEST) };
    let connack = client.say_hello(&device.user_name(&user_name), manners).await;
    assert_eq!(connack.map(|it| it.code), Some(ConnectReturnCode::Success));
    client
}

/// The same, which hears of certificates.
async fn at_hub(service: &TestService, identity: &Identity) -> Client {
    let mut client = sign_in(service, identity, Manners::default()).await;
    client.subscribe(FILTER, QoS::AtLeastOnce).await;
    client
}

fn topic(rid: &str) -> String {
    format!("$iothub/credentials/POST/issueCertificate/?$rid={rid}")
}

fn body(csr: &str) -> Value {
    json!({ "id": ID, "csr": csr })
}

fn replacing(csr: &str, replace: &str) -> Value {
    json!({ "id": ID, "csr": csr, "replace": replace })
}

async fn ask(client: &mut Client, rid: &str, body: &Value) -> Answer {
    client.request(&topic(rid), body.to_string().as_bytes()).await
}

#[track_caller]
fn assert_topic(answer: &Answer, status: u16, rid: &str) {
    assert_eq!(answer.topic, format!("$iothub/credentials/res/{status}/?$rid={rid}"), "{answer:?}");
}

/// The code of an error, after a look at what all of them have.
#[track_caller]
fn code(answer: &Answer, rid: &str) -> u64 {
    let said = answer.body();
    let code = said["errorCode"].as_u64().unwrap_or_else(|| panic!("{said}"));
    assert_topic(answer, u16::try_from(code / 1000).unwrap(), rid);
    let names: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["errorCode", "message", "trackingId", "timestampUtc", "info"]);
    code
}

/// Whether nothing was said: the answer to something else comes first.
async fn is_silent(client: &mut Client) -> bool {
    client.subscribe("$iothub/twin/res/#", QoS::AtLeastOnce).await;
    client.twin().await["reported"].is_object()
}

/// The last answer, after it was told that it will come.
async fn renewed(client: &mut Client, rid: &str, csr: &str) -> Vec<Certificate> {
    let accepted = ask(client, rid, &body(csr)).await;
    assert_topic(&accepted, 202, rid);
    let answer = client.answer().await;
    assert_topic(&answer, 200, rid);
    assert_eq!(answer.body()["correlationId"], accepted.body()["correlationId"]);
    chain(&answer.body()["certificates"])
}

#[tokio::test]
async fn i_4_a_renewed_certificate_signs_in_and_the_old_one_still_does() {
    let service = setup().start().await;
    let old = provision(&service).await;
    let mut client = at_hub(&service, &old).await;
    let request = new_request(ID).unwrap();

    let chain = renewed(&mut client, "156089087", &request.to_base64()).await;

    let [leaf, issuing, root] = &chain[..] else { panic!("{chain:?}") };
    assert!(leaf.is_signed_by(issuing) && issuing.is_signed_by(root) && root.is_self_signed());
    assert_eq!(leaf.common_name(), Some(ID));
    assert_ne!(leaf.der(), &old.chain[0]);
    let validity = leaf.info().not_after.duration_since(leaf.info().not_before).unwrap();
    assert_eq!(validity.as_secs(), 3600 + 300, "by the policy, and five minutes for slow clocks");
    assert!(is_silent(&mut client).await, "the session goes on");
    sign_in(&service, &identity(&chain, &request), Manners::default()).await;
    sign_in(&service, &old, Manners::default()).await;
}

#[tokio::test]
async fn i_4_two_requests_one_after_the_other_are_both_granted() {
    let service = setup().start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;

    let first = renewed(&mut client, "rid-1", &fixture("p256.der")).await;
    let second = renewed(&mut client, "rid-2", &fixture("rsa2048.der")).await;

    assert_ne!(first[0].info().serial_number, second[0].info().serial_number);
    assert_eq!(first[1..], second[1..]);
    renewed(&mut client, "rid-2", &fixture("p384.der")).await;
}

#[tokio::test]
async fn i_4_the_first_answer_says_when_the_operation_ends() {
    let began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_863_040_565);
    let service = setup().clock(Clock::standing(began)).start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;

    let accepted = ask(&mut client, "rid-1", &body(&fixture("p256.der"))).await.body();

    assert_eq!(accepted["operationExpires"], "2026-01-31T12:52:20.565000000Z", "in 15 minutes");
    assert_eq!(accepted["correlationId"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn i_4_what_is_no_request_is_refused_at_once() {
    let service = setup().start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;
    let csr = fixture("p256.der");

    for (n, (said, expected)) in [
        (String::new(), 400_004),
        (r#"{"id": "pump-0042", "csr":"#.to_owned(), 400_006),
        (r#"["not","an","object"]"#.to_owned(), 400_004),
        (body("").to_string(), 400_004),
        (body(&"A".repeat(8196)).to_string(), 400_004),
        (body("not-valid-base64!!@@##").to_string(), 400_004),
        (json!({ "id": "other", "csr": csr }).to_string(), 400_004),
        (json!({ "id": "", "csr": csr }).to_string(), 400_004),
        (json!({ "id": ID, "csr": csr, "unknownField": "value" }).to_string(), 400_004),
        (replacing(&csr, "123").to_string(), 400_004),
    ]
    .into_iter()
    .enumerate()
    {
        let rid = format!("run-{n:03}");
        let answer = client.request(&topic(&rid), said.as_bytes()).await;
        assert_eq!(code(&answer, &rid), expected, "{said}");
        assert_eq!(answer.body()["info"], Value::Null);
    }
    let stale = "db8c0f73-ac73-4b90-bba4-8a26ae2fcb27";
    let answer = ask(&mut client, "run-011", &replacing(&csr, stale)).await;
    assert_eq!(code(&answer, "run-011"), 412_001);
    assert_eq!(answer.body()["info"], json!({ "requestId": stale }));
}

/// J-465.
#[tokio::test]
async fn i_4_what_is_in_a_request_is_judged_after_it_was_taken_up() {
    let service = setup().start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;
    let other = new_request("pump-0043").unwrap().to_base64();

    for (rid, csr, told) in [
        ("malformed", "aGVsbG8=", "not a PKCS #10 request"),
        ("curve", &*fixture("p521.der"), "EC P-521"),
        ("size", &*fixture("rsa1024.der"), "RSA with 1024 bits"),
        ("name", &*other, "pump-0043"),
    ] {
        let accepted = ask(&mut client, rid, &body(csr)).await;
        assert_topic(&accepted, 202, rid);
        let answer = client.answer().await;
        assert_eq!(code(&answer, rid), 400_040);
        let said = answer.body();
        assert_eq!(said["message"], "Unable to complete the certificate request at this time.");
        let info = &said["info"];
        assert_eq!(info["correlationId"], accepted.body()["correlationId"]);
        assert_eq!(info["credentialError"], "400000");
        let message = info["credentialMessage"].as_str().unwrap();
        assert!(message.starts_with("CSR did not pass verification"), "{message}");
        assert!(message.contains(told), "{message}");
    }
    renewed(&mut client, "good", &fixture("p256.der")).await;
}

/// J-466.
#[tokio::test]
async fn j_465_where_the_policy_is_gone_the_hub_is_the_one_to_blame() {
    let folder = tempfile::tempdir().unwrap();
    let service = setup().state(folder.path()).start().await;
    let own = provision(&service).await;
    service.stop().await;
    let service = by_policy("another").state(folder.path()).start().await;
    let mut client = at_hub(&service, &own).await;

    let accepted = ask(&mut client, "rid-1", &body(&fixture("p256.der"))).await;
    assert_topic(&accepted, 202, "rid-1");
    let answer = client.answer().await;

    assert_eq!(code(&answer, "rid-1"), 400_040);
    assert_eq!(answer.body()["info"]["credentialError"], "500000");
}

#[tokio::test]
async fn j_464_who_does_not_listen_or_does_not_name_its_request_or_is_too_old_is_not_answered() {
    let service = setup().start().await;
    let own = provision(&service).await;
    let request = body(&fixture("p256.der")).to_string();
    let request = request.as_bytes();

    let mut deaf = sign_in(&service, &own, Manners::default()).await;
    deaf.publish(&topic("rid-1"), request, QoS::AtLeastOnce).await;
    assert!(is_silent(&mut deaf).await);
    deaf.subscribe(FILTER, QoS::AtLeastOnce).await;
    assert!(is_silent(&mut deaf).await, "and was not taken up");

    for rid in ["", "abc", "-abcd", "ab_cd"] {
        deaf.publish(&topic(rid), request, QoS::AtLeastOnce).await;
        assert!(is_silent(&mut deaf).await, "{rid:?}");
    }
    deaf.publish("$iothub/credentials/POST/issueCertificate/", request, QoS::AtLeastOnce).await;
    assert!(is_silent(&mut deaf).await);

    let mut old = Client::dial_with(&service, own.tls(&service)).await;
    let device = Device { password: String::new(), ..Device::at_hub(ID, HUB_WEST) };
    old.say_hello(&device, Manners::default()).await;
    old.subscribe(FILTER, QoS::AtLeastOnce).await;
    old.publish(&topic("rid-1"), request, QoS::AtLeastOnce).await;
    assert!(is_silent(&mut old).await, "2021-04-12");
}

/// J-466.
#[tokio::test]
async fn i_4_an_identity_with_a_key_is_issued_nothing() {
    let service = setup().start().await;
    Client::connect(&service, &Device::new(ID)).await.provision("{}").await;
    let user_name = format!("{HUB_WEST}/{ID}/?api-version={PREVIEW}");
    let mut client = Client::dial(&service).await;
    let device = Device::at_hub(ID, HUB_WEST).user_name(&user_name);
    client.say_hello(&device, Manners::default()).await;
    client.subscribe(FILTER, QoS::AtLeastOnce).await;

    let answer = ask(&mut client, "rid-1", &body(&fixture("p256.der"))).await;

    assert_eq!(code(&answer, "rid-1"), 412_005);
}

/// The device ID is another than the name that was issued.
#[tokio::test]
async fn i_4_the_name_in_a_request_is_the_one_that_was_issued_first() {
    let service = Setup::enrollments(&format!(
        "[[enrollments]]\nregistrationId = \"{ID}\"\ndeviceId = \"other\"\n\
         attestation.type = \"symmetricKey\"\n\
         attestation.symmetricKey.primaryKey = \"{PRIMARY_KEY}\"\n\
         credentialPolicyName = \"default\"\n"
    ))
    .start()
    .await;
    let device = Device::with_key(ID, &STANDARD.decode(PRIMARY_KEY).unwrap());
    let mut client = Client::connect(&service, &device.api_version("2025-07-01-preview")).await;
    let request = new_request(ID).unwrap();
    let register = json!({ "registrationId": ID, "csr": request.to_base64() }).to_string();
    let state = client.provision(&register).await.state();
    let own = identity(&chain(&state["issuedCertificateChain"]), &request);
    let mut client = Client::dial_with(&service, own.tls(&service)).await;
    let device = Device {
        client_id: "other".to_owned(),
        user_name: format!("{HUB_WEST}/other/?api-version={PREVIEW}"),
        password: String::new(),
    };
    client.say_hello(&device, Manners::default()).await;
    client.subscribe(FILTER, QoS::AtLeastOnce).await;

    for (rid, csr, status) in [
        ("own-name", request.to_base64(), 200),
        ("device-id", new_request("other").unwrap().to_base64(), 400),
    ] {
        let asked = json!({ "id": "other", "csr": csr });
        assert_topic(&ask(&mut client, rid, &asked).await, 202, rid);
        assert_topic(&client.answer().await, status, rid);
    }
}

/// The runs 017 and 018: an answer waits for the subscription; and 020: on another connection too.
#[tokio::test]
async fn j_463_an_answer_that_was_not_acknowledged_comes_again_after_a_lost_connection() {
    let service = setup().start().await;
    let own = provision(&service).await;
    let mut client = at_hub(&service, &own).await;
    client
        .publish(
            &topic("rid-1"),
            body(&fixture("p256.der")).to_string().as_bytes(),
            QoS::AtLeastOnce,
        )
        .await;
    let Packet::Publish(accepted) = client.receive().await else { panic!("no 202") };
    client.send(Packet::PubAck(PubAck::new(accepted.pkid))).await;
    let Packet::Publish(lost) = client.receive().await else { panic!("no 200") };
    drop(client);

    let mut deaf = sign_in(&service, &own, Manners::default()).await;
    assert!(is_silent(&mut deaf).await, "it has to subscribe again");
    drop(deaf);
    let manners = Manners { clean_session: false, ..Manners::default() };
    let mut again = sign_in(&service, &own, manners).await;
    again.subscribe(FILTER, QoS::AtLeastOnce).await;
    let answer = again.answer().await;

    assert_topic(&answer, 200, "rid-1");
    assert_eq!(answer.text.as_bytes(), &lost.payload[..], "the same certificate");
    assert!(is_silent(&mut again).await);
    drop(again);
    let mut after = at_hub(&service, &own).await;
    assert!(is_silent(&mut after).await, "it has it");
}

#[tokio::test]
async fn j_471_the_journal_tells_of_renewals_in_the_entry_of_the_registration() {
    let service = setup().start().await;
    let mut client = at_hub(&service, &provision(&service).await).await;
    let csr = fixture("p256.der");
    let renewed = renewed(&mut client, "rid-1", &csr).await;
    ask(&mut client, "rid-2", &replacing(&csr, "rid-0")).await;
    ask(&mut client, "rid-3", &body(&fixture("p521.der"))).await;
    client.answer().await;

    let entry = service.inside().journal().find(&JournalFilter::default()).pop().unwrap();
    let [issued, stale, curve] = &entry.renewals[..] else { panic!("{:?}", entry.renewals) };
    let certificate = issued.certificate.as_ref().unwrap();
    assert_eq!(certificate.serial_number, *renewed[0].info().serial_number);
    assert_eq!((&issued.error_code, &issued.reason), (&None, &None));
    assert_eq!(stale.error_code.map(|it| it.0), Some(412_001));
    assert!(stale.certificate.is_none() && stale.request_id == "rid-2");
    assert!(curve.reason.as_ref().unwrap().contains("EC P-521"), "{curve:?}");
    let titles: Vec<_> = timeline(&entry).into_iter().map(|moment| moment.title).collect();
    for title in [
        "issues another certificate for CN=pump-0042 by fleet/line-1, policy short (request rid-1)",
        "refuses the request rid-2 for a certificate with 412001",
        "refuses the request rid-3 for a certificate with 400040",
    ] {
        assert!(titles.iter().any(|it| it == title), "{titles:#?}");
    }
    let written = serde_json::to_value(&*entry).unwrap();
    assert_eq!(written["renewals"][1]["requestId"], "rid-2");
    assert!(!written.to_string().contains(&csr));
}
