//! A certificate that was issued to a device, with those above it.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

/// A device's certificate first, then those above it, the root last; each is signed by the next. Copies
/// share it.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedChain(Arc<[CertificateDer<'static>]>);

impl IssuedChain {
    /// The certificates, leaf first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }

    /// Each as devices are told of it: Base64 of DER, in one line.
    pub fn to_base64(&self) -> Vec<String> {
        self.0.iter().map(|certificate| STANDARD.encode(certificate)).collect()
    }
}

impl From<Vec<CertificateDer<'static>>> for IssuedChain {
    fn from(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self(certificates.into())
    }
}

impl fmt::Debug for IssuedChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedChain({} certificates)", self.0.len())
    }
}
