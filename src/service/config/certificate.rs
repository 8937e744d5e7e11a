//! `[[certificates]]`: the certificates uploaded to the instance.

use serde::Deserialize;

use super::error::ConfigError;
use crate::attestation::Certificate;
use crate::service::instance::InstanceCertificate;
use crate::text::MemberPath;

/// An authority's certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// The name by which `caReferences` call it.
    pub name: String,
    /// PEM text, or one of the other forms of D-4.
    pub certificate: String,
    /// Whether possession of its key counts as proved, which nobody here asks to see (J-72).
    #[serde(default = "yes")]
    pub verified: bool,
}

fn yes() -> bool {
    true
}

/// What is asked of X.509 devices.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct X509Config {
    /// Whether the chain that a device of a group sends has to reach a verified certificate of the
    /// instance, as on Azure (D.5).
    #[serde(default = "yes")]
    pub require_verified_ca: bool,
}

impl Default for X509Config {
    fn default() -> Self {
        Self { require_verified_ca: true }
    }
}

impl CertificateConfig {
    /// All of them, if each is an authority's and their names differ.
    pub(super) fn records(all: &[Self]) -> Result<Vec<InstanceCertificate>, ConfigError> {
        let mut certificates: Vec<InstanceCertificate> = Vec::new();
        for (index, Self { name, certificate, verified }) in all.iter().enumerate() {
            let wrong = |member: &[&str], reason: String| {
                ConfigError::new(MemberPath::of(member), reason).within(
                    &MemberPath::of(&["certificates"]),
                    index,
                    Some(name.clone()),
                )
            };
            if certificates.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
                return Err(wrong(&[], "it is there twice".to_owned()));
            }
            let certificate = Certificate::from_text(certificate)
                .map_err(|error| wrong(&["certificate"], error.to_string()))?;
            if certificate.authority().is_none() {
                return Err(wrong(
                    &["certificate"],
                    "it is not that of a certification authority".to_owned(),
                ));
            }
            certificates.push(InstanceCertificate {
                name: name.clone(),
                certificate,
                is_verified: *verified,
            });
        }
        Ok(certificates)
    }
}
