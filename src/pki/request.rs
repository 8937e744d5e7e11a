//! Requests for certificates (PKCS #10), as devices send them.
//!
//! Of a request two things are taken: its public key, and its common name. What else it asks for is left
//! out of the certificate, whatever it is: a policy says what that has, not the device.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::SubjectPublicKeyInfo;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::request_fault::{CertificateRequestFault as Fault, MAX_REQUEST};
use crate::attestation::PublicKey;

/// How much of a stranger's common name is told.
const MAX_SHOWN: usize = 128;

/// A request for a certificate, whose signature is by the key in it.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    der: Vec<u8>,
    common_name: String,
    key: Vec<u8>,
}

impl CertificateRequest {
    /// Reads one as devices send it: Base64 of DER, in one line.
    ///
    /// # Errors
    ///
    /// If it is none, or none that is granted to anybody.
    pub fn read(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        if text.len() > MAX_REQUEST {
            return Err(Fault::TooLong { characters: text.chars().count() });
        }
        if text.contains("-----BEGIN") {
            return Err(Fault::Pem);
        }
        Self::from_der(&STANDARD.decode(text).map_err(|_| Fault::NotBase64)?)
    }

    /// Reads one as tools make it.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn from_der(der: &[u8]) -> Result<Self, Fault> {
        let parsed = X509CertificationRequest::from_der(der);
        let Ok(([], request)) = parsed else { return Err(Fault::NotPkcs10) };
        let info = &request.certification_request_info;
        let key = info.subject_pki.raw;
        let public = PublicKey::from_info(key).ok_or(Fault::NotPkcs10)?;
        // Before the signature: no signature by such a key can be verified here, a good one neither.
        let kind = public.unsupported();
        let kind = kind.or_else(|| public.is_ed25519().then(|| "Ed25519".to_owned()));
        if let Some(kind) = kind {
            return Err(Fault::Key { kind });
        }
        SubjectPublicKeyInfo::from_der(key).map_err(|_| Fault::NotPkcs10)?;
        // Bits that nobody reads would make two requests of one.
        if request.signature_value.unused_bits != 0 || !public.signed(der) {
            return Err(Fault::Signature);
        }
        let common_name = info.subject.iter_common_name().last();
        let common_name = common_name.and_then(|name| name.as_str().ok());
        let common_name = common_name.filter(|name| !name.is_empty()).ok_or(Fault::NoCommonName)?;
        Ok(Self { der: der.to_vec(), common_name: common_name.to_owned(), key: key.to_vec() })
    }

    /// For whom the certificate shall be, as it is written there.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// Whether it is a request of the device with that ID. Case does not matter, as it does not in
    /// registration IDs.
    ///
    /// # Errors
    ///
    /// If it is somebody else's.
    pub fn check_name(&self, id: &str) -> Result<(), Fault> {
        if self.common_name.eq_ignore_ascii_case(id) {
            return Ok(());
        }
        let found = self.common_name.chars().take(MAX_SHOWN).collect();
        Err(Fault::CommonName { found, expected: id.to_owned() })
    }

    /// The request as it was made.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key that the certificate is for, `SubjectPublicKeyInfo`.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRequest(CN={})", self.common_name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/tests/data/csr/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn read(name: &str) -> Result<CertificateRequest, Fault> {
        CertificateRequest::read(&STANDARD.encode(fixture(name)))
    }

    fn kind(name: &str) -> String {
        match read(name) {
            Err(Fault::Key { kind }) => kind,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn requests_that_openssl_made_are_read_whatever_their_key_and_extensions() {
        for (name, common_name) in [
            ("p256.der", "pump-0042"),
            ("p384.der", "Pump-0042"),
            ("rsa2048.der", "pump-0042"),
            ("extensions.der", "pump-0042"),
        ] {
            let request = read(name).unwrap();
            assert_eq!(request.common_name(), common_name, "{name}");
            assert_eq!(request.check_name("PUMP-0042"), Ok(()), "{name}");
            assert_eq!(request.der(), fixture(name), "{name}");
        }
    }

    #[test]
    fn a_request_of_somebody_else_or_of_nobody_is_refused() {
        let fault = read("p256.der").unwrap().check_name("pump-0043").unwrap_err();

        let text = fault.to_string();
        assert!(text.contains("\"pump-0042\"") && text.contains("\"pump-0043\""), "{text}");
        assert_eq!(read("no-name.der"), Err(Fault::NoCommonName));
    }

    #[test]
    fn keys_that_are_too_small_or_on_another_curve_are_named() {
        assert_eq!(kind("rsa1024.der"), "RSA with 1024 bits");
        assert_eq!(kind("p521.der"), "EC P-521");
        assert_eq!(kind("secp256k1.der"), "EC secp256k1");
        assert_eq!(kind("ed25519.der"), "Ed25519");
    }

    #[test]
    fn a_signature_that_is_not_by_the_key_or_not_good_enough_is_refused() {
        let mut damaged = fixture("p256.der");
        let at = damaged.windows(4).position(|it| it == b"0042").unwrap();
        damaged[at] = b'1';

        assert_eq!(CertificateRequest::from_der(&damaged), Err(Fault::Signature));
        assert_eq!(read("sha1.der"), Err(Fault::Signature));
    }

    #[test]
    fn what_is_no_request_is_told_by_what_it_is() {
        let read = CertificateRequest::read;
        let whole = fixture("p256.der");

        assert_eq!(read(""), Err(Fault::Empty));
        assert_eq!(read("-----BEGIN CERTIFICATE REQUEST-----\nAAAA"), Err(Fault::Pem));
        assert_eq!(read("hello"), Err(Fault::NotBase64));
        assert_eq!(read(&format!("{}\n", STANDARD.encode(&whole))), Err(Fault::NotBase64));
        assert_eq!(read("AAAA"), Err(Fault::NotPkcs10));
        assert_eq!(read(&"A".repeat(8193)), Err(Fault::TooLong { characters: 8193 }));
        assert_eq!(read(&"A".repeat(8192)), Err(Fault::NotPkcs10));
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(CertificateRequest::from_der(&longer), Err(Fault::NotPkcs10));
        for length in 0..whole.len() {
            let cut = CertificateRequest::from_der(&whole[..length]);
            assert_eq!(cut, Err(Fault::NotPkcs10), "{length} bytes");
        }
    }

    proptest! {
        // The frame around what is signed is not, and its reader takes some of its tags in other classes.
        #[test]
        fn a_changed_request_is_refused_or_asks_for_the_same(at in 0usize..209, to: u8) {
            let whole = fixture("p256.der");
            let mut changed = whole.clone();
            changed[at] = to;
            if let Ok(read) = CertificateRequest::from_der(&changed) {
                let whole = CertificateRequest::from_der(&whole).unwrap();
                prop_assert_eq!((read.common_name(), read.key()), (whole.common_name(), whole.key()));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = CertificateRequest::read(&text);
        }
    }
}
