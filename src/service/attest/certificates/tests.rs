//! D.5: which enrollment decides.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::*;
use crate::pki::{TestCertificate, TestPki};
use crate::service::attest::{Nonce, Proof, attest as attest_any};
use crate::service::enrollment::read;
use crate::service::instance::InstanceCertificate;

fn id() -> RegistrationId {
    "pump-0042".parse().unwrap()
}

fn instance() -> Instance {
    Instance {
        allocation_policy: None,
        id_scope: "0ne00000000".parse().unwrap(),
        linked_hubs: Vec::new(),
        certificates: Vec::new(),
        requires_verified_ca: false,
        issuers: Vec::new(),
    }
}

fn enrollments(individual: Option<Value>, groups: &[(&str, Value)]) -> Enrollments {
    let mut enrollments = Enrollments::default();
    let mut put = |kind, json: Value| {
        let json = serde_json::to_vec(&json).unwrap();
        enrollments.put(Arc::new(read(kind, &json, UNIX_EPOCH, 0, None).unwrap()));
    };
    if let Some(mut individual) = individual {
        individual["registrationId"] = json!("pump-0042");
        put(Kind::Individual, individual);
    }
    for (name, group) in groups {
        let mut group = group.clone();
        group["enrollmentGroupId"] = json!(name);
        put(Kind::Group, group);
    }
    enrollments
}

fn signed_by(pem: &str, status: &str) -> Value {
    json!({ "provisioningStatus": status, "attestation": { "type": "x509",
        "x509": { "signingCertificates": { "primary": { "certificate": pem } } } } })
}

fn own(primary: &str, secondary: Option<&str>, status: &str) -> Value {
    let slot = |pem: &str| json!({ "certificate": pem });
    json!({ "provisioningStatus": status, "attestation": { "type": "x509",
        "x509": { "clientCertificates":
            { "primary": slot(primary), "secondary": secondary.map(slot) } } } })
}

fn by_key(status: &str) -> Value {
    json!({ "provisioningStatus": status, "attestation": { "type": "symmetricKey" } })
}

/// The name of the enrollment that decides and whether it is enabled, or the word of the fault.
fn decided(
    enrollments: &Enrollments,
    device: &TestCertificate,
) -> Result<(String, bool), &'static str> {
    attest(&instance(), enrollments, &id(), device.chain(), SystemTime::now())
        .map(|attested| (attested.enrollment.name().to_owned(), attested.enrollment.is_enabled()))
        .map_err(|refusal| refusal.fault.as_word())
}

#[test]
fn d_5_a_disabled_group_decides_without_fall_through_to_the_next() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let [root, intermediate] = [pki.root().pem(), pki.intermediate().pem()];
    let groups = |lower: &str| {
        let lower = signed_by(intermediate, lower);
        enrollments(None, &[("a-root", signed_by(root, "enabled")), ("b-intermediate", lower)])
    };

    assert_eq!(decided(&groups("enabled"), &device), Ok(("b-intermediate".to_owned(), true)));
    assert_eq!(decided(&groups("disabled"), &device), Ok(("b-intermediate".to_owned(), false)));
}

#[test]
fn d_5_either_slot_of_an_individual_enrollment_matches_by_thumbprint() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let other = TestCertificate::self_signed("pump-0042").unwrap();
    let found = Ok(("pump-0042".to_owned(), true));

    let first = enrollments(Some(own(device.pem(), Some(other.pem()), "enabled")), &[]);
    assert_eq!(decided(&first, &device), found);
    assert_eq!(decided(&first, &other), found, "self-signed will do");

    let only_other = enrollments(
        Some(own(other.pem(), None, "enabled")),
        &[("pumps", signed_by(pki.root().pem(), "enabled"))],
    );
    assert_eq!(decided(&only_other, &device), Err("thumbprint"), "its own enrollment decides");
}

#[test]
fn d_5_a_disabled_individual_enrollment_of_any_kind_blocks_the_way_through_a_group() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let stranger = TestPki::new().unwrap().device(&id()).unwrap();
    let pumps = [("pumps", signed_by(pki.root().pem(), "enabled"))];
    let other = TestCertificate::self_signed("pump-0042").unwrap();

    for individual in [by_key("disabled"), own(other.pem(), None, "disabled")] {
        let enrollments = enrollments(Some(individual), &pumps);
        assert_eq!(decided(&enrollments, &device), Ok(("pump-0042".to_owned(), false)));
        assert!(decided(&enrollments, &stranger).is_err(), "no group would have taken it");
    }
    let own = enrollments(Some(own(device.pem(), None, "disabled")), &[]);
    assert_eq!(decided(&own, &device), Ok(("pump-0042".to_owned(), false)), "its own certificate");

    let enabled = enrollments(Some(by_key("enabled")), &pumps);
    assert_eq!(decided(&enabled, &device), Err("otherAttestation"));
}

/// J-72.
#[test]
fn d_5_groups_may_refer_to_certificates_of_the_instance() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let references = json!({ "attestation": { "type": "x509",
        "x509": { "caReferences": { "primary": "gone", "secondary": "My-Root" } } } });
    let enrollments = enrollments(None, &[("pumps", references)]);
    let certificate = Certificate::from_text(pki.root().pem()).unwrap();
    let name = "my-root".to_owned();
    let certificates = vec![InstanceCertificate { name, certificate, is_verified: true }];
    let instance = Instance { certificates, ..instance() };

    let now = SystemTime::now();
    let attested = attest(&instance, &enrollments, &id(), device.chain(), now).unwrap();

    assert_eq!(attested.enrollment.name(), "pumps");
    assert_eq!(decided(&enrollments, &device), Err("unknownChain"), "not uploaded");
}

/// What a device of a group is told, and the word of the log, where `uploaded` is in the instance.
fn told(
    uploaded: &[(&str, bool)],
    enrollments: &Enrollments,
    chain: &[CertificateDer<'static>],
    requires_verified_ca: bool,
) -> Result<String, (&'static str, &'static str)> {
    let uploaded = uploaded.iter().enumerate();
    let certificates = uploaded.map(|(index, (pem, is_verified))| InstanceCertificate {
        name: format!("ca-{index}"),
        certificate: Certificate::from_text(pem).unwrap(),
        is_verified: *is_verified,
    });
    let instance =
        Instance { certificates: certificates.collect(), requires_verified_ca, ..instance() };
    attest(&instance, enrollments, &id(), chain, SystemTime::now())
        .map(|attested| attested.enrollment.name().to_owned())
        .map_err(|refusal| (refusal.message, refusal.fault.as_word()))
}

#[test]
fn k_3_a_group_counts_only_if_what_is_sent_reaches_a_verified_ca() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let (root, intermediate) = (pki.root().pem(), pki.intermediate().pem());
    let by = |pem: &str| enrollments(None, &[("g", signed_by(pem, "enabled"))]);
    let leaf_alone = &device.chain()[..1];
    let refused = Err(("CA certificate not found.", "noVerifiedCa"));
    let taken = Ok("g".to_owned());

    // The signing certificate alone was enough before.
    assert_eq!(told(&[], &by(root), device.chain(), true), refused);
    assert_eq!(told(&[(root, false)], &by(root), device.chain(), true), refused);
    assert_eq!(told(&[(root, true)], &by(root), device.chain(), true), taken);
    // A lower signing certificate needs what lies between it and the uploaded one.
    assert_eq!(told(&[(root, true)], &by(intermediate), device.chain(), true), taken);
    assert_eq!(told(&[(root, true)], &by(intermediate), leaf_alone, true), refused);
    // An uploaded one itself needs the leaf only.
    assert_eq!(told(&[(intermediate, true)], &by(intermediate), leaf_alone, true), taken);
    // A group further up counts if something below it is verified.
    assert_eq!(told(&[(intermediate, true)], &by(root), device.chain(), true), taken);

    for uploaded in [&[][..], &[(root, false)]] {
        assert_eq!(told(uploaded, &by(root), device.chain(), false), taken, "as it is told to");
    }
}

#[test]
fn k_1_the_text_of_a_401_says_how_far_the_chain_came() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let alone = TestCertificate::self_signed("pump-0042").unwrap();
    let elsewhere = TestPki::new().unwrap();
    let none = enrollments(None, &[("g", signed_by(elsewhere.root().pem(), "enabled"))]);
    let own = enrollments(Some(own(alone.pem(), None, "enabled")), &[]);
    let root = pki.root().pem();
    let word = |told: Result<String, (&'static str, &'static str)>| told.unwrap_err();

    for required in [true, false] {
        assert_eq!(
            word(told(&[], &none, device.chain(), required)),
            ("CA certificate not found.", "unknownChain")
        );
        assert_eq!(
            word(told(&[(root, true)], &none, alone.chain(), required)),
            ("CA certificate not found.", "selfSigned")
        );
        assert_eq!(
            word(told(&[(root, true)], &none, device.chain(), required)),
            ("Signing certificate info did not match chain elements.", "noGroup")
        );
        assert_eq!(
            word(told(&[(root, true)], &own, device.chain(), required)),
            ("Invalid certificate.", "thumbprint")
        );
    }
    // An uploaded certificate that is not verified is not known, unless none has to be.
    assert_eq!(
        word(told(&[(root, false)], &none, device.chain(), true)),
        ("CA certificate not found.", "unknownChain")
    );
}

#[test]
fn k_13_a_refusal_names_the_enrollment_that_decided_and_why_it_goes_first() {
    let pki = TestPki::new().unwrap();
    let device = pki.device(&id()).unwrap();
    let other = TestCertificate::self_signed("pump-0042").unwrap();
    let pumps = [("pumps", signed_by(pki.root().pem(), "enabled"))];
    let text = |enrollments: Enrollments| {
        let now = SystemTime::now();
        attest(&instance(), &enrollments, &id(), device.chain(), now).unwrap_err().text(&id())
    };

    for own in [own(other.pem(), None, "enabled"), by_key("enabled")] {
        let text = text(enrollments(Some(own), &pumps));
        assert!(
            text.contains(
                "individual enrollment \"pump-0042\" decides, whatever its state; enrollment group \
                 \"pumps\" would take the device"
            ),
            "{text}"
        );
        assert!(text.contains("enrollment delete --local --enrollment-id pump-0042"), "{text}");
    }
    let alone = text(enrollments(Some(own(other.pem(), None, "enabled")), &[]));
    assert!(alone.contains("individual enrollment \"pump-0042\" decides, before any group"));
    let strict = Instance { requires_verified_ca: true, ..instance() };
    let group =
        attest(&strict, &enrollments(None, &pumps), &id(), device.chain(), SystemTime::now());
    assert!(group.unwrap_err().text(&id()).contains("enrollment group \"pumps\" decides"));
}

/// J-75.
#[test]
fn d_5_who_brings_nothing_is_told_what_is_wanted() {
    let pki = TestPki::new().unwrap();
    let x509 = ("x509", signed_by(pki.root().pem(), "enabled"));
    let keys = ("keys", by_key("enabled"));
    let word = |enrollments: Enrollments| {
        let scope = "0ne00000000".parse().unwrap();
        let now = SystemTime::now();
        let brought = (&Proof::Absent, Nonce::Forgotten);
        let result = attest_any(&instance(), &enrollments, (&scope, &id()), brought, now, Vec::new);
        result.map_err(|refusal: Refusal| refusal.fault.as_word()).unwrap_err()
    };

    assert_eq!(word(enrollments(None, &[])), "noToken");
    assert_eq!(word(enrollments(None, &[keys.clone(), x509.clone()])), "noToken");
    assert_eq!(word(enrollments(None, std::slice::from_ref(&x509))), "noCertificate");
    let leaf = TestCertificate::self_signed("pump-0042").unwrap();
    let own = Some(own(leaf.pem(), None, "enabled"));
    assert_eq!(word(enrollments(own, std::slice::from_ref(&keys))), "noCertificate");
    assert_eq!(word(enrollments(Some(by_key("enabled")), &[x509])), "noToken");
}
