//! What a device can find out about its certificate and key by itself (D.5), on certificates that
//! are made for it.

use std::time::Duration;

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd,
};

use super::*;

struct Made {
    pem: String,
    key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn made(name: &str, above: Option<&Made>, change: impl FnOnce(&mut CertificateParams)) -> Made {
    signed_with(KeyPair::generate().unwrap(), name, above, change)
}

fn signed_with(
    key: KeyPair,
    name: &str,
    above: Option<&Made>,
    change: impl FnOnce(&mut CertificateParams),
) -> Made {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let certificate = match above {
        Some(above) => params.signed_by(&key, &above.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let (pem, key_pem) = (certificate.pem(), key.serialize_pem());
    Made { pem, key_pem, issuer: Issuer::new(params, key) }
}

fn ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn read(certificates: &str, key: Option<&str>) -> Result<DeviceCertificate, IdentityFault> {
    DeviceCertificate::read(certificates.as_bytes(), key.map(str::as_bytes), None)
}

fn fault(certificates: &str, key: Option<&str>) -> IdentityFault {
    read(certificates, key).unwrap_err()
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/x509/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

/// Root, intermediate and device.
fn three() -> [Made; 3] {
    let root = made("root", None, ca);
    let lower = made("lower", Some(&root), ca);
    let device = made("Pump-0042", Some(&lower), |_| {});
    [root, lower, device]
}

#[test]
fn d_5_leaf_intermediates_and_key_are_read_from_one_file_or_two() {
    let [_, lower, device] = three();
    let chain = format!("{}{}", device.pem, lower.pem);

    let one = read(&format!("{chain}{}", device.key_pem), None).unwrap();
    let key_first = read(&format!("{}{chain}", device.key_pem), None).unwrap();
    let two = read(&chain, Some(&device.key_pem)).unwrap();

    for read in [one, key_first, two] {
        assert_eq!(read.chain().len(), 2);
        assert_eq!(read.certified_key().cert.len(), 2);
        assert_eq!(read.leaf().common_name(), Some("Pump-0042"));
        assert_eq!(read.warnings(SystemTime::now()), []);
    }
}

/// J-114.
#[test]
fn d_5_keys_of_all_kinds_and_certificates_of_version_1_are_read() {
    for id in ["rsa-device", "v1-rsa-device", "v1-ec-device"] {
        let (certificate, key) =
            (fixture(&format!("{id}-cert.pem")), fixture(&format!("{id}-key.pem")));
        assert!(read(&certificate, Some(&key)).is_ok(), "{id}");
    }
    for algorithm in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let device = signed_with(KeyPair::generate_for(algorithm).unwrap(), "a", None, |_| {});
        assert!(read(&device.pem, Some(&device.key_pem)).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn a_key_of_a_kind_that_cannot_be_used_is_named() {
    let fault = fault(&fixture("p521-device-cert.pem"), Some(&fixture("p521-device-key.pem")));

    assert_eq!(fault, IdentityFault::UnsupportedKey { kind: "EC P-521".to_owned() });
}

#[test]
fn d_5_the_registration_id_is_the_common_name_in_any_case() {
    let [_, _, device] = three();
    let now = SystemTime::now();
    let read = read(&device.pem, Some(&device.key_pem)).unwrap();

    assert_eq!(read.registration_id().unwrap().as_str(), "Pump-0042", "as it is written");
    assert_eq!(read.check(&"pump-0042".parse().unwrap(), now), Ok(()));
    assert_eq!(
        read.check(&"pump-0043".parse().unwrap(), now).unwrap_err().to_string(),
        r#"the certificate is for CN="Pump-0042", the registration ID is pump-0043"#
    );
}

#[test]
fn d_1_a_common_name_that_is_no_registration_id_gives_none() {
    let spaced = made("pump 42", None, |_| {});
    let nameless = made("", None, |params| params.distinguished_name = DistinguishedName::new());

    let id = |made: &Made| read(&made.pem, Some(&made.key_pem)).unwrap().registration_id();

    assert!(matches!(id(&spaced), Err(IdentityFault::NoRegistrationId { .. })));
    assert_eq!(id(&nameless), Err(IdentityFault::NoCommonName));
}

#[test]
fn d_5_a_certificate_is_valid_from_its_first_second_to_its_last() {
    let device = made("a", None, |params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 2, 1);
    });
    let read = read(&device.pem, Some(&device.key_pem)).unwrap();
    let at = |now| read.check(&"a".parse().unwrap(), now);
    let (info, second) = (read.leaf().info(), Duration::from_secs(1));

    assert_eq!(at(info.not_before), Ok(()));
    assert_eq!(at(info.not_after), Ok(()));
    assert_eq!(
        at(info.not_before - second).unwrap_err().to_string(),
        "the certificate is valid from 2026-01-01T00:00:00Z on; by this machine's clock it is \
         2025-12-31T23:59:59Z"
    );
    assert_eq!(
        at(info.not_after + second).unwrap_err().to_string(),
        "the certificate expired on 2026-02-01T00:00:00Z; by this machine's clock it is \
         2026-02-01T00:00:01Z"
    );
}

#[test]
fn d_5_a_wrong_order_and_a_foreign_key_are_told_apart() {
    let [root, lower, device] = three();
    let upside_down = format!("{}{}{}", root.pem, lower.pem, device.pem);

    assert_eq!(
        fault(&upside_down, Some(&device.key_pem)).to_string(),
        "the order is wrong: the private key belongs to certificate 3 (CN=Pump-0042), the first is CN=root"
    );
    let foreign = fault(&device.pem, Some(&made("x", None, |_| {}).key_pem));
    assert_eq!(
        foreign.to_string(),
        "the private key does not belong to the certificate (CN=Pump-0042)"
    );
    assert!(foreign.is_about_key());
}

#[test]
fn files_that_hold_something_else_say_what() {
    let [_, _, device] = three();

    assert_eq!(
        fault(&device.key_pem, Some(&device.pem)).to_string(),
        "it holds no certificate, but `PRIVATE KEY`"
    );
    assert_eq!(
        fault(&device.pem, Some(&device.pem)).to_string(),
        "it holds no private key, but `CERTIFICATE`"
    );
    assert_eq!(
        fault(&device.pem, None),
        IdentityFault::NoKey { found: vec!["CERTIFICATE".to_owned()] }
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(
        fault(&format!("{}{broken}", device.pem), None),
        IdentityFault::Malformed { position: 2 }
    );
    let ssh = device.key_pem.replace("PRIVATE", "OPENSSH PRIVATE");
    assert_eq!(
        fault(&device.pem, Some(&ssh)).to_string(),
        "a private key of the form `OPENSSH PRIVATE KEY` is not supported"
    );
    let damaged = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(fault(&device.pem, Some(damaged)), IdentityFault::Key(PrivateKeyFault::Unusable));
}

/// J-110.
#[test]
fn d_5_odd_chains_are_warned_of() {
    let [root, lower, device] = three();
    let over = made("over", Some(&root), |params| {
        ca(params);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let below_over = made("a", Some(&over), |_| {});
    let warnings = |pem: String, key: &Made| {
        let read = read(&pem, Some(&key.key_pem)).unwrap();
        read.warnings(SystemTime::now()).iter().map(ToString::to_string).collect::<Vec<_>>()
    };

    assert_eq!(
        warnings(format!("{}{}{}", device.pem, root.pem, lower.pem), &device),
        [
            "certificate 2 (CN=root) did not sign the one before it (CN=Pump-0042), whose issuer is CN=lower",
            "certificate 3 (CN=lower) did not sign the one before it (CN=root), whose issuer is CN=root",
        ]
    );
    assert_eq!(
        warnings(root.pem.clone(), &root),
        [
            "the first certificate (CN=root) is a CA certificate; devices should have one of their own"
        ]
    );
    assert_eq!(
        warnings(format!("{}{}", below_over.pem, over.pem), &below_over),
        ["certificate 2 (CN=over) is valid from 2019-01-01T00:00:00Z to 2020-01-01T00:00:00Z only"]
    );
}

#[test]
fn the_key_does_not_show_itself_in_debug() {
    let [_, _, device] = three();
    let shown = format!("{:?}", read(&device.pem, Some(&device.key_pem)).unwrap());

    assert!(shown.starts_with("DeviceCertificate([Certificate(CN=Pump-0042"), "{shown}");
    assert!(shown.ends_with("key redacted)"), "{shown}");
}

proptest! {
    #[test]
    fn no_pem_text_makes_it_panic(
        parts in prop::collection::vec(
            prop_oneof![
                Just("-----BEGIN CERTIFICATE-----\n".to_owned()),
                Just("-----END CERTIFICATE-----\n".to_owned()),
                Just("-----BEGIN PRIVATE KEY-----\n".to_owned()),
                Just("-----END PRIVATE KEY-----\n".to_owned()),
                Just("-----BEGIN ENCRYPTED PRIVATE KEY-----\n".to_owned()),
                Just("-----END ENCRYPTED PRIVATE KEY-----\n".to_owned()),
                Just("Proc-Type: 4,ENCRYPTED\n\n".to_owned()),
                "[A-Za-z0-9+/]{0,64}={0,2}\n",
                "\\PC{0,20}",
            ],
            0..12,
        ),
    ) {
        let text = parts.concat();
        let _ = DeviceCertificate::read(text.as_bytes(), None, Some("secret"));
        let _ = DeviceCertificate::read(text.as_bytes(), Some(text.as_bytes()), None);
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut text =
            format!("{}{}", fixture("rsa-device-cert.pem"), fixture("rsa-device-key.pem"))
                .into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = DeviceCertificate::read(&text, None, None) {
            let _ = (read.registration_id(), read.warnings(SystemTime::now()));
        }
    }
}
