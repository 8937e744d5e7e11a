//! Why a certificate is no proof (D.5), with the facts. The wire only ever says 401; this is
//! for the service's own log.

use std::time::Duration;

use thiserror::Error;

use crate::text::spoken;
use crate::wire::RegistrationId;

/// Why a device's certificates were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum X509Fault {
    /// None was sent where one is wanted.
    #[error("its enrollment wants a certificate, and it proves itself with none")]
    Absent,
    /// More certificates than are looked at.
    #[error("{count} certificates were sent, at most {max} are looked at")]
    TooLong {
        /// How many.
        count: usize,
        /// How many would have been.
        max: usize,
    },
    /// One of them cannot be read.
    #[error("certificate {} of the chain is not an X.509 certificate", .index + 1)]
    Malformed {
        /// Which, counted from 0, the device's own.
        index: usize,
    },
    /// The certificate is another device's.
    #[error("the certificate is {}, the registration ID is {expected}", common_name(.found))]
    CommonName {
        /// The common name of its subject.
        found: Option<String>,
        /// What it should be.
        expected: RegistrationId,
    },
    /// The device's certificate has expired.
    #[error("the certificate expired {} ago", spoken(*.ago))]
    Expired {
        /// How long ago.
        ago: Duration,
    },
    /// The device's certificate is not valid yet.
    #[error("the certificate becomes valid in {}", spoken(*.wait))]
    NotYetValid {
        /// How long until then.
        wait: Duration,
    },
    /// A certificate says of itself that who does not know this extension must refuse it.
    #[error("{subject:?} has the critical extension {extension}, which is not known here")]
    CriticalExtension {
        /// Whose.
        subject: String,
        /// Its object identifier.
        extension: String,
    },
    /// The device's own enrollment has another certificate.
    #[error("the certificate's thumbprint {presented} is not that of its enrollment: {enrolled}")]
    Thumbprint {
        /// SHA-1 of the one sent.
        presented: String,
        /// SHA-1 of those enrolled.
        enrolled: String,
    },
    /// The device's own enrollment wants no certificate at all.
    #[error("it has an individual enrollment, which wants {wanted} and not a certificate")]
    OtherAttestation {
        /// What it wants.
        wanted: &'static str,
    },
    /// Nobody but the device itself vouches for the certificate.
    #[error("the certificate is self-signed and not enrolled")]
    SelfSigned,
    /// No certificate on the way to the root has an enrollment group.
    #[error("the chain ends at {last:?}, {}", missing(.issuer))]
    UnknownChain {
        /// Subject of the last certificate that belongs to the chain.
        last: String,
        /// Its issuer, unless it is its own.
        issuer: Option<String>,
    },
    /// A group would take the device, but what the device sends does not reach far enough up.
    #[error(
        "the chain leads to the certificate of enrollment group {group:?}, but what was sent reaches no CA \
         certificate that is uploaded to the instance and verified{}", but_uploaded(.unverified)
    )]
    NoVerifiedCa {
        /// The group.
        group: String,
        /// The uploaded certificate that it does reach, which is not verified.
        unverified: Option<String>,
    },
    /// The chain reaches a verified certificate, but none of it is any group's.
    #[error(
        "the chain reaches the CA certificate {ca:?} of the instance, but no enrollment group has any \
         certificate of the chain"
    )]
    NoGroup {
        /// The name of the CA certificate.
        ca: String,
    },
    /// A certificate names an issuer that did not sign it.
    #[error("{subject:?} is not signed by the key of {issuer:?}, which it names as its issuer")]
    BadSignature {
        /// What is not signed.
        subject: String,
        /// Whose key it is not.
        issuer: String,
    },
    /// A signature that nothing here can verify.
    #[error("{subject:?} is signed {way}, which is not supported")]
    UnsupportedSignature {
        /// What is so signed.
        subject: String,
        /// How.
        way: String,
    },
    /// An issuer that may not sign certificates.
    #[error("{issuer:?} is no certification authority, but signed a certificate of the chain")]
    NotCa {
        /// Its subject.
        issuer: String,
    },
    /// More certificates below an issuer than it allows.
    #[error("{issuer:?} allows {allowed} authorities below itself, the chain has more")]
    PathLength {
        /// Its subject.
        issuer: String,
        /// `pathLenConstraint`.
        allowed: u32,
    },
    /// An issuer has expired.
    #[error("the issuer {issuer:?} expired {} ago", spoken(*.ago))]
    IssuerExpired {
        /// Its subject.
        issuer: String,
        /// How long ago.
        ago: Duration,
    },
    /// An issuer is not valid yet.
    #[error("the issuer {issuer:?} becomes valid in {}", spoken(*.wait))]
    IssuerNotYetValid {
        /// Its subject.
        issuer: String,
        /// How long until then.
        wait: Duration,
    },
}

fn common_name(found: &Option<String>) -> String {
    match found {
        Some(name) => format!("for CN={name:?}"),
        None => "without a common name".to_owned(),
    }
}

fn missing(issuer: &Option<String>) -> String {
    match issuer {
        Some(issuer) => {
            format!("whose issuer {issuer:?} was not sent and is in no enrollment group")
        }
        None => "a root that is in no enrollment group".to_owned(),
    }
}

fn but_uploaded(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(": {name:?} is uploaded, not verified")).unwrap_or_default()
}

impl X509Fault {
    /// A word for logs that programs read.
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Absent => "noCertificate",
            Self::TooLong { .. } => "chainTooLong",
            Self::Malformed { .. } => "malformedCertificate",
            Self::CommonName { .. } => "commonName",
            Self::Expired { .. } => "certificateExpired",
            Self::NotYetValid { .. } => "certificateNotYetValid",
            Self::CriticalExtension { .. } => "criticalExtension",
            Self::Thumbprint { .. } => "thumbprint",
            Self::OtherAttestation { .. } => "otherAttestation",
            Self::SelfSigned => "selfSigned",
            Self::UnknownChain { .. } => "unknownChain",
            Self::NoVerifiedCa { .. } => "noVerifiedCa",
            Self::NoGroup { .. } => "noGroup",
            Self::BadSignature { .. } => "certificateSignature",
            Self::UnsupportedSignature { .. } => "unsupportedSignature",
            Self::NotCa { .. } => "issuerNotCa",
            Self::PathLength { .. } => "pathLength",
            Self::IssuerExpired { .. } => "issuerExpired",
            Self::IssuerNotYetValid { .. } => "issuerNotYetValid",
        }
    }
}
