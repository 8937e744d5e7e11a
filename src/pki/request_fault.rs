//! Why a request for a certificate is not granted.

use thiserror::Error;

/// The longest request, in characters of Base64: nothing is published of DPS, so what a hub takes.
pub const MAX_REQUEST: usize = crate::wire::MAX_CSR;

/// Why a request for a certificate is not granted: each kind names what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateRequestFault {
    /// There is nothing in it.
    #[error("the request for a certificate is empty; send Base64 of a PKCS #10 request in DER")]
    Empty,
    /// It has lines and armour.
    #[error(
        "the request for a certificate is PEM; send what is between its first and last line, without line \
         breaks"
    )]
    Pem,
    /// It is longer than any that is sent in earnest.
    #[error(
        "the request for a certificate has {characters} characters, at most {MAX_REQUEST} are taken; ask \
         for fewer extensions"
    )]
    TooLong {
        /// Its length.
        characters: usize,
    },
    /// It is no Base64.
    #[error("the request for a certificate is not Base64 of DER in one line")]
    NotBase64,
    /// It is something else.
    #[error(
        "the request for a certificate is not a PKCS #10 request in DER; `openssl req -new -outform DER` \
         makes one"
    )]
    NotPkcs10,
    /// Whose certificate it should be is not said.
    #[error(
        "the subject of the request for a certificate has no common name; it has to be the registration ID"
    )]
    NoCommonName,
    /// It is for somebody else.
    #[error(
        "the request for a certificate is for the common name {found:?}, and has to be for {expected:?}"
    )]
    CommonName {
        /// Its common name, or the beginning of it.
        found: String,
        /// Who asks.
        expected: String,
    },
    /// Its key is of a kind for which no certificates are issued.
    #[error(
        "the key in the request for a certificate is {kind}; ask with EC (P-256, P-384), or with RSA of \
         2048 to 4096 bits"
    )]
    Key {
        /// The kind.
        kind: String,
    },
    /// Whoever made it does not have its key, or it was damaged on its way.
    #[error(
        "the signature of the request for a certificate is not by the key in it, or not by SHA-256, \
         SHA-384 or SHA-512; was it changed after it was signed?"
    )]
    Signature,
}
