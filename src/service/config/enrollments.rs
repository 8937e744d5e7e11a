//! `[[enrollments]]` and `[[enrollmentGroups]]`: from what is written to records.

use std::collections::HashSet;
use std::sync::Arc;

use super::certificate::CertificateConfig;
use super::error::ConfigError;
use super::webhook::NamedWebhooks;
use super::written::EnrollmentConfig;
use crate::service::enrollment::{Attestation, Enrollment, Kind, MEMBERS, read_now};
use crate::sources::Sources;
use crate::text::{MemberPath, nearest};

/// An enrollment as the configuration has it.
#[derive(Debug)]
pub(in crate::service) struct ConfiguredEnrollment {
    /// What was written, as a digest: whether somebody changed it is seen by this.
    pub(in crate::service) digest: String,
    /// The record.
    pub(in crate::service) enrollment: Arc<Enrollment>,
}

/// What makes records of the lists of a configuration.
pub(super) struct Reader<'a> {
    pub(super) certificates: &'a [CertificateConfig],
    pub(super) webhooks: &'a NamedWebhooks,
    /// The time that the records get, and keys that are not written.
    pub(super) sources: &'a Sources,
}

impl Reader<'_> {
    /// The records of one list.
    pub(super) fn read(
        &self,
        kind: Kind,
        written: &[EnrollmentConfig],
    ) -> Result<Vec<ConfiguredEnrollment>, ConfigError> {
        let mut names = HashSet::new();
        let records = written.iter().enumerate().map(|(index, written)| {
            let record = self
                .record(kind, written)
                .map_err(|error| error.within(&list(kind), index, written.name(kind)))?;
            if !names.insert(record.name().to_ascii_lowercase()) {
                let error = ConfigError::new(MemberPath::default(), "it is there twice");
                return Err(error.within(&list(kind), index, Some(record.name().to_owned())));
            }
            Ok(ConfiguredEnrollment { digest: written.digest(), enrollment: Arc::new(record) })
        });
        records.collect()
    }

    fn record(&self, kind: Kind, written: &EnrollmentConfig) -> Result<Enrollment, ConfigError> {
        let resolved = self.webhooks.resolve(written);
        let record = read_now(kind, resolved.as_json().as_bytes(), self.sources, None)
            .map_err(|error| ConfigError::new(error.member.clone(), error.reason()))?;
        // What a program sends back it may have got from elsewhere; what a person writes is a typo.
        if let Some(name) = record.unknown.of_record.names().next() {
            return Err(unknown(name));
        }
        self.check_references(&record)?;
        Ok(record)
    }

    /// A group that names a certificate which is not there would refuse every device.
    fn check_references(&self, enrollment: &Enrollment) -> Result<(), ConfigError> {
        let Attestation::CaReferences(names) = &enrollment.attestation else { return Ok(()) };
        for (slot, name) in [("primary", names.primary()), ("secondary", names.secondary())] {
            let Some(name) = name else { continue };
            if !self.certificates.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
                let path = MemberPath::of(&["attestation", "x509", "caReferences", slot]);
                return Err(ConfigError::new(
                    path,
                    format!("no [[certificates]] has the name {name:?}"),
                ));
            }
        }
        Ok(())
    }
}

/// The member of a configuration that holds the records of a kind.
fn list(kind: Kind) -> MemberPath {
    MemberPath::of(&[match kind {
        Kind::Individual => "enrollments",
        Kind::Group => "enrollmentGroups",
    }])
}

fn unknown(name: &str) -> ConfigError {
    let meant = nearest(name, MEMBERS).map(|word| format!("; did you mean `{word}`?"));
    let reason = format!("the member is not known{}", meant.unwrap_or_default());
    ConfigError::new(MemberPath::of(&[name]), reason)
}
