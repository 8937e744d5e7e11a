//! Enrollments: the records, their rules and their JSON (E.1–E.4).
//!
//! An [`Enrollment`] is for one device or for a group; all but its subject is the same. What a
//! record means for a registration is decided elsewhere.

mod attestation;
mod collection;
mod issuer;
mod near_miss;
mod policy;
mod read;
mod record;
mod show;
mod unknown;
mod webhook_url;

pub use attestation::{Attestation, DeviceKeys, Slots};
pub use collection::Enrollments;
pub use issuer::IssuerNames;
pub(super) use near_miss::near_misses;
pub use policy::{AllocationPolicy, Capabilities, ProvisioningStatus, ReprovisionPolicy};
pub(super) use read::MEMBERS;
pub use read::{EnrollmentError, read, read_now};
pub use record::{CustomAllocationDefinition, Enrollment, Kind, Subject};
pub use show::{Secrets, show, show_attestation, show_to_webhook};
pub use unknown::Unknown;
pub use webhook_url::{WebhookUrl, WebhookUrlError};
