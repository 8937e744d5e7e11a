//! A device record as the management listener shows it.

use serde::Serialize;

use crate::service::record::{DeviceRecord, ProvenBy};
use crate::wire::{ApiVersion, DeviceId, DeviceRegistrationResult, HubName, timestamp};

/// The record: the members of a registration state (A.5), times and etag whatever the outcome, and
/// what only the service knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registration {
    #[serde(flatten)]
    state: DeviceRegistrationResult,
    operation_id: String,
    enrollment: EnrollmentView,
    attestation: Attestation,
    /// The hub that has the device, from its last registration that succeeded.
    assignment: Option<AssignmentView>,
}

#[derive(Debug, Serialize)]
struct EnrollmentView {
    kind: &'static str,
    name: String,
}

#[derive(Debug, Serialize)]
struct Attestation {
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentView {
    hub: HubName,
    device_id: DeviceId,
}

impl From<&DeviceRecord> for Registration {
    fn from(record: &DeviceRecord) -> Self {
        let told = record.reply(&ApiVersion::DEFAULT).registration_state.unwrap_or_default();
        Self {
            state: DeviceRegistrationResult {
                // Said below, for groups and individual enrollments alike.
                x509: None,
                tpm: None,
                issued_certificate_chain: None,
                symmetric_key: None,
                created_date_time_utc: Some(timestamp(record.created)),
                last_updated_date_time_utc: Some(timestamp(record.updated)),
                etag: Some(record.etag.encoded()),
                ..told
            },
            operation_id: record.operation_id.to_string(),
            enrollment: EnrollmentView {
                kind: record.enrollment.kind.as_str(),
                name: record.enrollment.name.to_string(),
            },
            attestation: Attestation {
                r#type: match record.proven_by {
                    ProvenBy::SymmetricKey => "symmetricKey",
                    ProvenBy::X509 => "x509",
                    ProvenBy::Tpm => "tpm",
                },
            },
            assignment: record.assignment.as_ref().map(|assignment| AssignmentView {
                hub: assignment.hub.clone(),
                device_id: assignment.device_id.clone(),
            }),
        }
    }
}
