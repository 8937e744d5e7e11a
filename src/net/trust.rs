//! Whom a client trusts, and the TLS configuration that follows from it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::text::{plain, read_pem};

/// The authorities of a whole system have about 250 KB.
const MAX_CA_FILE: u64 = 16 * 1024 * 1024;

/// The cryptography that both halves use: ring. Named in one place and handed over explicitly, so
/// that a program that embeds this crate keeps its own default provider.
pub fn crypto() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Which certification authorities a client believes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// Those of the operating system.
    System,
    /// Those in a PEM file, in place of the system's.
    File(PathBuf),
    /// Those in a PEM text.
    Pem(String),
}

/// Why no trusted authorities could be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read.
    #[error("cannot read the CA file {path}: {}", plain(.source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something in it is no certificate.
    #[error("{origin} is not a PEM file of CA certificates: {reason}")]
    NotPem {
        /// Where the text came from.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It holds no certificate at all.
    #[error("{origin} holds no certificate; expected at least one `-----BEGIN CERTIFICATE-----`")]
    Empty {
        /// Where the text came from.
        origin: String,
    },
    /// The operating system has none.
    #[error("the operating system has no trusted CA certificates{0}")]
    NoSystemRoots(
        /// Details, if any.
        String,
    ),
}

/// A TLS client configuration: TLS 1.2 and 1.3, server name always verified, no session
/// resumption (a device that boots has no session to resume).
///
/// # Errors
///
/// If the trusted authorities cannot be had.
pub fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, TrustError> {
    let roots = roots(trust)?;
    let mut config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has cipher suites for both default versions"))
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The same configuration, with a certificate to show if the server asks for one. It is shown as it
/// is: webpki would refuse what DPS takes, such as certificates of version 1.
pub fn with_certificate(
    config: &ClientConfig,
    certificate: Arc<CertifiedKey>,
) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certificate));
    Arc::new(config)
}

/// The same configuration, with TLS sessions resumed where the server lets them be: what a device does
/// that was here a moment ago.
pub fn with_resumption(config: &ClientConfig) -> Arc<ClientConfig> {
    const SESSIONS: usize = 256;
    let mut config = config.clone();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Arc::new(config)
}

fn roots(trust: &Trust) -> Result<RootCertStore, TrustError> {
    match trust {
        Trust::System => system_roots(),
        Trust::Pem(text) => roots_from_pem(text.as_bytes(), "the given text"),
        Trust::File(path) => {
            let text = read_pem(path, MAX_CA_FILE)
                .map_err(|source| TrustError::Unreadable { path: path.clone(), source })?;
            roots_from_pem(&text, &describe(path))
        }
    }
}

fn describe(path: &Path) -> String {
    format!("the CA file {}", path.display())
}

fn roots_from_pem(text: &[u8], origin: &str) -> Result<RootCertStore, TrustError> {
    let not_pem = |reason: String| TrustError::NotPem { origin: origin.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error: pem::Error| not_pem(error.to_string()))?;
        roots.add(certificate).map_err(|error| not_pem(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(TrustError::Empty { origin: origin.to_owned() });
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry odd old certificates; those that cannot be read cannot be needed either.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let details = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(TrustError::NoSystemRoots(details));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_that_is_none_says_why() {
        let error = |trust: Trust| client_config(&trust).unwrap_err();

        assert!(matches!(
            error(Trust::File("/nonexistent/ca.pem".into())),
            TrustError::Unreadable { .. }
        ));
        assert!(matches!(error(Trust::Pem("hello".into())), TrustError::Empty { .. }));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(error(Trust::Pem(broken.into())), TrustError::NotPem { .. }));
    }
}
