//! TLS with clients that are not like ours: RSA only (J-207), and names of their own (J-208).

use std::path::Path;
use std::sync::Arc;

use provision_sim::net::{Trust, client_config, crypto};
use provision_sim::service::{Authority, Config, Options, Service};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CipherSuite, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::service::within;

/// A client's cryptography: signatures in handshakes and certificates, and cipher suites.
struct Abilities {
    ecdsa_signatures: bool,
    rsa_signatures: bool,
    suites: &'static [CipherSuite],
}

const OLD: &[CipherSuite] = &[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
const NEW: &[CipherSuite] = &[CipherSuite::TLS13_AES_128_GCM_SHA256];

impl Abilities {
    /// A client of these abilities that trusts what is in the file now.
    fn client(&self, ca_file: &Path) -> Arc<ClientConfig> {
        let mut provider: CryptoProvider = (*crypto()).clone();
        provider.cipher_suites.retain(|suite| self.suites.contains(&suite.suite()));
        let mut algorithms = provider.signature_verification_algorithms;
        let mapping = algorithms.mapping.iter().filter(|(scheme, _)| {
            let name = format!("{scheme:?}");
            (name.starts_with("ECDSA") && self.ecdsa_signatures)
                || (name.starts_with("RSA") && self.rsa_signatures)
        });
        algorithms.mapping = Vec::leak(mapping.copied().collect());
        provider.signature_verification_algorithms = algorithms;
        let provider = Arc::new(provider);
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(ca_file).unwrap() {
            roots.add(root.unwrap()).unwrap();
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_webpki_verifier(verifier.build().unwrap())
            .with_no_client_auth();
        Arc::new(config)
    }
}

/// A service whose authority is kept in a folder.
async fn service(folder: &Path, host_names: &[&str]) -> Service {
    let options = Options {
        host_names: host_names.iter().map(|name| (*name).to_owned()).collect(),
        ..Options::on_free_ports(Authority::in_folder(folder).unwrap())
    };
    let config = Config::from_toml("idScope = \"0ne00002193\"", &[]).unwrap();
    Service::start(&config, options).await.unwrap()
}

/// The certificates of the service, if there is a handshake.
async fn dial(
    service: &Service,
    client: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<Vec<CertificateDer<'static>>> {
    let tcp = TcpStream::connect(service.mqtt_address()).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connecting = TlsConnector::from(client).connect(name, tcp);
    let stream = within("the handshake", connecting).await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap().to_vec())
}

#[tokio::test]
async fn j_207_a_client_whose_cipher_suites_know_rsa_only_needs_no_other_ca_file() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), &[]).await;
    let ca_file = Authority::certificate_path(folder.path());
    let client = Abilities { ecdsa_signatures: true, rsa_signatures: true, suites: OLD };

    dial(&service, client.client(&ca_file), "localhost").await.unwrap();
}

#[tokio::test]
async fn j_207_a_client_that_knows_rsa_alone_trusts_the_second_certificate_of_the_ca_file() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = Authority::certificate_path(folder.path());
    let first = service(folder.path(), &[]).await;
    let before = std::fs::read_to_string(&ca_file).unwrap();
    let client = |suites| {
        Abilities { ecdsa_signatures: false, rsa_signatures: true, suites }.client(&ca_file)
    };

    dial(&first, client(OLD), "localhost").await.expect_err("its root is new to the client");

    let after = std::fs::read_to_string(&ca_file).unwrap();
    assert!(after.starts_with(&before) && after.len() > before.len());
    for name in ["localhost", "global.azure-devices-provisioning.net"] {
        dial(&first, client(OLD), name).await.unwrap();
        dial(&first, client(NEW), name).await.unwrap();
    }
    let modern = client_config(&Trust::File(ca_file.clone())).unwrap();
    dial(&first, modern, "localhost").await.unwrap();
    first.stop().await;

    // The next service has the same root.
    let second = service(folder.path(), &[]).await;
    dial(&second, client(OLD), "localhost").await.unwrap();
    assert_eq!(std::fs::read_to_string(&ca_file).unwrap(), after);
}

#[tokio::test]
async fn j_208_certificates_are_made_for_the_names_that_a_machine_has() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), &["dps", "172.17.0.2"]).await;
    let ca_file = Authority::certificate_path(folder.path());
    let client = || client_config(&Trust::File(ca_file.clone())).unwrap();

    for name in ["dps", "172.17.0.2", "localhost", "127.0.0.1"] {
        dial(&service, client(), name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    dial(&service, client(), "other").await.expect_err("a name that nobody gave it");
}
