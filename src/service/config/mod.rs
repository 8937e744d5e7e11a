//! What a configuration file says, and how it becomes an [`Instance`](super::Instance) with its
//! enrollments.
//!
//! Enrollments are written as the REST API has them; the file's own settings are spelled as the
//! flags of `serve`. A mistake is reported with its line, its record and its member.

mod authorization;
mod certificate;
mod description;
mod enrollments;
mod error;
mod file;
mod hub;
mod issuer;
mod retry_after;
mod webhook;
mod written;

pub use authorization::ServiceAuthorizationConfig;
pub use certificate::{CertificateConfig, X509Config};
pub(super) use enrollments::ConfiguredEnrollment;
pub use error::ConfigError;
pub use file::{Config, RECORD_NAMES};
pub use hub::LinkedHubConfig;
pub use issuer::{CertificateAuthorityConfig, CertificatePolicyConfig};
pub use retry_after::retry_after;
pub(super) use webhook::NamedWebhooks;
pub use written::EnrollmentConfig;
