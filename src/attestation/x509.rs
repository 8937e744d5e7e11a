//! Certificates as enrollments and devices show them (D.5).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate, X509Extension};

use super::x509_key::{PublicKey, is_signed_with, unsupported_signature};

/// Why a text or a run of bytes is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Neither PEM nor Base64.
    #[error("it is neither PEM, nor Base64 of PEM, nor Base64 of DER")]
    Encoding,
    /// The bytes are no X.509 certificate.
    #[error("it is not an X.509 certificate")]
    NotX509,
}

/// An X.509 certificate, parsed once.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    common_name: Option<String>,
    info: CertificateInfo,
    // Names are compared as they are encoded, as webpki does.
    subject: Vec<u8>,
    issuer: Vec<u8>,
    authority: Option<CertificateAuthority>,
    unknown_critical: Option<String>,
}

/// That a certificate may sign others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateAuthority {
    /// How many other authorities may stand between it and a device, if that is limited.
    pub path_length: Option<u32>,
}

/// What the service API tells of a certificate (E.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Subject, such as `CN=pump-0042`.
    pub subject_name: String,
    /// SHA-1 of the DER form, upper-case hexadecimal.
    pub sha1_thumbprint: String,
    /// SHA-256 of the DER form, upper-case hexadecimal.
    pub sha256_thumbprint: String,
    /// Issuer.
    pub issuer_name: String,
    /// Beginning of validity.
    pub not_before: SystemTime,
    /// End of validity.
    pub not_after: SystemTime,
    /// Serial number, upper-case hexadecimal.
    pub serial_number: String,
    /// 3 mostly; 1 without extensions.
    pub version: u32,
}

impl Certificate {
    /// Reads a certificate as requests carry them: PEM text, Base64 of it, or Base64 of DER (D-4).
    ///
    /// # Errors
    ///
    /// If it is none of these, or no certificate.
    pub fn from_text(text: &str) -> Result<Self, CertificateError> {
        if text.contains("-----BEGIN") {
            return Self::from_pem(text.as_bytes());
        }
        let compact: String = text.split_whitespace().collect();
        let bytes = STANDARD.decode(compact).map_err(|_| CertificateError::Encoding)?;
        // Tools write words before the first line, such as `Bag Attributes`.
        if bytes.windows(10).any(|window| window == b"-----BEGIN") {
            Self::from_pem(&bytes)
        } else {
            Self::from_der(bytes.into())
        }
    }

    fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| CertificateError::Encoding)?;
        Self::from_der(der)
    }

    /// Reads a certificate as TLS hands it over.
    ///
    /// # Errors
    ///
    /// If it is no certificate.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let (rest, parsed) =
            X509Certificate::from_der(&der).map_err(|_| CertificateError::NotX509)?;
        if !rest.is_empty() {
            return Err(CertificateError::NotX509);
        }
        let common_name =
            parsed.subject().iter_common_name().last().and_then(|name| name.as_str().ok());
        let common_name = common_name.map(str::to_owned);
        let info = info(&der, &parsed);
        let subject = parsed.subject().as_raw().to_vec();
        let issuer = parsed.issuer().as_raw().to_vec();
        let authority = authority(&parsed);
        let unknown_critical = unknown_critical(&parsed);
        Ok(Self { der, common_name, info, subject, issuer, authority, unknown_critical })
    }

    /// The certificate as TLS has it.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The subject's common name, which has to be the registration ID (D.5).
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// What the service API tells of it.
    pub fn info(&self) -> &CertificateInfo {
        &self.info
    }

    /// That it may sign other certificates: its basic constraints say so, and its key usage, where
    /// it has one, does not say otherwise.
    pub fn authority(&self) -> Option<CertificateAuthority> {
        self.authority
    }

    /// The object identifier of a critical extension that nobody here knows: who does not understand
    /// one must not take the certificate (RFC 5280, 4.2).
    pub fn unknown_critical_extension(&self) -> Option<&str> {
        self.unknown_critical.as_deref()
    }

    /// Whether it has the name that `other` gives as its issuer.
    pub fn is_named_by(&self, other: &Self) -> bool {
        self.subject == other.issuer
    }

    /// Whether the key of `issuer` made its signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        PublicKey::of_certificate(&issuer.der).is_some_and(|key| is_signed_with(&self.der, &key))
    }

    /// Whether it is signed by `issuer`, as far as can be told here: where neither the name nor the
    /// signature says otherwise. Signatures of some kinds cannot be verified.
    pub fn may_be_issued_by(&self, issuer: &Self) -> bool {
        issuer.is_named_by(self)
            && (self.is_signed_by(issuer) || self.unsupported_signature(issuer).is_some())
    }

    /// In which way it is signed by `issuer`, if nothing here can verify that.
    pub(super) fn unsupported_signature(&self, issuer: &Self) -> Option<String> {
        unsupported_signature(&self.der, &issuer.der)
    }

    /// Whether its own key made its signature.
    pub fn is_self_signed(&self) -> bool {
        self.is_named_by(self) && self.is_signed_by(self)
    }

    /// The certificate as PEM text.
    pub fn to_pem(&self) -> String {
        let base64 = STANDARD.encode(&self.der);
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}

fn authority(parsed: &X509Certificate<'_>) -> Option<CertificateAuthority> {
    let constraints = parsed.basic_constraints().ok()??.value;
    let usage = parsed.key_usage().ok()?;
    let may_sign = usage.is_none_or(|usage| usage.value.key_cert_sign());
    (constraints.ca && may_sign)
        .then_some(CertificateAuthority { path_length: constraints.path_len_constraint })
}

fn unknown_critical(parsed: &X509Certificate<'_>) -> Option<String> {
    let is_unknown = |it: &&X509Extension<'_>| {
        it.critical && matches!(it.parsed_extension(), ParsedExtension::UnsupportedExtension { .. })
    };
    parsed.extensions().iter().find(is_unknown).map(|it| it.oid.to_id_string())
}

fn info(der: &[u8], parsed: &X509Certificate<'_>) -> CertificateInfo {
    let validity = parsed.validity();
    CertificateInfo {
        subject_name: parsed.subject().to_string(),
        sha1_thumbprint: hex(&Sha1::digest(der)),
        sha256_thumbprint: hex(&Sha256::digest(der)),
        issuer_name: parsed.issuer().to_string(),
        not_before: time(validity.not_before.timestamp()),
        not_after: time(validity.not_after.timestamp()),
        serial_number: hex(parsed.raw_serial()),
        version: parsed.version().0.saturating_add(1),
    }
}

fn time(seconds: i64) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    UNIX_EPOCH.checked_add(seconds).unwrap_or(UNIX_EPOCH)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.info.subject_name, self.info.sha1_thumbprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(common_name: &str) -> rcgen::Certificate {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn d_4_all_three_spellings_are_read() {
        let certificate = made("pump-0042");
        let pem = certificate.pem();

        let texts = [
            pem.clone(),
            STANDARD.encode(&pem),
            STANDARD.encode(format!("Bag Attributes\n{pem}")),
            STANDARD.encode(certificate.der()),
        ];

        for text in texts {
            let read = Certificate::from_text(&text).unwrap();
            assert_eq!(read.der(), certificate.der());
            assert_eq!(read.common_name(), Some("pump-0042"));
            assert_eq!(read.info().subject_name, "CN=pump-0042");
            assert_eq!(read.info().version, 3);
            assert_eq!(read.info().sha1_thumbprint.len(), 40);
            assert_eq!(Certificate::from_text(&read.to_pem()).unwrap(), read);
        }
    }

    #[test]
    fn d_4_anything_else_is_refused() {
        for text in
            ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "AAAA"]
        {
            assert!(Certificate::from_text(text).is_err(), "{text}");
        }
    }
}
