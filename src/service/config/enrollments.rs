//! `[[enrollments]]` and `[[enrollmentGroups]]`: from what is written to records.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::certificate::CertificateConfig;
use super::error::ConfigError;
use super::webhook::NamedWebhooks;
use crate::service::enrollment::{Attestation, Enrollment, Kind, read};

/// An enrollment as the configuration has it.
#[derive(Debug)]
pub(in crate::service) struct ConfiguredEnrollment {
    /// What was written, as a digest: whether somebody changed it is seen by this.
    pub(in crate::service) digest: String,
    /// The record.
    pub(in crate::service) enrollment: Arc<Enrollment>,
}

/// Records of what is `written`, which get `now` as their time.
pub(super) fn records<'a>(
    written: impl Iterator<Item = (Kind, &'a toml::Table)>,
    certificates: &[CertificateConfig],
    webhooks: &NamedWebhooks,
    now: SystemTime,
) -> Result<Vec<ConfiguredEnrollment>, ConfigError> {
    let (mut all, mut names) = (Vec::new(), HashSet::new());
    for (kind, table) in written {
        let record = record(kind, &webhooks.resolve(table), now)?;
        let wrong = |reason: String| ConfigError::new(place(kind, table), reason);
        check_references(&record, certificates).map_err(wrong)?;
        if !names.insert((kind, record.name().to_ascii_lowercase())) {
            return Err(wrong("it is there twice".to_owned()));
        }
        all.push(ConfiguredEnrollment { digest: digest(table), enrollment: Arc::new(record) });
    }
    Ok(all)
}

/// A group that names a certificate which is not there would refuse every device.
fn check_references(
    enrollment: &Enrollment,
    certificates: &[CertificateConfig],
) -> Result<(), String> {
    let Attestation::CaReferences(names) = &enrollment.attestation else { return Ok(()) };
    let is_there = |name: &str| certificates.iter().any(|it| it.name.eq_ignore_ascii_case(name));
    match names.iter().find(|name| !is_there(name)) {
        Some(name) => Err(format!("caReferences: no [[certificates]] has the name {name:?}")),
        None => Ok(()),
    }
}

/// SHA-256 of what was written, white space, comments and order of members apart.
fn digest(table: &toml::Table) -> String {
    let digest = Sha256::digest(table.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record(kind: Kind, table: &toml::Table, now: SystemTime) -> Result<Enrollment, ConfigError> {
    let wrong = |reason: String| ConfigError::new(place(kind, table), reason);
    let json = serde_json::to_vec(table).map_err(|e| wrong(e.to_string()))?;
    let mut record =
        read(kind, &json, now, fastrand::u32(..), None).map_err(|e| wrong(e.to_string()))?;
    // What a program sends back it may have got from elsewhere; what a person writes is a typo.
    if let Some(name) = record.unknown.keys().next() {
        return Err(wrong(format!("unknown member `{name}`")));
    }
    record.unknown.clear();
    Ok(record)
}

fn place(kind: Kind, table: &toml::Table) -> String {
    let (what, member) = match kind {
        Kind::Individual => ("enrollment", "registrationId"),
        Kind::Group => ("enrollment group", "enrollmentGroupId"),
    };
    match table.get(member).and_then(toml::Value::as_str) {
        Some(name) => format!("{what} {name:?}"),
        None => format!("{what} without {member}"),
    }
}
