//! Configurations with X.509 enrollments, and what a client shows of whatever certificates it is given.

pub(crate) mod forms;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::net::crypto;
use provision_sim::pki::TestCertificate;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::service::setup::TestService;

/// The text of a file in `tests/data/x509`.
pub(crate) fn pem_fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/x509/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

/// The configuration of an enrollment group; `rest` has its attestation.
pub(crate) fn group(id: &str, rest: &str) -> String {
    format!("\n[[enrollmentGroups]]\nenrollmentGroupId = \"{id}\"\n{rest}\n")
}

/// The attestation of a group by this certificate, which is uploaded to the instance too, as
/// verified: what follows belongs to that.
pub(crate) fn signed_by(pem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("signer-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{}{}", signed_by_unknown(pem), uploaded(&name, pem))
}

/// The attestation of a group by this certificate, which the instance does not have.
pub(crate) fn signed_by_unknown(pem: &str) -> String {
    format!(
        "attestation.type = \"x509\"\n\
         attestation.x509.signingCertificates.primary.certificate = \"\"\"\n{pem}\"\"\"\n"
    )
}

/// A certificate of the instance, which counts as verified.
pub(crate) fn uploaded(name: &str, pem: &str) -> String {
    format!("\n[[certificates]]\nname = \"{name}\"\ncertificate = \"\"\"\n{pem}\"\"\"\n")
}

/// The attestation of a group by an uploaded certificate, and that certificate.
pub(crate) fn reference(name: &str, pem: &str) -> String {
    format!(
        "attestation.type = \"x509\"\nattestation.x509.caReferences.primary = \"{name}\"\n{}",
        uploaded(name, pem)
    )
}

/// The configuration of an individual enrollment with two certificates.
pub(crate) fn individual(id: &str, rest: &str, primary: &str, secondary: &str) -> String {
    format!(
        "\n[[enrollments]]\nregistrationId = \"{id}\"\n{rest}\nattestation.type = \"x509\"\n\
         attestation.x509.clientCertificates.primary.certificate = \"\"\"\n{primary}\"\"\"\n\
         attestation.x509.clientCertificates.secondary.certificate = \"\"\"\n{secondary}\"\"\"\n"
    )
}

/// What a client has to show.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) password: &'static str,
    pub(crate) version: &'static SupportedProtocolVersion,
}

impl Identity {
    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key, password: "", version: &TLS13 }
    }

    pub(crate) fn of(made: &TestCertificate) -> Self {
        Self::new(made.chain().to_vec(), made.key())
    }

    /// `ID-cert.pem` and `ID-key.pem` of `tests/data/x509`.
    pub(crate) fn fixture(id: &str) -> Self {
        let certificate = pem_fixture(&format!("{id}-cert.pem"));
        let key = pem_fixture(&format!("{id}-key.pem"));
        Self::new(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
    }

    pub(crate) fn none() -> Self {
        let key = TestCertificate::self_signed("unused").unwrap().key();
        Self::new(Vec::new(), key)
    }

    pub(crate) fn over(self, version: &'static SupportedProtocolVersion) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn leaf_base64(&self) -> String {
        STANDARD.encode(&self.chain[0])
    }

    /// The certificate is not held against the key: a client may lie.
    pub(crate) fn tls(&self, service: &TestService) -> Arc<ClientConfig> {
        let builder = service.client_tls(self.version);
        if self.chain.is_empty() {
            return builder.with_no_client_auth().into();
        }
        let key = crypto().key_provider.load_private_key(self.key.clone_key()).unwrap();
        let certified = CertifiedKey::new(self.chain.clone(), key);
        builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))).into()
    }
}
