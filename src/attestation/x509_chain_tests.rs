//! D.5, fault by fault, on certificates that are made for it.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::*;

/// A certificate with its key.
struct Made {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn made(name: &str, above: Option<&Made>, change: impl FnOnce(&mut CertificateParams)) -> Made {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = match above {
        Some(above) => params.signed_by(&key, &above.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let certificate = Certificate::from_der(certificate.der().clone()).unwrap();
    Made { certificate, issuer: Issuer::new(params, key) }
}

fn ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn device(above: &Made) -> Made {
    made("pump-0042", Some(above), |_| {})
}

fn id() -> RegistrationId {
    "pump-0042".parse().unwrap()
}

fn ders(chain: &[&Made]) -> Vec<CertificateDer<'static>> {
    chain.iter().map(|made| made.certificate.der().clone()).collect()
}

fn read(chain: &[&Made]) -> Result<DeviceChain, X509Fault> {
    DeviceChain::read(&ders(chain), &id(), SystemTime::now())
}

/// Which of the enrolled certificates decides for the presented ones; the first of both is 0.
fn first(presented: &[&Made], enrolled: &[&Made]) -> Result<usize, X509Fault> {
    let anchors: Vec<_> = enrolled
        .iter()
        .enumerate()
        .map(|(index, made)| Anchor { certificate: &made.certificate, stands_for: index })
        .collect();
    read(presented)?.first_enrolled(&anchors, SystemTime::now()).map(|anchor| anchor.stands_for)
}

fn word<T: std::fmt::Debug>(result: Result<T, X509Fault>) -> &'static str {
    result.unwrap_err().as_word()
}

/// J-70.
#[test]
fn d_5_the_first_enrolled_certificate_from_the_leaf_upwards_decides() {
    let root = made("root", None, ca);
    let upper = made("upper", Some(&root), ca);
    let lower = made("lower", Some(&upper), ca);
    let leaf = device(&lower);
    let all = [&leaf, &lower, &upper, &root];

    assert_eq!(first(&all, &[&root, &upper, &lower]), Ok(2));
    assert_eq!(first(&all, &[&root, &upper]), Ok(1));
    assert_eq!(first(&all, &[&root]), Ok(0));
    assert_eq!(first(&[&leaf], &[&root, &lower]), Ok(1), "an enrolled one need not be sent");
    assert_eq!(first(&[&leaf, &lower, &upper], &[&root]), Ok(0));
    assert_eq!(first(&[&leaf, &upper, &root, &lower], &[&root]), Ok(0), "in any order");
}

#[test]
fn d_5_a_chain_that_reaches_nothing_says_where_it_ends() {
    let (root, other) = (made("root", None, ca), made("other", None, ca));
    let lower = made("lower", Some(&root), ca);
    let leaf = device(&lower);

    let fault =
        |chain: &[&Made], enrolled: &[&Made]| first(chain, enrolled).unwrap_err().to_string();

    assert_eq!(
        fault(&[&leaf, &lower], &[&other]),
        r#"the chain ends at "CN=lower", whose issuer "CN=root" was not sent and is in no enrollment group"#
    );
    assert_eq!(
        fault(&[&leaf, &lower, &root], &[&other]),
        r#"the chain ends at "CN=root", a root that is in no enrollment group"#
    );
    assert_eq!(word(first(&[&leaf], &[])), "unknownChain");
    let own = made("pump-0042", None, |_| {});
    assert_eq!(word(first(&[&own], &[&root])), "selfSigned");
    assert_eq!(word(first(&[&own, &own], &[&root])), "selfSigned", "sent twice");
}

#[test]
fn d_5_a_name_is_not_enough_the_issuer_must_have_signed() {
    let (root, impostor) = (made("root", None, ca), made("root", None, ca));
    let lower = made("lower", Some(&impostor), ca);

    let fault = first(&[&device(&lower), &lower], &[&root]).unwrap_err();
    assert_eq!(
        fault.to_string(),
        r#""CN=lower" is not signed by the key of "CN=root", which it names as its issuer"#
    );
    assert_eq!(first(&[&device(&lower), &lower], &[&root, &impostor]), Ok(1));

    let mut forged = ders(&[&device(&root)]);
    let mut bytes = forged[0].to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    forged[0] = bytes.into();
    let chain = DeviceChain::read(&forged, &id(), SystemTime::now()).unwrap();
    let anchor = Anchor { certificate: &root.certificate, stands_for: () };
    assert_eq!(word(chain.first_enrolled(&[anchor], SystemTime::now())), "certificateSignature");
}

#[test]
fn d_5_issuers_must_be_authorities() {
    let root = made("root", None, ca);
    let device_as_issuer = made("lower", Some(&root), |_| {});
    let no_cert_sign = made("lower", Some(&root), |params| {
        ca(params);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    });

    for lower in [&device_as_issuer, &no_cert_sign] {
        let leaf = device(lower);
        assert_eq!(word(first(&[&leaf, lower], &[&root])), "issuerNotCa", "sent");
        assert_eq!(word(first(&[&leaf, lower], &[&root, lower])), "issuerNotCa", "enrolled");
    }
}

#[test]
fn d_5_an_issuer_that_allows_no_authority_below_itself_vouches_for_devices_only() {
    let root = made("root", None, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let lower = made("lower", Some(&root), ca);

    assert_eq!(first(&[&device(&root)], &[&root]), Ok(0));
    assert_eq!(word(first(&[&device(&lower), &lower], &[&root])), "pathLength");
}

/// J-73.
#[test]
fn d_5_issuers_must_be_in_date_and_a_renewed_one_stands_in_for_the_old() {
    let root = made("root", None, ca);
    let over = made("lower", Some(&root), |params| {
        ca(params);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let future = made("lower", Some(&root), |params| {
        ca(params);
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    let expired = device(&over);

    assert_eq!(word(first(&[&expired, &over], &[&root])), "issuerExpired");
    assert_eq!(word(first(&[&expired], &[&root, &over])), "issuerExpired");
    assert_eq!(word(first(&[&device(&future), &future], &[&root])), "issuerNotYetValid");

    // The same name and key, new dates.
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "lower");
    ca(&mut params);
    let renewed = params.signed_by(over.issuer.key(), &root.issuer).unwrap();
    let renewed = Made {
        certificate: Certificate::from_der(renewed.der().clone()).unwrap(),
        issuer: Issuer::new(params, KeyPair::generate().unwrap()),
    };
    assert_eq!(first(&[&expired], &[&over, &renewed]), Ok(1));
    assert_eq!(first(&[&expired, &over, &renewed], &[&root]), Ok(0));
}

#[test]
fn d_5_the_common_name_is_the_registration_id_in_any_case() {
    let root = made("root", None, ca);
    let named = |name: &str| read(&[&made(name, Some(&root), |_| {})]);

    assert!(named("PUMP-0042").is_ok());
    assert_eq!(
        named("pump-0043").unwrap_err().to_string(),
        r#"the certificate is for CN="pump-0043", the registration ID is pump-0042"#
    );
    let nameless = made("x", None, |params| params.distinguished_name = DistinguishedName::new());
    assert_eq!(
        read(&[&nameless]).unwrap_err().to_string(),
        "the certificate is without a common name, the registration ID is pump-0042"
    );
}

/// J-77.
#[test]
fn d_5_the_leaf_is_valid_from_its_first_second_to_its_last() {
    let leaf = made("pump-0042", None, |params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 2, 1);
    });
    let info = leaf.certificate.info().clone();
    let at = |now| DeviceChain::read(&ders(&[&leaf]), &id(), now).map(|_| ());
    let second = Duration::from_secs(1);

    assert_eq!(at(info.not_before), Ok(()));
    assert_eq!(at(info.not_after), Ok(()));
    assert_eq!(
        at(info.not_before - second * 90).unwrap_err().to_string(),
        "the certificate becomes valid in 1 min 30 s"
    );
    assert_eq!(
        at(info.not_after + second * 3).unwrap_err().to_string(),
        "the certificate expired 3 s ago"
    );
}

/// J-70.
#[test]
fn d_5_a_chain_of_100_is_refused_unread() {
    let nonsense = vec![CertificateDer::from(vec![0]); 100];
    let fault = |chain: &[_]| DeviceChain::read(chain, &id(), SystemTime::now()).unwrap_err();

    assert_eq!(fault(&nonsense), X509Fault::TooLong { count: 100, max: MAX_CHAIN });
    assert_eq!(fault(&nonsense[..MAX_CHAIN]).as_word(), "malformedCertificate");
    assert_eq!(fault(&[]), X509Fault::Absent);
}

#[test]
fn d_5_authorities_that_sign_each_other_lead_nowhere() {
    // Two names, each the issuer of the other: the walk must end.
    let a = made("a", None, ca);
    let b = made("b", Some(&a), ca);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "a");
    ca(&mut params);
    let a_below_b = params.signed_by(a.issuer.key(), &b.issuer).unwrap();
    let a_below_b = Made {
        certificate: Certificate::from_der(a_below_b.der().clone()).unwrap(),
        issuer: Issuer::new(params, KeyPair::generate().unwrap()),
    };

    assert_eq!(word(first(&[&device(&b), &b, &a_below_b, &b, &a_below_b], &[])), "unknownChain");
}

/// A certificate extension with this identifier, which nobody knows.
fn unknown(critical: bool) -> impl Fn(&mut CertificateParams) {
    move |params| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 9999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        params.custom_extensions.push(extension);
    }
}

/// RFC 5280, 4.2.
#[test]
fn j_205_a_critical_extension_that_nobody_knows_refuses_leaf_and_issuer() {
    let root = made("root", None, ca);
    let strict_root = made("strict root", None, |params| {
        ca(params);
        unknown(true)(params);
    });
    let leaf = made("pump-0042", Some(&root), unknown(true));
    let lenient = made("pump-0042", Some(&root), unknown(false));
    let below = device(&strict_root);

    assert_eq!(word(first(&[&leaf], &[&root])), "criticalExtension");
    assert_eq!(word(first(&[&below], &[&strict_root])), "criticalExtension");
    assert_eq!(first(&[&lenient], &[&root]), Ok(0));
}

#[test]
fn d_5_a_signature_that_nothing_here_verifies_is_named_and_not_called_another_authoritys() {
    for (authority, device, way) in [
        (
            include_str!("../../tests/data/x509/sha1-ca.pem"),
            include_str!("../../tests/data/x509/sha1-device-cert.pem"),
            "by RSA with SHA-1",
        ),
        (
            include_str!("../../tests/data/x509/p521-ca.pem"),
            include_str!("../../tests/data/x509/below-p521-cert.pem"),
            "by a key that is EC P-521",
        ),
    ] {
        let authority = Certificate::from_text(authority).unwrap();
        let device = Certificate::from_text(device).unwrap();
        let now = SystemTime::now();
        let chain = DeviceChain::read(&[device.der().clone()], &id(), now).unwrap();
        let anchor = Anchor { certificate: &authority, stands_for: 0 };

        let fault = chain.first_enrolled(&[anchor], now).unwrap_err();

        let subject = "CN=pump-0042".to_owned();
        assert_eq!(fault, X509Fault::UnsupportedSignature { subject, way: way.to_owned() });
    }
}
