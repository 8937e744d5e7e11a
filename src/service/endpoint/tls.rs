//! TLS as devices meet it (A.1): 1.2 and 1.3, a certificate by name, client certificates welcome.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, RwLock};
use std::{fmt, io};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{Acceptor, ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::names::Names;
use super::offer::Offer;
use crate::attestation::PublicKey;
use crate::net::crypto;
use crate::service::authority::{Authority, AuthorityError, CertificateFlaw, Chain};
use crate::service::lock::{read, write};
use crate::text::Foreign;

/// TLS of every listener.
#[derive(Debug, Clone)]
pub(in crate::service) struct Tls {
    certificates: Arc<Certificates>,
    ecdsa: Arc<ServerConfig>,
    rsa_below_ecdsa: Arc<ServerConfig>,
    rsa: Arc<ServerConfig>,
}

/// Why there is no connection, and what the client had offered, if it came as far as that.
pub(super) struct HandshakeFailure {
    pub(super) error: io::Error,
    pub(super) offer: Option<Offer>,
}

impl Tls {
    /// With certificates by this authority.
    pub(in crate::service) fn new(
        authority: Arc<Authority>,
        names: Names,
    ) -> Result<Self, AuthorityError> {
        let certificates = Arc::new(Certificates::new(authority, names)?);
        let config = |chain| {
            let by_name = ByName { certificates: certificates.clone(), chain };
            Arc::new(server_config(Arc::new(by_name)))
        };
        Ok(Self {
            ecdsa: config(Chain::Ecdsa),
            rsa_below_ecdsa: config(Chain::RsaBelowEcdsa),
            rsa: config(Chain::Rsa),
            certificates,
        })
    }

    /// Does the handshake. What has to be made for the client is made first, off the async threads.
    /// With a flaw, a certificate that has it is shown.
    pub(super) async fn accept<S>(
        &self,
        stream: S,
        flaw: Option<CertificateFlaw>,
    ) -> Result<TlsStream<S>, HandshakeFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await;
        let begun = begun.map_err(|error| HandshakeFailure { error, offer: None })?;
        let offer = Offer::of(&begun.client_hello());
        // One with which nothing can be done gets the alert that is right for it. Decided here: what
        // rustls tells whoever chooses a certificate lacks what the cipher suites have no use for.
        let chain = offer.chain().unwrap_or(Chain::Ecdsa);
        let config = match chain {
            Chain::Ecdsa => &self.ecdsa,
            Chain::RsaBelowEcdsa => &self.rsa_below_ecdsa,
            Chain::Rsa => &self.rsa,
        };
        if !Arc::ptr_eq(config, &self.ecdsa) {
            self.certificates.prepare_rsa().await;
        }
        let config = match flaw {
            None => config.clone(),
            Some(flaw) => {
                let name = begun.client_hello().server_name().map(str::to_ascii_lowercase);
                let flawed = self.certificates.flawed(chain, flaw, name.as_deref());
                flawed.map_err(|error| HandshakeFailure {
                    error: io::Error::other(error),
                    offer: None,
                })?
            }
        };
        let done = begun.into_stream(config).await;
        done.map_err(|error| HandshakeFailure { error, offer: Some(offer) })
    }
}

fn server_config(by_name: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has cipher suites for both default versions"))
        .with_client_cert_verifier(Arc::new(AnyCertificate { provider: crypto() }))
        .with_cert_resolver(by_name);
    // Two session tickets a handshake would be sent, and stored, for devices that never resume.
    config.send_tls13_tickets = 0;
    config
}

/// Mints a certificate for each name that is asked for and allowed; any other name, and no name,
/// gets the certificate for this machine, so that the client can say what is wrong.
struct Certificates {
    authority: Arc<Authority>,
    names: Names,
    /// By chain and name; that for this machine has none.
    minted: RwLock<HashMap<Wanted, Arc<CertifiedKey>>>,
    /// The RSA side is made, or is being made.
    rsa: OnceCell<()>,
    /// Names that were asked for in vain and told of.
    unknown: RwLock<HashSet<String>>,
}

/// By which keys, and for which name.
type Wanted = (Chain, Option<String>);

/// More names than a test bench uses; beyond it they are minted anew each time.
const MAX_MINTED: usize = 256;

impl Certificates {
    fn new(authority: Arc<Authority>, names: Names) -> Result<Self, AuthorityError> {
        let certificates = Self {
            authority,
            names,
            minted: RwLock::default(),
            rsa: OnceCell::new(),
            unknown: RwLock::default(),
        };
        // Found now rather than at the first handshake, whatever is wrong.
        certificates.certificate(Chain::Ecdsa, None)?;
        Ok(certificates)
    }

    fn certificate(
        &self,
        chain: Chain,
        name: Option<&str>,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let key = (chain, name.map(str::to_owned));
        let known = read(&self.minted).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let minted = Arc::new(match name {
            Some(name) => self.authority.mint(chain, &[name])?,
            None => self.authority.mint_for_this_machine(chain, &self.names.hosts)?,
        });
        let mut all = write(&self.minted);
        if all.len() < MAX_MINTED {
            all.insert(key, minted.clone());
        }
        Ok(minted)
    }

    /// What shows a certificate with this flaw, made anew: it is for tests, and not for many of them.
    fn flawed(
        &self,
        chain: Chain,
        flaw: CertificateFlaw,
        name: Option<&str>,
    ) -> Result<Arc<ServerConfig>, AuthorityError> {
        let name = name.filter(|name| self.names.have(name));
        let key = self.authority.mint_flawed(chain, flaw, name, &self.names.hosts)?;
        Ok(Arc::new(server_config(Arc::new(SingleCertAndKey::from(key)))))
    }

    /// Makes the RSA side, once, while others wait for it.
    async fn prepare_rsa(&self) {
        let authority = self.authority.clone();
        let make = async {
            let made = tokio::task::spawn_blocking(move || authority.make_rsa()).await;
            match made {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        };
        if !self.authority.is_local() {
            return;
        }
        let begun = self.rsa.get_or_try_init(|| async {
            make.await?;
            tracing::info!(
                "a client knows RSA only: there is an RSA chain now (J-207); its root is the second certificate of the CA file, which clients without ECDSA have to read anew"
            );
            Ok::<_, String>(())
        });
        if let Err(error) = begun.await {
            tracing::error!("a client knows RSA only, and no RSA chain can be made: {error}");
        }
    }

    /// Tells, once a name, how a client that dials it could be served.
    fn tell_of_unknown(&self, name: &str) {
        let is_local = name == "localhost" || name.parse::<IpAddr>().is_ok();
        if is_local || !self.authority.is_local() || read(&self.unknown).contains(name) {
            return;
        }
        let mut unknown = write(&self.unknown);
        if unknown.len() < MAX_MINTED && unknown.insert(name.to_owned()) {
            let name = Foreign::short(name);
            tracing::warn!(
                "a client dials {name}, for which there is no certificate; with `serve --host-name {name}` there is (J-208)"
            );
        }
    }
}

/// The certificates of one chain.
#[derive(Debug)]
struct ByName {
    certificates: Arc<Certificates>,
    chain: Chain,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Self { certificates, chain } = self;
        let asked = client_hello.server_name().map(str::to_ascii_lowercase);
        let name = asked.as_deref().filter(|name| certificates.names.have(name));
        if let (Some(asked), None) = (&asked, name) {
            certificates.tell_of_unknown(asked);
        }
        match certificates.certificate(*chain, name) {
            Ok(key) => Some(key),
            Err(error) => {
                let name = Foreign::short(name.unwrap_or("this machine"));
                tracing::error!("no certificate for {name}: {error}");
                None
            }
        }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("names", &self.names).finish_non_exhaustive()
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
