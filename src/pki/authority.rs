//! Authorities that sign, and the certificates that they make.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::error::PkiError;
use super::flaw::Flaw;
use super::named::{minting, newly_named};
use crate::attestation::DeviceCertificate;
use crate::sources::Sources;
use crate::wire::writable;

const DAY: Duration = Duration::DAY;
const YEAR: Duration = Duration::days(365);

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// From yesterday on: clocks differ.
    TenYears,
    /// Until yesterday.
    Expired,
    /// From in nine years on.
    NotYet,
}

/// An authority with its key.
pub struct TestAuthority {
    pem: String,
    /// Itself and those above it, but for the root.
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    issuer: Issuer<'static, KeyPair>,
    sources: Sources,
}

/// A device's certificate with its key.
pub struct TestCertificate {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    key: KeyPair,
}

impl TestAuthority {
    /// A root of this name.
    ///
    /// # Errors
    ///
    /// If the name is too long.
    pub fn root(name: &str) -> Result<Self, PkiError> {
        Self::root_by(name, &Sources::default())
    }

    /// A root of this name, with its time and chance from where it is told.
    pub(crate) fn root_by(name: &str, sources: &Sources) -> Result<Self, PkiError> {
        let (params, key) = (authority_params(name, sources)?, new_key(name, sources)?);
        let certificate = params.self_signed(&key).map_err(minting)?;
        let pem = certificate.pem();
        let issuer = Issuer::new(params, key);
        Ok(Self {
            pem,
            chain: Vec::new(),
            chain_pem: String::new(),
            issuer,
            sources: sources.clone(),
        })
    }

    /// An authority that was made before: its certificate, then those above it, and its key
    /// (PKCS #8). Devices send those of them that are not self-signed.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read, or they are not of one authority.
    pub fn from_pem(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, PkiError> {
        let no = |reason: String| PkiError::NoAuthority(reason);
        let key = key.as_ref();
        let identity = DeviceCertificate::read(certificates.as_ref(), Some(key), None)
            .map_err(|fault| no(fault.to_string()))?;
        let certificate = identity.leaf();
        if certificate.authority().is_none() {
            let name = &certificate.info().subject_name;
            return Err(no(format!("{name} is the certificate of no authority")));
        }
        let key = std::str::from_utf8(key)
            .ok()
            .and_then(|pem| KeyPair::from_pem(pem).ok())
            .ok_or_else(|| no("its key is none that can sign here; give PKCS #8".to_owned()))?;
        let issuer = Issuer::from_ca_cert_der(certificate.der(), key)
            .map_err(|error| no(error.to_string()))?;
        let sent: Vec<_> =
            identity.chain().iter().filter(|certificate| !certificate.is_self_signed()).collect();
        let to_pem =
            |der: &CertificateDer<'_>| pem::encode(&pem::Pem::new("CERTIFICATE", der.as_ref()));
        Ok(Self {
            pem: to_pem(certificate.der()),
            chain: sent.iter().map(|certificate| certificate.der().clone()).collect(),
            chain_pem: sent.iter().map(|certificate| to_pem(certificate.der())).collect(),
            issuer,
            sources: Sources::default(),
        })
    }

    /// An authority below this one.
    ///
    /// # Errors
    ///
    /// If the name is too long.
    pub fn intermediate(&self, name: &str) -> Result<Self, PkiError> {
        let sources = self.sources.clone();
        let (params, key) = (authority_params(name, &sources)?, new_key(name, &sources)?);
        let certificate = params.signed_by(&key, &self.issuer).map_err(minting)?;
        let pem = certificate.pem();
        let chain = above(certificate.der(), &self.chain);
        let chain_pem = format!("{pem}{}", self.chain_pem);
        let issuer = Issuer::new(params, key);
        Ok(Self { pem, chain, chain_pem, issuer, sources })
    }

    /// A certificate for a device.
    ///
    /// # Errors
    ///
    /// If the name is too long.
    pub fn device(&self, name: &str, validity: Validity) -> Result<TestCertificate, PkiError> {
        let (params, key) =
            (device_params(name, validity, &self.sources)?, new_key(name, &self.sources)?);
        let certificate = params.signed_by(&key, &self.issuer).map_err(minting)?;
        let pem = certificate.pem();
        let chain = above(certificate.der(), &self.chain);
        let chain_pem = format!("{pem}{}", self.chain_pem);
        Ok(TestCertificate { pem, chain, chain_pem, key })
    }

    /// A certificate with which a device of this name is refused.
    ///
    /// # Errors
    ///
    /// As [`device`](Self::device).
    pub fn flawed(&self, name: &str, flaw: Flaw) -> Result<TestCertificate, PkiError> {
        match flaw {
            Flaw::Expired => self.device(name, Validity::Expired),
            Flaw::NotYetValid => self.device(name, Validity::NotYet),
            Flaw::WrongName => self.device("another-device", Validity::TenYears),
            Flaw::WrongChain => {
                Self::root_by("provision-sim test root that is not enrolled", &self.sources)?
                    .intermediate("provision-sim test intermediate that is not enrolled")?
                    .device(name, Validity::TenYears)
            }
            Flaw::SelfSigned => TestCertificate::self_signed_by(name, &self.sources),
        }
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its key, PKCS #8.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }
}

impl TestCertificate {
    /// A certificate that is signed by itself, as individual enrollments may have it.
    ///
    /// # Errors
    ///
    /// If the name is too long.
    pub fn self_signed(name: &str) -> Result<Self, PkiError> {
        Self::self_signed_by(name, &Sources::default())
    }

    /// The same, valid around the time of these sources; see
    /// [`TestPki::made_by`](super::TestPki::made_by).
    ///
    /// # Errors
    ///
    /// As [`self_signed`](Self::self_signed).
    pub fn self_signed_by(name: &str, sources: &Sources) -> Result<Self, PkiError> {
        let validity = Validity::TenYears;
        let (params, key) = (device_params(name, validity, sources)?, new_key(name, sources)?);
        let certificate = params.self_signed(&key).map_err(minting)?;
        let (pem, chain) = (certificate.pem(), vec![certificate.der().clone()]);
        Ok(Self { chain_pem: pem.clone(), pem, chain, key })
    }

    /// The certificate alone.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What the device sends: its certificate, then those above it, but for the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The same as PEM.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// Its key, PKCS #8.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// Its key, as TLS takes it.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

/// A key on P-256, as most have them. One that follows from a seed is of Ed25519: no other signs without
/// chance, so that a certificate would have another thumbprint each time (J-310).
fn new_key(name: &str, Sources { chance, .. }: &Sources) -> Result<KeyPair, PkiError> {
    if !chance.is_seeded() {
        return KeyPair::generate().map_err(minting);
    }
    let mut der = Zeroizing::new([0; ED25519.len() + 32]);
    let (head, secret) = der.split_at_mut(ED25519.len());
    head.copy_from_slice(&ED25519);
    chance.fill("certificate", name, secret);
    let der = PrivatePkcs8KeyDer::from(&der[..]);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519).map_err(minting)
}

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

fn above(
    first: &CertificateDer<'static>,
    chain: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    std::iter::once(first).chain(chain).cloned().collect()
}

fn params(
    name: &str,
    validity: Validity,
    sources: &Sources,
) -> Result<CertificateParams, PkiError> {
    let mut params = newly_named(name)?;
    params.use_authority_key_identifier_extension = true;
    let now = OffsetDateTime::from(writable(sources.now()));
    let after = |duration| now.saturating_add(duration);
    (params.not_before, params.not_after) = match validity {
        Validity::TenYears => (now - DAY, after(YEAR * 10)),
        Validity::Expired => (now - DAY * 2, now - DAY),
        Validity::NotYet => (after(YEAR * 9), after(YEAR * 10)),
    };
    Ok(params)
}

fn authority_params(name: &str, sources: &Sources) -> Result<CertificateParams, PkiError> {
    let mut params = params(name, Validity::TenYears, sources)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn device_params(
    name: &str,
    validity: Validity,
    sources: &Sources,
) -> Result<CertificateParams, PkiError> {
    let mut params = params(name, validity, sources)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

impl fmt::Debug for TestAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestAuthority(key redacted)")
    }
}

impl fmt::Debug for TestCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestCertificate(key redacted)")
    }
}
