//! A key that is made for a certificate, and the request for that.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use zeroize::Zeroizing;

use super::error::PkiError;
use super::named::{minting, newly_named};

/// A key on P-256 that nobody has seen before, and the request for a certificate for it.
pub struct NewRequest {
    key: KeyPair,
    der: Vec<u8>,
}

/// Makes a key, and a request for a certificate with this common name: the registration ID.
///
/// # Errors
///
/// If the name is longer than a common name may be, or the system gives no random numbers.
pub fn new_request(common_name: &str) -> Result<NewRequest, PkiError> {
    request_for(common_name, KeyPair::generate().map_err(minting)?)
}

/// A request with a key that is there already: PEM, PKCS #8.
///
/// # Errors
///
/// If the name is longer than a common name may be, or the key is none that can sign here.
pub fn request_with(common_name: &str, key_pem: &str) -> Result<NewRequest, PkiError> {
    request_for(common_name, KeyPair::from_pem(key_pem).map_err(minting)?)
}

fn request_for(common_name: &str, key: KeyPair) -> Result<NewRequest, PkiError> {
    let params = newly_named(common_name)?;
    let der = params.serialize_request(&key).map_err(minting)?.der().to_vec();
    Ok(NewRequest { key, der })
}

impl NewRequest {
    /// The key, PKCS #8.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// The request, as tools read it.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request as devices send it: Base64 of DER, in one line.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.der)
    }
}

impl fmt::Debug for NewRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewRequest(key redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::CertificateRequest;
    use super::*;

    #[test]
    fn a_request_of_ours_is_read_and_another_one_can_be_made_with_its_key() {
        let made = new_request("pump-0042").unwrap();
        let again = request_with("pump-0043", &made.key_pem()).unwrap();

        let read = CertificateRequest::read(&made.to_base64()).unwrap();
        let other = CertificateRequest::from_der(again.der()).unwrap();
        assert_eq!(read.common_name(), "pump-0042");
        assert_eq!(other.common_name(), "pump-0043");
        assert_eq!(read.key(), other.key());
        assert_eq!(format!("{made:?}"), "NewRequest(key redacted)");
    }

    #[test]
    fn d_1_a_name_that_fits_no_certificate_is_not_asked_for() {
        assert!(new_request(&"x".repeat(64)).is_ok());
        assert!(matches!(new_request(&"x".repeat(65)), Err(PkiError::NameTooLong { .. })));
        assert!(matches!(request_with("x", "hello"), Err(PkiError::Minting(_))));
    }
}
