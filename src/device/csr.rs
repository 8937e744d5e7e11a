//! What a device asks a certificate for: a PKCS #10 request, made elsewhere (A.5).
//!
//! Whether its signature is good and whose it is, the service judges. The device needs it as text, and its
//! key to know the certificate that comes of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use x509_parser::asn1_rs::FromDer;
use x509_parser::certification_request::X509CertificationRequest;

use crate::attestation::PublicKey;

/// Why bytes are no request for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is not a certificate request (PKCS #10) in DER")]
pub struct CsrFault;

/// A request for a certificate, as a device sends it along with its registration.
#[derive(Clone, PartialEq, Eq)]
pub struct Csr {
    base64: String,
    key: PublicKey,
}

impl Csr {
    /// A request as tools make it in DER.
    ///
    /// # Errors
    ///
    /// If it is none, or anything follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrFault> {
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| CsrFault)?;
        if !rest.is_empty() {
            return Err(CsrFault);
        }
        let info = request.certification_request_info.subject_pki.raw;
        let key = PublicKey::from_info(info).ok_or(CsrFault)?;
        Ok(Self { base64: STANDARD.encode(der), key })
    }

    /// What is sent: Base64 on one line, without PEM's first and last.
    pub fn as_base64(&self) -> &str {
        &self.base64
    }

    /// The key for which a certificate is asked.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// It is no secret, but long.
impl fmt::Debug for Csr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Csr({} characters)", self.base64.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made() -> (Vec<u8>, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().unwrap();
        let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
        (request.der().to_vec(), key)
    }

    #[test]
    fn a_5_a_request_is_sent_as_base64_on_one_line_and_knows_its_key() {
        let (der, key) = made();

        let csr = Csr::from_der(&der).unwrap();

        assert_eq!(STANDARD.decode(csr.as_base64()).unwrap(), der);
        assert!(csr.key().is_same_as(&rcgen::PublicKeyData::subject_public_key_info(&key).into()));
        assert!(
            !csr.key().is_same_as(&rcgen::PublicKeyData::subject_public_key_info(&made().1).into())
        );
    }

    #[test]
    fn a_5_what_is_cut_off_goes_on_or_is_something_else_is_no_request() {
        let (der, key) = made();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();

        for length in 0..der.len() {
            assert_eq!(Csr::from_der(&der[..length]), Err(CsrFault), "{length}");
        }
        assert_eq!(Csr::from_der(&[&der[..], b"\n"].concat()), Err(CsrFault));
        assert_eq!(Csr::from_der(certificate.der()), Err(CsrFault));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Csr::from_der(&bytes);
        }
    }
}
