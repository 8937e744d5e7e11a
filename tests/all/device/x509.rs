//! The device with a certificate, against our service and against servers that do not like it
//! (A.2, A.6, D.5).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use provision_sim::attestation::DeviceCertificate;
use provision_sim::device::{
    Class, Credential, Error, NetworkError, ProvisioningClient, Registered, Settings,
};
use provision_sim::net::{DialError, TlsFault, Trust, client_config, crypto};
use provision_sim::pki::{TestCertificate, TestPki};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P384_SHA384};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::x509::forms::{encrypted, pkcs1, pkcs8, sec1};
use crate::support::x509::{group, individual, pem_fixture, signed_by};

const PASSPHRASE: &str = "correct horse";

fn settings(address: SocketAddr, ca_pem: &str, certificate: &DeviceCertificate) -> Settings {
    Settings {
        timeout: Duration::from_secs(60),
        ..Settings::new(
            address.to_string().parse().unwrap(),
            SCOPE.parse().unwrap(),
            certificate.registration_id().unwrap(),
            Credential::X509(certificate.clone()),
            client_config(&Trust::Pem(ca_pem.to_owned())).unwrap(),
        )
    }
}

async fn register(
    service: &TestService,
    certificate: &DeviceCertificate,
) -> Result<Registered, Error> {
    let settings = settings(service.address(), service.ca_pem(), certificate);
    ProvisioningClient::new(settings).register(&mut |_| {}).await
}

fn read(certificates: &str, key: &str) -> DeviceCertificate {
    DeviceCertificate::read(certificates.as_bytes(), Some(key.as_bytes()), Some(PASSPHRASE))
        .unwrap()
}

fn identity(made: &TestCertificate) -> DeviceCertificate {
    read(made.chain_pem(), &made.key_pem())
}

fn device(pki: &TestPki, id: &str) -> TestCertificate {
    pki.device(&id.parse().unwrap()).unwrap()
}

fn fixture_key(name: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem_fixture(name).as_bytes()).unwrap()
}

#[tokio::test]
async fn d_5_an_individual_enrollment_assigns_a_self_signed_device() {
    let made = TestCertificate::self_signed("pump-0042").unwrap();
    let config = individual("pump-0042", "deviceId = \"p-42\"", made.pem(), made.pem());
    let service = Setup::enrollments(&config).start().await;

    let registered = register(&service, &identity(&made)).await.unwrap();

    assert_eq!(
        (registered.assigned_hub.as_str(), registered.device_id.as_str()),
        (HUB_WEST, "p-42")
    );
}

/// J-112.
#[tokio::test]
async fn d_5_a_group_by_its_root_needs_the_intermediate_that_the_device_sends() {
    let pki = TestPki::new().unwrap();
    let mut service =
        Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;
    let made = device(&pki, "pump-0042");

    let with = register(&service, &identity(&made)).await.unwrap();
    let without = register(&service, &read(made.pem(), &made.key_pem())).await.unwrap_err();

    assert_eq!(with.device_id, "pump-0042");
    assert!(matches!(without, Error::Unauthorized(_)), "{without:?}");
    assert_eq!(service.event().await.status, "assigned");
    assert_eq!(service.event().await.failed_check, Some("unknownChain"));
}

#[tokio::test]
async fn d_5_a_device_that_nobody_enrolled_is_401_and_has_said_hello_first() {
    let pki = TestPki::new().unwrap();
    let service = Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;
    let stranger = device(&TestPki::new().unwrap(), "pump-0042");

    let error = register(&service, &identity(&stranger)).await.unwrap_err();

    let Error::Unauthorized(rejection) = &error else { panic!("{error:?}") };
    assert_eq!((rejection.status, error.code().map(|code| code.0)), (401, Some(401_002)), "A-11");
}

#[tokio::test]
async fn d_5_every_pem_form_of_an_rsa_key_proves_the_device() {
    let service =
        Setup::enrollments(&group("rsa", &signed_by(&pem_fixture("rsa-ca.pem")))).start().await;
    let certificate = pem_fixture("rsa-device-cert.pem");
    let key = fixture_key("rsa-device-key.pem");

    for form in [pkcs8(&key), pkcs1(&key), encrypted(&key, PASSPHRASE)] {
        let registered = register(&service, &read(&certificate, &form)).await;
        assert_eq!(registered.unwrap().device_id, "rsa-device");
    }
}

#[tokio::test]
async fn d_5_every_pem_form_of_an_ec_key_proves_the_device() {
    let p256 = KeyPair::generate().unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();

    for pair in [p256, p384] {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "pump-0042");
        let certificate = params.self_signed(&pair).unwrap().pem();
        let key = PrivateKeyDer::Pkcs8(pair.serialize_der().into());
        let service = Setup::enrollments(&individual("pump-0042", "", &certificate, &certificate))
            .start()
            .await;

        for form in [pkcs8(&key), sec1(&key), encrypted(&key, PASSPHRASE)] {
            let registered = register(&service, &read(&certificate, &form)).await;
            assert_eq!(registered.unwrap().device_id, "pump-0042");
        }
    }
}

#[tokio::test]
async fn d_5_a_certificate_of_version_1_proves_the_device() {
    let certificate = pem_fixture("v1-ec-device-cert.pem");
    let service = Setup::enrollments(&individual("v1-ec-device", "", &certificate, &certificate))
        .start()
        .await;

    let identity = read(&certificate, &pem_fixture("v1-ec-device-key.pem"));

    assert_eq!(register(&service, &identity).await.unwrap().device_id, "v1-ec-device");
}

/// A server that lets in only those whose certificates `clients` signed, and its own certificate.
async fn strict_server(
    clients: &str,
    version: &'static SupportedProtocolVersion,
) -> (SocketAddr, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(clients.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), crypto());
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(crypto())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let refused = TlsAcceptor::from(Arc::new(config)).accept(tcp).into_fallible().await;
        // Whatever the client still says is read, so that nothing overtakes the alert.
        let (_, mut tcp) = refused.expect_err("the certificate is refused");
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    });
    (address, own.pem())
}

async fn error_of(address: SocketAddr, ca_pem: &str) -> Error {
    let stranger = TestCertificate::self_signed("pump-0042").unwrap();
    let settings = settings(address, ca_pem, &identity(&stranger));
    ProvisioningClient::new(settings).register(&mut |_| {}).await.unwrap_err()
}

/// J-113.
#[tokio::test]
async fn an_alert_about_the_certificate_is_told_in_tls_1_2() {
    let clients = TestPki::new().unwrap();
    let (address, ca_pem) = strict_server(clients.root().pem(), &TLS12).await;

    let error = error_of(address, &ca_pem).await;

    assert!(
        matches!(
            &error,
            Error::Network(NetworkError::Dial(DialError::Tls { fault: TlsFault::Alert(alert), .. }))
                if alert == "unknown_ca"
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_alert_about_the_certificate_is_told_in_tls_1_3_where_it_comes_after_the_handshake() {
    let clients = TestPki::new().unwrap();
    let (address, ca_pem) = strict_server(clients.root().pem(), &TLS13).await;

    let error = error_of(address, &ca_pem).await;

    assert!(
        matches!(&error, Error::Network(NetworkError::Alert { alert }) if alert == "unknown_ca"),
        "{error:?}"
    );
    assert_eq!((error.kind(), error.class()), ("tls", Class::Network));
}
