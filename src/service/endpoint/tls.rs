//! TLS as devices meet it (A.1): 1.2 and 1.3, a certificate by name, client certificates welcome.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};

use crate::net::crypto;
use crate::service::authority::{Authority, AuthorityError};

/// The TLS configuration of every listener; `hubs` are the names that devices dial afterwards.
pub(in crate::service) fn server_config(
    authority: Authority,
    hubs: Vec<String>,
) -> Result<ServerConfig, AuthorityError> {
    let resolver = ByName::new(authority, hubs)?;
    let verifier = Arc::new(AnyCertificate { provider: crypto() });
    let mut config = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has cipher suites for both default versions"))
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    // Two session tickets a handshake would be sent, and stored, for devices that never resume.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Mints a certificate for each name that is asked for and allowed; any other name, and no name,
/// gets the certificate for this machine, so that the client can say what is wrong.
struct ByName {
    authority: Authority,
    hubs: Vec<String>,
    default: Arc<CertifiedKey>,
    minted: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

/// Every instance has a name below this (A.1).
const INSTANCES: &str = ".azure-devices-provisioning.net";
/// More names than a test bench uses; beyond it they are minted anew each time.
const MAX_MINTED: usize = 256;

impl ByName {
    fn new(authority: Authority, hubs: Vec<String>) -> Result<Self, AuthorityError> {
        let default = Arc::new(authority.mint_for_this_machine()?);
        Ok(Self { authority, hubs, default, minted: RwLock::default() })
    }

    fn is_allowed(&self, name: &str) -> bool {
        let is_instance = name
            .strip_suffix(INSTANCES)
            .is_some_and(|label| !label.is_empty() && !label.contains('.'));
        is_instance || self.hubs.iter().any(|hub| hub.eq_ignore_ascii_case(name))
    }

    fn for_name(&self, name: &str) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let known =
            self.minted.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let minted = Arc::new(self.authority.mint(&[name])?);
        let mut all = self.minted.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if all.len() < MAX_MINTED {
            all.insert(name.to_owned(), minted.clone());
        }
        Ok(minted)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = client_hello.server_name().map(str::to_ascii_lowercase);
        match name.filter(|name| self.is_allowed(name)) {
            None => Some(self.default.clone()),
            Some(name) => match self.for_name(&name) {
                Ok(key) => Some(key),
                Err(error) => {
                    tracing::error!("no certificate for {name}: {error}");
                    None
                }
            },
        }
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByName").field("hubs", &self.hubs).finish_non_exhaustive()
    }
}

/// Asks for a client certificate, insists on none and judges none: trust is decided at the
/// register request, where the device can be told. Possession of the key is still proved by
/// the handshake.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
