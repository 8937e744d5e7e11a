//! Public keys and signatures as they stand in certificates.
//!
//! webpki, which does the rest of TLS, reads version 3 only; devices of all ages have certificates
//! of version 1 too. So the outer shape is taken apart here, and the cryptography is webpki's.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use x509_parser::asn1_rs::{Any, BitString, FromDer};
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey as KeyForm;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The public key of a certificate of any version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    info: Vec<u8>,
    algorithm: Vec<u8>,
    bits: Vec<u8>,
}

impl PublicKey {
    /// The key in a certificate, unless that is none.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Self::from_info(certificate.public_key().raw)
    }

    /// The key that stands in a request for a certificate, as `SubjectPublicKeyInfo`: `SEQUENCE {
    /// algorithm, subjectPublicKey }`.
    pub fn from_info(info: &[u8]) -> Option<Self> {
        let (_, outer) = Any::from_der(info).ok()?;
        let (rest, algorithm) = Any::from_der(outer.data).ok()?;
        let (_, bits) = BitString::from_der(rest).ok()?;
        Some(Self {
            info: info.to_vec(),
            algorithm: algorithm.data.to_vec(),
            bits: bits.data.to_vec(),
        })
    }

    /// The key as TLS takes raw keys.
    pub fn info(&self) -> SubjectPublicKeyInfoDer<'_> {
        SubjectPublicKeyInfoDer::from(&self.info[..])
    }

    /// Whether both are the same key. How its algorithm is written may differ.
    pub fn is_same_as(&self, other: &SubjectPublicKeyInfoDer<'_>) -> bool {
        Self::from_info(other).is_some_and(|other| other.bits == self.bits)
    }

    /// What kind of key a certificate has, if it is one that ring cannot sign with.
    pub(super) fn unsupported_kind(certificate: &[u8]) -> Option<String> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        unsupported_kind(certificate.public_key())
    }

    /// The same of this key.
    pub fn unsupported(&self) -> Option<String> {
        let (_, key) = SubjectPublicKeyInfo::from_der(&self.info).ok()?;
        unsupported_kind(&key)
    }

    /// Whether it is of Ed25519.
    pub fn is_ed25519(&self) -> bool {
        rustls::pki_types::alg_id::ED25519[..] == self.algorithm[..]
    }

    /// Whether this key made the signature of a certificate, or of a request for one.
    pub fn signed(&self, der: &[u8]) -> bool {
        is_signed_with(der, self)
    }

    /// Whether this key made the signature, by any of the `algorithms` that are for such keys.
    pub fn verifies<'a>(
        &self,
        algorithms: impl IntoIterator<Item = &'a &'static dyn SignatureVerificationAlgorithm>,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        algorithms
            .into_iter()
            .filter(|algorithm| *algorithm.public_key_alg_id() == self.algorithm[..])
            .any(|algorithm| algorithm.verify_signature(&self.bits, message, signature).is_ok())
    }
}

fn unsupported_kind(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    let curve = curve.map(|oid| oid.to_id_string()).unwrap_or_default();
    match (&key.algorithm.algorithm.to_id_string()[..], &curve[..]) {
        ("1.2.840.10045.2.1", "1.2.840.10045.3.1.7" | "1.3.132.0.34") => None,
        ("1.2.840.10045.2.1", "1.3.132.0.35") => Some("EC P-521".to_owned()),
        ("1.2.840.10045.2.1", "1.3.132.0.10") => Some("EC secp256k1".to_owned()),
        ("1.2.840.10045.2.1", _) => Some("EC on another curve".to_owned()),
        ("1.2.840.113549.1.1.1", _) => match key.parsed() {
            // ring signs with no others.
            Ok(KeyForm::RSA(rsa)) if !(2048..=4096).contains(&rsa.key_size()) => {
                Some(format!("RSA with {} bits", rsa.key_size()))
            }
            _ => None,
        },
        ("1.2.840.113549.1.1.10", _) => Some("RSA for PSS only".to_owned()),
        ("1.3.101.112", _) => None,
        ("1.3.101.113", _) => Some("Ed448".to_owned()),
        (other, _) => Some(format!("of the kind {other}")),
    }
}

/// Whether `issuer` signed the certificate.
pub(super) fn is_signed_with(certificate: &[u8], issuer: &PublicKey) -> bool {
    let Some(Signed { message, algorithm, signature }) = signed_parts(certificate) else {
        return false;
    };
    let known = algorithms().all.iter().filter(|known| *known.signature_alg_id() == *algorithm);
    issuer.verifies(known, message, &signature)
}

/// How a certificate is signed, if that is a way which nothing here can verify, or its issuer's key is of
/// such a kind. DPS takes RSA and ECDSA with SHA-256 or better (D.5).
pub(super) fn unsupported_signature(certificate: &[u8], issuer: &[u8]) -> Option<String> {
    let key = PublicKey::unsupported_kind(issuer);
    let by_key = || key.map(|kind| format!("by a key that is {kind}"));
    let Signed { algorithm, .. } = signed_parts(certificate)?;
    let is_known = algorithms().all.iter().any(|known| *known.signature_alg_id() == *algorithm);
    if is_known {
        return by_key();
    }
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let id = parsed.signature_algorithm.algorithm.to_id_string();
    let name = match &id[..] {
        "1.2.840.113549.1.1.4" => "by RSA with MD5",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "by RSA with SHA-1",
        "1.2.840.10045.4.1" => "by ECDSA with SHA-1",
        // With these curves ring knows other digests only.
        "1.2.840.10045.4.3.4" => {
            return by_key().or_else(|| Some("by ECDSA with SHA-512".to_owned()));
        }
        "1.2.840.10040.4.3" | "2.16.840.1.101.3.4.3.2" => "by DSA",
        "1.3.101.113" => "by Ed448",
        _ => return by_key().or_else(|| Some(format!("by the algorithm {id}"))),
    };
    Some(name.to_owned())
}

struct Signed<'a> {
    message: &'a [u8],
    algorithm: &'a [u8],
    signature: Vec<u8>,
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }`; a request for one is
/// built alike (RFC 2986, 4.2).
fn signed_parts(certificate: &[u8]) -> Option<Signed<'_>> {
    let (_, outer) = Any::from_der(certificate).ok()?;
    let (rest, _) = Any::from_der(outer.data).ok()?;
    let message = outer.data.get(..outer.data.len().checked_sub(rest.len())?)?;
    let (rest, algorithm) = Any::from_der(rest).ok()?;
    let (_, signature) = BitString::from_der(rest).ok()?;
    Some(Signed { message, algorithm: algorithm.data, signature: signature.data.to_vec() })
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    rustls::crypto::ring::default_provider().signature_verification_algorithms
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn fixture(name: &str) -> CertificateDer<'static> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/x509/");
        CertificateDer::from_pem_file(format!("{folder}{name}")).unwrap()
    }

    #[test]
    fn d_5_rsa_and_ec_signatures_are_verified_in_every_certificate_version() {
        for (certificate, issuer) in [
            ("rsa-device-cert.pem", "rsa-ca.pem"),
            ("v1-rsa-device-cert.pem", "v1-rsa-device-cert.pem"),
            ("v1-ec-device-cert.pem", "v1-ec-device-cert.pem"),
        ] {
            let key = PublicKey::of_certificate(&fixture(issuer)).unwrap();
            assert!(is_signed_with(&fixture(certificate), &key), "{certificate}");
        }
        let other = PublicKey::of_certificate(&fixture("v1-rsa-device-cert.pem")).unwrap();
        assert!(!is_signed_with(&fixture("rsa-device-cert.pem"), &other));
    }

    #[test]
    fn what_is_no_certificate_has_no_key_and_no_signature() {
        let whole = fixture("v1-ec-device-cert.pem");
        let key = PublicKey::of_certificate(&whole).unwrap();

        for length in 0..whole.len() {
            assert_eq!(PublicKey::of_certificate(&whole[..length]), None);
            assert!(!is_signed_with(&whole[..length], &key));
        }
    }
}
