use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::{Proof, attest as attest_any};
use super::*;
use crate::attestation::{SoftwareTpm, registration_resource};
use crate::service::config::Config;
use crate::service::enrollment::read;
use crate::service::instance::Instance;

/// An ECC key on P-256 for storage; nothing looks at whether its point is one.
fn ecc() -> String {
    let mut area = vec![0, 0x23, 0, 0x0b, 0, 3, 4, 0x72, 0, 0, 0, 6, 0, 0x80, 0, 0x43, 0, 0x10];
    area.extend([0, 3, 0, 0x10]);
    for coordinate in [[1; 32], [2; 32]] {
        area.extend([0, 32]);
        area.extend(coordinate);
    }
    let mut bytes = vec![0, u8::try_from(area.len()).unwrap()];
    bytes.extend(area);
    STANDARD.encode(bytes)
}

struct World {
    instance: Instance,
    enrollments: Enrollments,
    keys: TpmKeys,
    platform: Arc<Platform>,
    id: RegistrationId,
}

impl World {
    fn new() -> Self {
        let tpm = SoftwareTpm::with_one_pair();
        let (id_scope, config) = ("0ne1", "linkedHubs = [\"west.azure-devices.net\"]");
        let config =
            Config::from_toml(&format!("idScope = \"{id_scope}\"\n{config}"), &[]).unwrap();
        let keys = tpm.public_keys();
        let mut world = Self {
            instance: config.instance().unwrap(),
            enrollments: Enrollments::default(),
            platform: Arc::new(Platform::read(&keys).unwrap()),
            keys,
            id: "pump-0042".parse().unwrap(),
        };
        let (key, none) = (world.keys.endorsement_key.clone().unwrap(), None);
        world.enroll(&key, none);
        world
    }

    fn enroll(&mut self, endorsement_key: &str, storage_root_key: Option<&str>) {
        let tpm = json!({ "endorsementKey": endorsement_key, "storageRootKey": storage_root_key });
        let attestation = json!({ "type": "tpm", "tpm": tpm });
        let json = json!({ "registrationId": "pump-0042", "attestation": attestation }).to_string();
        let own = read(Kind::Individual, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap();
        self.enrollments.put(Arc::new(own));
    }

    fn token(&self, key: &DeviceKey) -> SasToken {
        let resource = registration_resource(&self.instance.id_scope, &self.id);
        SasToken::sign(&resource, key, UNIX_EPOCH + Duration::from_secs(10))
    }

    /// `attested` or `challenge`, or why not, and the checks, the failed one with a `!`.
    fn judged(&self, proof: &Proof, nonce: Nonce<'_>) -> (&'static str, String) {
        let expected = (&self.instance.id_scope, &self.id);
        let brought = (proof, nonce);
        let judged =
            attest_any(&self.instance, &self.enrollments, expected, brought, UNIX_EPOCH, Vec::new);
        let (word, checks) = match judged {
            Ok(Answer::Attested(attested)) => ("attested", attested.checks(proof, true)),
            Ok(Answer::Challenge(challenge)) => ("challenge", challenge.checks(proof)),
            Err(refusal) => {
                assert!(!refusal.text(&self.id).is_empty());
                (refusal.fault.as_word(), refusal.checks(proof))
            }
        };
        let checks =
            checks.iter().map(|it| format!("{}{}", it.check, if it.passed { "" } else { "!" }));
        (word, checks.collect::<Vec<_>>().join(" "))
    }

    fn shows(
        &self,
        keys: &TpmKeys,
        token: Option<SasToken>,
        nonce: Nonce<'_>,
    ) -> (&'static str, String) {
        self.judged(&Proof::Tpm(TpmProof { keys: keys.clone(), token }), nonce)
    }
}

#[test]
fn b_5_keys_are_answered_with_a_challenge_and_a_token_of_its_key_is_believed() {
    let world = World::new();
    let key = DeviceKey::generate();
    let (nonce, token) = (Nonce::Given(&key, &world.platform), world.token(&key));

    assert_eq!(
        world.shows(&world.keys, None, nonce),
        (
            "challenge",
            "enrollment attestation tpm endorsementKey storageRootKey kindOfKey challenge".into()
        )
    );
    let trail = "enrollment attestation tpm endorsementKey storageRootKey kindOfKey challenge token \
                 resource expiry signature";
    assert_eq!(
        world.shows(&world.keys, Some(token.clone()), nonce),
        ("attested", trail.to_owned())
    );
    assert_eq!(
        world.shows(&world.keys, Some(world.token(&DeviceKey::generate())), nonce),
        ("signature", format!("{trail}!"))
    );
    // As polls do, and devices that SASL has let in.
    let trail = "enrollment attestation challenge endorsementKey storageRootKey token resource expiry \
                 signature";
    assert_eq!(world.judged(&Proof::Sas(token.clone()), nonce), ("attested", trail.to_owned()));
    assert_eq!(
        world.judged(&Proof::Sas(token), Nonce::Forgotten),
        ("notChallenged", "enrollment attestation challenge!".into())
    );
}

#[test]
fn d_6_each_key_that_is_not_the_enrolled_one_is_told() {
    let mut world = World::new();
    let other = SoftwareTpm::with_one_pair().public_keys();
    let mixed = TpmKeys { storage_root_key: other.storage_root_key.clone(), ..world.keys.clone() };
    let shown = |world: &World, keys: &TpmKeys| world.shows(keys, None, Nonce::Forgotten);

    assert_eq!(
        shown(&world, &other),
        ("endorsementKey", "enrollment attestation tpm endorsementKey!".into())
    );
    assert_eq!(shown(&world, &mixed).0, "challenge", "none is enrolled (J-383)");
    let keys = world.keys.clone();
    let [key, root] = [&keys.endorsement_key, &keys.storage_root_key].map(|it| it.clone().unwrap());
    world.enroll(&key, Some(&root));
    assert_eq!(
        shown(&world, &mixed),
        ("storageRootKey", "enrollment attestation tpm endorsementKey storageRootKey!".into())
    );
    assert_eq!(shown(&world, &keys).0, "challenge");
    let broken = TpmKeys { endorsement_key: Some("AToA".to_owned()), ..keys };
    assert_eq!(shown(&world, &broken), ("tpmKeys", "enrollment attestation tpm!".into()));
    world.id = "nobody".parse().unwrap();
    assert_eq!(shown(&world, &other), ("notEnrolled", "enrollment!".into()));
}

#[test]
fn d_6_an_enrollment_that_changes_between_the_legs_counts_as_it_is_now() {
    let mut world = World::new();
    let key = DeviceKey::generate();
    let token = world.token(&key);
    let platform = world.platform.clone();

    let other = SoftwareTpm::with_one_pair().public_keys().endorsement_key.unwrap();
    world.enroll(&other, None);

    let nonce = Nonce::Given(&key, &platform);
    assert_eq!(world.judged(&Proof::Sas(token.clone()), nonce).0, "endorsementKey");
    assert_eq!(world.shows(&world.keys, Some(token), nonce).0, "endorsementKey");
}

#[test]
fn j_386_an_ecc_key_is_stored_and_its_device_refused() {
    let mut world = World::new();
    let keys = TpmKeys { endorsement_key: Some(ecc()), storage_root_key: Some(ecc()) };
    world.enroll(&ecc(), None);

    assert_eq!(
        world.shows(&keys, None, Nonce::Forgotten),
        ("kindOfKey", "enrollment attestation tpm endorsementKey storageRootKey kindOfKey!".into())
    );
}

#[test]
fn d_6_over_mqtt_a_token_is_told_that_a_tpm_is_wanted() {
    let world = World::new();
    let token = Proof::Sas(world.token(&DeviceKey::generate()));

    let (word, checks) = world.judged(&token, Nonce::NotServed);

    assert_eq!(
        (word, &*checks),
        ("otherAttestation", "token resource expiry enrollment attestation!")
    );
    assert_eq!(world.judged(&Proof::Absent, Nonce::NotServed), ("noTpm", "proof!".to_owned()));
}
