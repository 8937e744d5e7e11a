//! X.509 attestation over real TLS (A-3, A-10, A-11, D.5, J-19): a client with rustls and a bare
//! MQTT codec, so that it can send what no proper device would.

use provision_sim::attestation::Certificate;
use provision_sim::pki::{Flaw, TestCertificate, TestPki};
use rumqttc::ConnectReturnCode;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use crate::support::service::back_end::BackEnd;
use crate::support::service::client::{Answer, Client, Device, Manners};
use crate::support::service::setup::{HUB_WEST, Setup, TestService};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::x509::{
    Identity, group, individual, pem_fixture, reference, signed_by, signed_by_unknown, uploaded,
};

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn device(pki: &TestPki, id: &str) -> Identity {
    Identity::of(&pki.device(&id.parse().unwrap()).unwrap())
}

/// What a device is told at last, and what the service says of it.
#[derive(Debug)]
struct Told {
    status: u16,
    body: Value,
    failed_check: Option<&'static str>,
}

/// TLS, CONNECT and SUBSCRIBE, all of which have to succeed whatever the certificate.
async fn connect(service: &TestService, id: &str, identity: &Identity) -> Client {
    let mut client = Client::dial_with(service, identity.tls(service)).await;
    let device = Device::with_password(id, identity.password);
    client.log_in(&device, Manners::default()).await;
    client
}

async fn ask(service: &mut TestService, client: &mut Client) -> Told {
    let accepted = client.register("").await;
    let answer: Answer = match accepted.status() {
        202 => client.result_of(&accepted).await,
        _ => accepted,
    };
    let failed_check = service.event().await.failed_check;
    Told { status: answer.status(), body: answer.body(), failed_check }
}

async fn register(service: &mut TestService, id: &str, identity: Identity) -> Told {
    let mut client = connect(service, id, &identity).await;
    ask(service, &mut client).await
}

#[track_caller]
fn assert_refused(told: &Told, check: &str) {
    assert_eq!(told.status, 401, "{told:?}");
    assert_eq!(told.body["errorCode"], 401_002, "A-11");
    let message = match check {
        "unknownChain" | "selfSigned" | "noVerifiedCa" => "CA certificate not found.",
        "noGroup" => "Signing certificate info did not match chain elements.",
        _ => "Invalid certificate.",
    };
    assert_eq!(told.body["message"], message, "A-11, J-71");
    assert_eq!(told.failed_check, Some(check));
}

#[tokio::test]
async fn d_5_a_group_vouches_by_its_root_or_an_intermediate() {
    let pki = TestPki::new().unwrap();

    for certificate in [pki.root().pem(), pki.intermediate().pem()] {
        let mut service =
            Setup::enrollments(&group("pumps", &signed_by(certificate))).start().await;
        for version in BOTH {
            let answer =
                register(&mut service, "Pump-0042", device(&pki, "pump-0042").over(version)).await;

            assert_eq!(answer.status, 200, "{answer:?}");
            let state = &answer.body["registrationState"];
            assert_eq!(state["x509"], json!({ "enrollmentGroupId": "pumps" }), "B.3");
            assert_eq!(
                (&state["assignedHub"], &state["deviceId"], &state["status"]),
                (&json!(HUB_WEST), &json!("Pump-0042"), &json!("assigned"))
            );
            assert!(state.get("symmetricKey").is_none());
        }
    }
}

#[tokio::test]
async fn d_5_an_individual_enrollment_takes_either_of_its_certificates() {
    let made = || TestCertificate::self_signed("pump-0042").unwrap();
    let (primary, secondary, third) = (made(), made(), made());
    let config = individual("pump-0042", "deviceId = \"p-42\"", primary.pem(), secondary.pem());
    let mut service = Setup::enrollments(&config).start().await;

    for certificate in [&primary, &secondary] {
        let answer = register(&mut service, "pump-0042", Identity::of(certificate)).await;

        let state = &answer.body["registrationState"];
        assert_eq!((&state["x509"], &state["deviceId"]), (&json!({}), &json!("p-42")), "B.3");
    }
    assert_refused(&register(&mut service, "pump-0042", Identity::of(&third)).await, "thumbprint");
}

#[tokio::test]
async fn d_5_a_group_may_refer_to_a_certificate_of_the_instance() {
    let pki = TestPki::new().unwrap();
    let config = group("pumps", &reference("my-root", pki.root().pem()));
    let mut service = Setup::enrollments(&config).start().await;

    let answer = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;

    assert_eq!(answer.body["registrationState"]["x509"]["enrollmentGroupId"], "pumps");
}

#[tokio::test]
async fn d_5_the_first_group_on_the_way_to_the_root_decides_even_if_it_is_disabled() {
    let pki = TestPki::new().unwrap();
    let root = group("by-root", &signed_by(pki.root().pem()));
    let lower = |extra: &str| {
        group("by-intermediate", &format!("{extra}\n{}", signed_by(pki.intermediate().pem())))
    };

    let mut service = Setup::enrollments(&format!("{root}{}", lower(""))).start().await;
    let answer = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;
    assert_eq!(answer.body["registrationState"]["x509"]["enrollmentGroupId"], "by-intermediate");

    let disabled = lower("provisioningStatus = \"disabled\"");
    let mut service = Setup::enrollments(&format!("{root}{disabled}")).start().await;
    let answer = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("disabled")), "F.4");
}

#[tokio::test]
async fn d_5_a_disabled_individual_enrollment_blocks_a_device_of_a_group() {
    let pki = TestPki::new().unwrap();
    let config = format!(
        "{}\n[[enrollments]]\nregistrationId = \"pump-0042\"\nprovisioningStatus = \"disabled\"\n\
         attestation.type = \"symmetricKey\"\n",
        group("pumps", &signed_by(pki.root().pem()))
    );
    let mut service = Setup::enrollments(&config).start().await;

    let blocked = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;
    let other = register(&mut service, "pump-0043", device(&pki, "pump-0043")).await;
    let stranger = TestPki::new().unwrap();
    let stranger = register(&mut service, "pump-0042", device(&stranger, "pump-0042")).await;

    assert_eq!((blocked.status, &blocked.body["status"]), (200, &json!("disabled")));
    assert_eq!(other.body["status"], "assigned");
    assert_refused(&stranger, "otherAttestation");
}

#[tokio::test]
async fn k_3_a_group_takes_devices_below_a_verified_ca_only_unless_it_is_told_otherwise() {
    let pki = TestPki::new().unwrap();
    let root = pki.root().pem();
    let unknown = group("pumps", &signed_by_unknown(root));
    let unverified = format!("{unknown}{}verified = false\n", uploaded("my-root", root));
    for config in [&unknown, &unverified] {
        let mut service = Setup::enrollments(config).start().await;
        let answer = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;
        assert_refused(&answer, "noVerifiedCa");

        let lenient = format!("{config}\n[x509]\nrequireVerifiedCa = false\n");
        let mut service = Setup::enrollments(&lenient).start().await;
        let answer = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;
        assert_eq!(answer.body["status"], "assigned", "{answer:?}");
    }

    let no_group = format!(
        "{}{}",
        group("pumps", &signed_by(TestPki::new().unwrap().root().pem())),
        uploaded("my-root", root)
    );
    let mut service = Setup::enrollments(&no_group).start().await;
    let answer = register(&mut service, "pump-0042", device(&pki, "pump-0042")).await;
    assert_refused(&answer, "noGroup");
}

/// J-74.
#[tokio::test]
async fn d_5_bad_certificates_are_refused_at_the_register_request_and_the_session_stays_open() {
    let pki = TestPki::new().unwrap();
    let mut service =
        Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;

    for (flaw, check) in [
        (Flaw::Expired, "certificateExpired"),
        (Flaw::NotYetValid, "certificateNotYetValid"),
        (Flaw::WrongName, "commonName"),
        (Flaw::WrongChain, "unknownChain"),
        (Flaw::SelfSigned, "selfSigned"),
    ] {
        let id = flaw.registration_id();
        let bad = pki.bad_device(&id.parse().unwrap(), flaw).unwrap();
        let mut client = connect(&service, id, &Identity::of(&bad)).await;

        assert_refused(&ask(&mut service, &mut client).await, check);
        assert_refused(&ask(&mut service, &mut client).await, check);
    }
}

/// J-70.
#[tokio::test]
async fn d_5_a_chain_of_100_is_refused() {
    let pki = TestPki::new().unwrap();
    let mut service =
        Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;
    let mut long = device(&pki, "pump-0042");
    let intermediate = long.chain[1].clone();
    long.chain.resize(100, intermediate);

    assert_refused(&register(&mut service, "pump-0042", long).await, "chainTooLong");
}

#[tokio::test]
async fn a_3_rsa_keys_and_certificates_of_version_1_work_in_both_versions_of_tls() {
    let own = |kind: &str| {
        let pem = pem_fixture(&format!("v1-{kind}-device-cert.pem"));
        individual(&format!("v1-{kind}-device"), "", &pem, &pem)
    };
    let rsa = group("rsa", &signed_by(&pem_fixture("rsa-ca.pem")));
    let mut service =
        Setup::enrollments(&format!("{}{}{rsa}", own("rsa"), own("ec"))).start().await;

    for version in BOTH {
        for id in ["rsa-device", "v1-rsa-device", "v1-ec-device"] {
            let answer = register(&mut service, id, Identity::fixture(id).over(version)).await;

            assert_eq!(answer.body["status"], "assigned", "{id}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_3_a_certificate_whose_key_the_client_does_not_have_fails_the_handshake() {
    let pki = TestPki::new().unwrap();
    let service = Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;
    let ec = device(&pki, "pump-0042");

    for version in BOTH {
        for (stolen, key) in [
            (Identity::fixture("v1-ec-device"), &ec),
            (Identity::fixture("v1-rsa-device"), &Identity::fixture("rsa-device")),
            (device(&pki, "pump-0043"), &ec),
        ] {
            let thief = Identity { key: key.key.clone_key(), ..stolen }.over(version);

            // TLS 1.3 tells the client after its own half of the handshake.
            if let Ok(mut client) = Client::try_dial(&service, thief.tls(&service)).await {
                assert!(client.is_closed().await);
            }
        }
    }
}

/// J-76.
#[tokio::test]
async fn a_11_the_code_goes_by_what_the_device_brought() {
    let pki = TestPki::new().unwrap();
    let mut service =
        Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;

    let nothing = register(&mut service, "pump-0042", Identity::none()).await;
    assert_eq!((nothing.status, &nothing.body["errorCode"]), (401, &json!(401_002)));
    assert_eq!(nothing.failed_check, Some("noCertificate"));

    let with_token = Identity { password: "nonsense", ..device(&pki, "pump-0042") };
    let token = register(&mut service, "pump-0042", with_token).await;
    assert_eq!((token.status, &token.body["errorCode"]), (401, &json!(401_000)));
    assert_eq!(token.failed_check, Some("malformedToken"));
}

#[tokio::test]
async fn j_19_the_webhook_sees_the_certificate() {
    let pki = TestPki::new().unwrap();
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let config = group(
        "pumps",
        &format!(
            "allocationPolicy = \"custom\"\ncustomAllocationDefinition = {{ webhookUrl = \"{}\", apiVersion = \"2021-10-01\" }}\n{}",
            webhook.url(),
            signed_by(pki.root().pem())
        ),
    );
    let mut service = Setup::enrollments(&config).start().await;
    let identity = device(&pki, "pump-0042");
    let leaf = identity.leaf_base64();

    let answer = register(&mut service, "pump-0042", identity).await;

    assert_eq!(answer.body["registrationState"]["assignedHub"], HUB_WEST);
    let asked: Value = serde_json::from_str(&webhook.call().await.body).unwrap();
    assert_eq!(
        asked["deviceRuntimeContext"],
        json!({ "registrationId": "pump-0042", "x509": { "clientCertificate": leaf } })
    );
    assert_eq!(asked["enrollmentGroup"]["attestation"]["type"], "x509");
}

#[tokio::test]
async fn d_5_the_hub_has_the_thumbprint_of_the_certificate_that_was_presented_in_both_slots() {
    let made = || TestCertificate::self_signed("pump-0042").unwrap();
    let (primary, secondary) = (made(), made());
    let config = individual("pump-0042", "", primary.pem(), secondary.pem());
    let mut service = Setup::enrollments(&config).start().await;
    let hello = async |service: &TestService, certificate| {
        let identity = Identity::of(certificate);
        let mut client = Client::dial_with(service, identity.tls(service)).await;
        let device = Device { password: String::new(), ..Device::at_hub("pump-0042", HUB_WEST) };
        client.say_hello(&device, Manners::default()).await.expect("a CONNACK").code
    };

    for (own, other) in [(&primary, &secondary), (&secondary, &primary)] {
        register(&mut service, "pump-0042", Identity::of(own)).await;

        let shown = BackEnd::of_hub(&service, HUB_WEST).await.get("/devices/pump-0042").await.ok();
        let sha256 = Certificate::from_der(own.chain()[0].clone()).unwrap();
        let sha256 = &sha256.info().sha256_thumbprint;
        assert_eq!(
            shown["authentication"]["x509Thumbprint"],
            json!({ "primaryThumbprint": sha256, "secondaryThumbprint": sha256 })
        );
        let path = "/devices/pump-0042/messages/events";
        let https = service.https_with(Identity::of(own).tls(&service)).await;
        let told = BackEnd::over(https, HUB_WEST, "").await.ask("POST", path, None, "x").await;
        assert_eq!(told.status, 204, "J-186: {}", told.text);
        assert_eq!(hello(&service, own).await, ConnectReturnCode::Success);
        assert_eq!(hello(&service, other).await, ConnectReturnCode::NotAuthorized);
    }
}
