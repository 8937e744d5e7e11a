//! D.5: which enrollment decides.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::*;
use crate::pki::{TestCertificate, TestPki};
use crate::service::attest::{Fault, Proof, attest as attest_any};
use crate::service::enrollment::read;
use crate::service::instance::InstanceCertificate;

fn id() -> RegistrationId {
    "pump-0042".parse().unwrap()
}

fn instance() -> Instance {
    Instance {
        id_scope: "0ne00000000".parse().unwrap(),
        linked_hubs: Vec::new(),
        certificates: Vec::new(),
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
        .map_err(|fault| fault.as_word())
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
    let certificates = vec![InstanceCertificate { name, certificate }];
    let instance = Instance { certificates, ..instance() };

    let now = SystemTime::now();
    let attested = attest(&instance, &enrollments, &id(), device.chain(), now).unwrap();

    assert_eq!(attested.enrollment.name(), "pumps");
    assert_eq!(decided(&enrollments, &device), Err("unknownChain"), "not uploaded");
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
        let proof = Proof::Absent;
        let result = attest_any(&instance(), &enrollments, &scope, &id(), &proof, now, Vec::new);
        result.map_err(|fault: Fault| fault.as_word()).unwrap_err()
    };

    assert_eq!(word(enrollments(None, &[])), "noToken");
    assert_eq!(word(enrollments(None, &[keys.clone(), x509.clone()])), "noToken");
    assert_eq!(word(enrollments(None, std::slice::from_ref(&x509))), "noCertificate");
    let leaf = TestCertificate::self_signed("pump-0042").unwrap();
    let own = Some(own(leaf.pem(), None, "enabled"));
    assert_eq!(word(enrollments(own, std::slice::from_ref(&keys))), "noCertificate");
    assert_eq!(word(enrollments(Some(by_key("enabled")), &[x509])), "noToken");
}
