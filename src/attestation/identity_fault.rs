//! What can be wrong with a device's certificate and key before anything is sent (D.5), with the
//! facts. What to do about it is told by whoever knows how they were given.

use std::time::SystemTime;

use thiserror::Error;

use super::pem::PemFault;
use super::private_key::PrivateKeyFault;
use crate::text::moment;
use crate::wire::{IdError, RegistrationId};

/// Why a certificate and its key cannot prove this device's identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityFault {
    /// The text with the certificates is not PEM.
    #[error("{0}")]
    CertificatePem(#[source] PemFault),
    /// It is PEM, but holds no certificate.
    #[error("it holds no certificate, but {}", list(.found))]
    NoCertificate {
        /// What it does hold.
        found: Vec<String>,
    },
    /// One of the certificates cannot be read.
    #[error("certificate {position} of the file is not an X.509 certificate")]
    Malformed {
        /// Which, counted from 1.
        position: usize,
    },
    /// The certificate has a key of a kind that cannot be used here.
    #[error(
        "the certificate's key is {kind}; usable are RSA (2048 to 4096 bits), EC (P-256, P-384) and Ed25519"
    )]
    UnsupportedKey {
        /// What it is.
        kind: String,
    },
    /// The text with the key is not PEM.
    #[error("{0}")]
    KeyPem(#[source] PemFault),
    /// It is PEM, but holds no private key.
    #[error("it holds no private key, but {}", list(.found))]
    NoKey {
        /// What it does hold.
        found: Vec<String>,
    },
    /// The key cannot be used.
    #[error("{0}")]
    Key(#[source] PrivateKeyFault),
    /// The device's own certificate is there, but not the first.
    #[error(
        "the order is wrong: the private key belongs to certificate {position} ({subject}), the first is {first}"
    )]
    NotFirst {
        /// Where the device's certificate stands, counted from 1.
        position: usize,
        /// Its subject.
        subject: String,
        /// The subject of the first.
        first: String,
    },
    /// The key belongs to none of the certificates.
    #[error("the private key does not belong to the certificate ({subject})")]
    OtherKey {
        /// The subject of the first.
        subject: String,
    },
    /// The certificate is another device's.
    #[error("the certificate is {}, the registration ID is {expected}", common_name(.found))]
    CommonName {
        /// The common name of its subject.
        found: Option<String>,
        /// What it should be.
        expected: RegistrationId,
    },
    /// The certificate has no common name to take the registration ID from.
    #[error("the certificate has no common name, which has to be the registration ID")]
    NoCommonName,
    /// Its common name is no registration ID.
    #[error("the certificate's common name {common_name:?} is no registration ID: {reason}")]
    NoRegistrationId {
        /// The common name of its subject.
        common_name: String,
        /// Why not.
        reason: IdError,
    },
    /// The certificate has expired.
    #[error(
        "the certificate expired on {}; by this machine's clock it is {}", moment(*.until), moment(*.now)
    )]
    Expired {
        /// When.
        until: SystemTime,
        /// The time by which it was judged.
        now: SystemTime,
    },
    /// The certificate is not valid yet.
    #[error(
        "the certificate is valid from {} on; by this machine's clock it is {}",
        moment(*.from),
        moment(*.now)
    )]
    NotYetValid {
        /// From when on.
        from: SystemTime,
        /// The time by which it was judged.
        now: SystemTime,
    },
}

impl IdentityFault {
    /// Whether the key is at fault, and not the certificate.
    pub fn is_about_key(&self) -> bool {
        matches!(self, Self::KeyPem(_) | Self::NoKey { .. } | Self::Key(_) | Self::OtherKey { .. })
    }
}

/// Something odd about certificates that may be sent all the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainWarning {
    /// The device's own certificate is that of an authority.
    #[error(
        "the first certificate ({subject}) is a CA certificate; devices should have one of their own"
    )]
    AuthorityAsDevice {
        /// Its subject.
        subject: String,
    },
    /// A certificate does not vouch for the one before it.
    #[error(
        "certificate {position} ({subject}) did not sign the one before it ({below}), whose issuer is {wanted}"
    )]
    NotTheIssuer {
        /// Where it stands, counted from 1.
        position: usize,
        /// Its subject.
        subject: String,
        /// The subject of the one before.
        below: String,
        /// Who did sign that.
        wanted: String,
    },
    /// An intermediate is not in date.
    #[error("certificate {position} ({subject}) is valid from {} to {} only", moment(*.from), moment(*.until))]
    OutOfDate {
        /// Where it stands, counted from 1.
        position: usize,
        /// Its subject.
        subject: String,
        /// Beginning of validity.
        from: SystemTime,
        /// End of validity.
        until: SystemTime,
    },
}

fn common_name(found: &Option<String>) -> String {
    match found {
        Some(name) => format!("for CN={name:?}"),
        None => "without a common name".to_owned(),
    }
}

fn list(labels: &[String]) -> String {
    let quoted: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    quoted.join(", ")
}
