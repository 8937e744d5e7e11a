//! An authority that grants requests for certificates: an issuing one below a root.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::error::PkiError;
use super::long_chain::longer_way;
use super::named::{minting, named, newly_named};
use super::request::CertificateRequest;
use crate::attestation::{Certificate, DeviceCertificate};
use crate::sources::Sources;
use crate::wire::writable;

/// How long an authority is valid that is made here.
const LIFETIME: time::Duration = time::Duration::days(10 * 365);
/// Room for clocks that are behind, when an authority is made.
const DAY: time::Duration = time::Duration::DAY;
/// Room for devices whose clock is behind, when a certificate is issued.
const CLOCK_ROOM: time::Duration = time::Duration::minutes(5);

/// An issuing authority with its key, and those above it, whose keys it does not have.
pub struct IssuingAuthority {
    /// Itself, then those above it, the root last.
    certificates: Vec<Certificate>,
    issuer: Issuer<'static, KeyPair>,
}

impl IssuingAuthority {
    /// A root of this name, whose key is forgotten at once, and an issuing authority below it, which signs
    /// no other authorities. Both have keys on P-384, left to chance whatever the sources are (J-310), and
    /// are valid for ten years around the time of these.
    ///
    /// # Errors
    ///
    /// If the name is too long, or the system gives no random numbers.
    pub fn make(name: &str, sources: &Sources) -> Result<Self, PkiError> {
        // The number tells authorities apart that were made at different times.
        let number = sources.chance.salt("issuing authority");
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(minting);
        let now = OffsetDateTime::from(writable(sources.now()));
        let (root_key, issuing_key) = (key()?, key()?);
        let root = authority(&format!("{name} root {number:08x}"), None, now)?;
        let root_der = root.self_signed(&root_key).map_err(minting)?.der().clone();
        let root = Issuer::new(root, root_key);
        let issuing = authority(&format!("{name} issuing {number:08x}"), Some(0), now)?;
        let issuing_der = issuing.signed_by(&issuing_key, &root).map_err(minting)?.der().clone();
        Self::of(vec![issuing_der, root_der], issuing_key)
    }

    /// One that was made before: PEM, its certificate first, then those above it, and its key (PKCS #8).
    ///
    /// # Errors
    ///
    /// If one of them cannot be read, they are not of one authority, one does not sign the one before, or the
    /// last is no root.
    pub fn from_pem(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, PkiError> {
        let key = key.as_ref();
        let identity = DeviceCertificate::read(certificates.as_ref(), Some(key), None)
            .map_err(|fault| no(fault.to_string()))?;
        let key = std::str::from_utf8(key)
            .ok()
            .and_then(|pem| KeyPair::from_pem(pem).ok())
            .ok_or_else(|| no("its key is none that can sign here; give PKCS #8"))?;
        let name = |it: &Certificate| it.info().subject_name.clone();
        for pair in identity.chain().windows(2) {
            if let [below, above] = pair
                && !(above.is_named_by(below) && below.is_signed_by(above))
            {
                let text = format!("{} is not signed by {}", name(below), name(above));
                return Err(no(text + ", which follows it; give the root last"));
            }
        }
        // Devices are given the whole chain (F.3).
        if let Some(last) = identity.chain().last().filter(|last| !last.is_self_signed()) {
            let (last, above) = (name(last), &last.info().issuer_name);
            return Err(no(format!(
                "{last}, the last, is no root; add {above}, which has signed it"
            )));
        }
        let certificates = identity.chain().iter().map(|it| it.der().clone()).collect();
        Self::of(certificates, key)
    }

    fn of(certificates: Vec<CertificateDer<'static>>, key: KeyPair) -> Result<Self, PkiError> {
        let certificates = certificates.into_iter().map(Certificate::from_der);
        let certificates: Vec<_> =
            certificates.collect::<Result<_, _>>().map_err(|error| no(error.to_string()))?;
        for certificate in &certificates {
            if certificate.authority().is_none() {
                let name = &certificate.info().subject_name;
                return Err(no(format!("{name} is the certificate of no authority")));
            }
        }
        let own = certificates.first().ok_or_else(|| no("there is no certificate"))?;
        let issuer = Issuer::from_ca_cert_der(own.der(), key).map_err(minting)?;
        Ok(Self { certificates, issuer })
    }

    /// Grants a request: a certificate for its common name and its key, with which a client may sign in,
    /// valid from five minutes ago for so long, but not longer than the authority. The chain has it first,
    /// then this authority, then those above; each is signed by the next.
    ///
    /// # Errors
    ///
    /// If the authority has expired or is not valid yet, or the cryptography fails.
    pub fn issue(
        &self,
        request: &CertificateRequest,
        validity: Duration,
        sources: &Sources,
    ) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        let name = request.common_name();
        let key = SubjectPublicKeyInfo::from_der(request.key()).map_err(minting)?;
        let now = sources.now();
        let (from, until) = self.validity();
        let wrong = match () {
            () if until <= now => Some("has expired"),
            () if now < from => Some("is not valid yet"),
            () => None,
        };
        if let Some(wrong) = wrong {
            let own = self.certificates.first().map(|own| own.info().subject_name.as_str());
            let own = own.unwrap_or_default();
            return Err(PkiError::Minting(format!("{own}, or an authority above it, {wrong}")));
        }
        let until = now.checked_add(validity).map_or(until, |wanted| wanted.min(until));
        let mut params = named(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = OffsetDateTime::from(writable(now)) - CLOCK_ROOM;
        params.not_after = OffsetDateTime::from(writable(until));
        params.serial_number = Some(serial_number(name, sources));
        let leaf = params.signed_by(&key, &self.issuer).map_err(minting)?;
        let above = self.certificates.iter().map(|certificate| certificate.der().clone());
        Ok(std::iter::once(leaf.der().clone()).chain(above).collect())
    }

    /// The same chain, with so many certificates in all, 4 or more: this authority has another certificate
    /// for its key, and above it are others that were made for this chain, the root last. Each is signed by
    /// the next. For clients with little room.
    ///
    /// # Errors
    ///
    /// If the cryptography fails.
    pub fn lengthened(
        &self,
        chain: Vec<CertificateDer<'static>>,
        length: usize,
        sources: &Sources,
    ) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        let (Some(leaf), Some(own)) = (chain.first(), self.certificates.first()) else {
            return Ok(chain);
        };
        // Behind the leaf and this authority.
        let count = length.saturating_sub(2).max(2);
        let serial_number = serial_number("long chain", sources);
        let way = longer_way(own.der(), self.issuer.key(), count, serial_number)?;
        Ok(std::iter::once(leaf.clone()).chain(way).collect())
    }

    /// Its certificate, then those above it, the root last.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The same as PEM.
    pub fn pem(&self) -> String {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }

    /// Its key, PKCS #8.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// From when until when all of them are valid.
    fn validity(&self) -> (SystemTime, SystemTime) {
        let all = || self.certificates.iter().map(Certificate::info);
        let from = all().map(|it| it.not_before).max();
        let until = all().map(|it| it.not_after).min();
        (from.unwrap_or(SystemTime::UNIX_EPOCH), until.unwrap_or(SystemTime::UNIX_EPOCH))
    }
}

/// Sixteen bytes that nobody can foresee; a positive number, and never a shorter one.
fn serial_number(name: &str, sources: &Sources) -> SerialNumber {
    let mut serial = [0; 16];
    sources.chance.fill("serial number", name, &mut serial);
    serial[0] = serial[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&serial)
}

fn authority(
    name: &str,
    path_length: Option<u8>,
    now: OffsetDateTime,
) -> Result<CertificateParams, PkiError> {
    let mut params = newly_named(name)?;
    params.is_ca = IsCa::Ca(match path_length {
        Some(length) => BasicConstraints::Constrained(length),
        None => BasicConstraints::Unconstrained,
    });
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - DAY;
    params.not_after = now.saturating_add(LIFETIME);
    Ok(params)
}

fn no(reason: impl Into<String>) -> PkiError {
    PkiError::NoAuthority(reason.into())
}

impl fmt::Debug for IssuingAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.certificates.first().map(|own| own.info().subject_name.as_str());
        write!(f, "IssuingAuthority({}, key redacted)", own.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::authority::TestAuthority;
    use super::super::new_request::new_request;
    use super::*;
    use crate::sources::Clock;

    const HOUR: Duration = Duration::from_secs(3600);

    fn fixture(name: &str) -> CertificateRequest {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/csr/");
        CertificateRequest::from_der(&std::fs::read(format!("{folder}{name}")).unwrap()).unwrap()
    }

    fn made() -> IssuingAuthority {
        IssuingAuthority::make("line-1", &Sources::default()).unwrap()
    }

    fn issued(authority: &IssuingAuthority, request: &CertificateRequest) -> Vec<Certificate> {
        let chain = authority.issue(request, HOUR, &Sources::default()).unwrap();
        chain.into_iter().map(|der| Certificate::from_der(der).unwrap()).collect()
    }

    #[test]
    fn each_certificate_of_a_chain_is_signed_by_the_next_whatever_key_was_asked_with() {
        let authority = made();

        for name in ["p256.der", "p384.der", "rsa2048.der", "extensions.der"] {
            let chain = issued(&authority, &fixture(name));
            let [leaf, issuing, root] = &chain[..] else { panic!("{chain:?}") };
            assert!(leaf.is_signed_by(issuing) && issuing.is_signed_by(root), "{name}");
            assert!(root.is_self_signed() && leaf.authority().is_none(), "{name}");
            assert_eq!(issuing.authority().unwrap().path_length, Some(0));
            assert_eq!(leaf.common_name(), Some(fixture(name).common_name()));
            assert_eq!(leaf.info().serial_number.len(), 32);
            let ours = leaf.info().subject_name.clone();
            assert_eq!(ours, format!("CN={}", fixture(name).common_name()), "and nothing else");
        }
    }

    #[test]
    fn a_certificate_is_valid_from_five_minutes_ago_and_no_longer_than_its_authority() {
        let now = SystemTime::UNIX_EPOCH + HOUR * 500_000;
        let sources = |now| Sources { clock: Clock::standing(now), ..Sources::default() };
        let authority = IssuingAuthority::make("line-1", &sources(now)).unwrap();
        let request = fixture("p256.der");
        let issue = |validity, now| authority.issue(&request, validity, &sources(now));
        let valid = |validity| {
            let leaf = issue(validity, now).unwrap().remove(0);
            let info = Certificate::from_der(leaf).unwrap().info().clone();
            (info.not_before, info.not_after)
        };
        let (from, until) = authority.validity();

        assert_eq!(valid(HOUR), (now - Duration::from_secs(300), now + HOUR));
        assert_eq!(valid(HOUR * 24 * 365 * 20).1, until);
        assert_eq!(valid(Duration::MAX).1, until);
        for (now, expected) in
            [(from - Duration::from_secs(1), "is not valid yet"), (until, "has expired")]
        {
            let error = issue(HOUR, now).unwrap_err().to_string();
            assert!(error.contains("line-1") && error.ends_with(expected), "{error}");
        }
    }

    #[test]
    fn an_authority_is_read_again_as_it_was_written() {
        let authority = made();
        let again = IssuingAuthority::from_pem(authority.pem(), &*authority.key_pem()).unwrap();

        assert_eq!(again.certificates(), authority.certificates());
        let chain = issued(&again, &fixture("p256.der"));
        assert!(chain[0].is_signed_by(&authority.certificates()[0]));
        assert!(!format!("{authority:?}").contains("PRIVATE"));
    }

    #[test]
    fn what_is_no_issuing_authority_is_refused() {
        let (one, other) = (made(), made());
        let of = |certificates: &str, key: &str| IssuingAuthority::from_pem(certificates, key);
        let device = TestAuthority::root("root").unwrap();
        let device = device.device("pump", super::super::authority::Validity::TenYears).unwrap();
        let pem = |authority: &IssuingAuthority, at: usize| authority.certificates()[at].to_pem();
        let foreign = pem(&one, 0) + &pem(&other, 1);

        assert!(of(&one.pem(), &other.key_pem()).is_err(), "another's key");
        assert!(of(device.pem(), &device.key_pem()).is_err(), "no authority");
        let fault = of(&foreign, &one.key_pem()).unwrap_err().to_string();
        assert!(fault.contains("is not signed by"), "{fault}");
        let rootless = of(&pem(&one, 0), &one.key_pem()).unwrap_err().to_string();
        assert!(rootless.contains("the last, is no root; add CN=line-1 root"), "{rootless}");
        assert!(of("hello", "hello").is_err());
    }

    #[test]
    fn a_chain_is_lengthened_by_authorities_that_sign_each_other() {
        let (authority, sources) = (made(), Sources::default());
        let chain = authority.issue(&fixture("p256.der"), HOUR, &sources).unwrap();

        for length in [4, 20] {
            let long = authority.lengthened(chain.clone(), length, &sources).unwrap();
            let long: Vec<_> =
                long.into_iter().map(|der| Certificate::from_der(der).unwrap()).collect();

            assert_eq!((long.len(), long[0].der()), (length, &chain[0]));
            for pair in long.windows(2) {
                assert!(pair[0].is_signed_by(&pair[1]), "{pair:?}");
                assert!(pair[0].may_be_issued_by(&pair[1]), "{pair:?}");
            }
            assert!(long.last().unwrap().is_self_signed());
            assert!(long[0].is_signed_by(&authority.certificates()[0]), "at the hub");
        }
    }

    #[test]
    fn an_authority_that_has_expired_issues_nothing() {
        let clock = crate::sources::Clock::standing(SystemTime::UNIX_EPOCH + HOUR * 24 * 365 * 20);
        let past = Sources { clock, ..Sources::default() };
        let authority = IssuingAuthority::make("line-1", &past).unwrap();
        let request = new_request("pump").unwrap();
        let request = CertificateRequest::from_der(request.der()).unwrap();

        assert!(authority.issue(&request, HOUR, &past).is_ok());
        let error = authority.issue(&request, HOUR, &Sources::default()).unwrap_err();
        assert!(error.to_string().contains("has expired"), "{error}");
    }
}
