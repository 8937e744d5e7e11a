//! `[[certificates]]`: the certificates uploaded to the instance.

use serde::Deserialize;

use super::error::ConfigError;
use crate::attestation::Certificate;
use crate::service::instance::InstanceCertificate;
use crate::text::MemberPath;

/// An authority's certificate. It counts as verified: proof of possession is not asked for (J-72).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// The name by which `caReferences` call it.
    pub name: String,
    /// PEM text, or one of the other forms of D-4.
    pub certificate: String,
}

impl CertificateConfig {
    /// All of them, if each is an authority's and their names differ.
    pub(super) fn records(all: &[Self]) -> Result<Vec<InstanceCertificate>, ConfigError> {
        let mut certificates: Vec<InstanceCertificate> = Vec::new();
        for (index, Self { name, certificate }) in all.iter().enumerate() {
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
            certificates.push(InstanceCertificate { name: name.clone(), certificate });
        }
        Ok(certificates)
    }
}
