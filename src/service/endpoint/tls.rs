//! TLS as devices meet it (A.1): 1.2 and 1.3, a certificate by name, client certificates welcome.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

use crate::attestation::PublicKey;
use crate::net::crypto;
use crate::service::authority::{Authority, AuthorityError};
use crate::service::lock::{read, write};
use crate::wire::HubName;

/// The TLS configuration of every listener; `hubs` are the names that devices dial afterwards.
pub(in crate::service) fn server_config(
    authority: Authority,
    hubs: Vec<HubName>,
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
    hubs: Vec<HubName>,
    default: Arc<CertifiedKey>,
    minted: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

/// Every instance has a name below this (A.1).
const INSTANCES: &str = ".azure-devices-provisioning.net";
/// More names than a test bench uses; beyond it they are minted anew each time.
const MAX_MINTED: usize = 256;

impl ByName {
    fn new(authority: Authority, hubs: Vec<HubName>) -> Result<Self, AuthorityError> {
        let default = Arc::new(authority.mint_for_this_machine()?);
        Ok(Self { authority, hubs, default, minted: RwLock::default() })
    }

    fn is_allowed(&self, name: &str) -> bool {
        let is_instance = name
            .strip_suffix(INSTANCES)
            .is_some_and(|label| !label.is_empty() && !label.contains('.'));
        is_instance || self.hubs.iter().any(|hub| hub.is(name))
    }

    fn for_name(&self, name: &str) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let known = read(&self.minted).get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let minted = Arc::new(self.authority.mint(&[name])?);
        let mut all = write(&self.minted);
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

/// What [`verify_tls13_signature_with_raw_key`] is for TLS 1.2, which rustls does not have.
fn verify_with_key(
    message: &[u8],
    key: &PublicKey,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let mut schemes = algorithms.mapping.iter();
    let known = schemes.find(|(scheme, _)| *scheme == signature.scheme).map(|(_, known)| *known);
    if key.verifies(known.unwrap_or_default(), message, signature.signature()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }
}

/// Asks for a client certificate, insists on none and judges none: trust is decided at the
/// register request, where the device can be told. Possession of the key is still proved by
/// the handshake, also for certificates that webpki does not read, such as those of version 1.
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
        let algorithms = &self.provider.signature_verification_algorithms;
        match ParsedCertificate::try_from(certificate) {
            Ok(_) => verify_tls12_signature(message, certificate, signature, algorithms),
            Err(error) => {
                let key = PublicKey::of_certificate(certificate).ok_or(error)?;
                verify_with_key(message, &key, signature, algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match ParsedCertificate::try_from(certificate) {
            Ok(_) => verify_tls13_signature(message, certificate, signature, algorithms),
            Err(error) => {
                let key = PublicKey::of_certificate(certificate).ok_or(error)?;
                verify_tls13_signature_with_raw_key(message, &key.info(), signature, algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
