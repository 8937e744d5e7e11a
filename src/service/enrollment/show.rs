//! Writes enrollments as JSON, as the service API shows them (E.1–E.4).

use serde_json::{Map, Value, json};

use super::attestation::{Attestation, Slots};
use super::record::{Enrollment, Subject};
use crate::attestation::{Certificate, GroupKeys};
use crate::wire::{DeviceId, Payload, timestamp};

/// Whether keys are shown (E.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As in replies to PUT, and in exports.
    Shown,
    /// As in replies to GET and queries.
    Hidden,
}

/// An enrollment as JSON, members in the recorded order (E.1). Absent members are left out, but
/// for `provisioningStatus`.
pub fn show(enrollment: &Enrollment, secrets: Secrets, registration_state: Option<Value>) -> Value {
    let Enrollment { subject, attestation, .. } = enrollment;
    let mut members = Members::default();
    match subject {
        Subject::Individual { registration_id, device_id, optional_device_information } => {
            members.add("registrationId", registration_id.as_str());
            members.add_some("deviceId", device_id.as_ref().map(DeviceId::as_str));
            members.add_some("registrationState", registration_state);
            members
                .add_some("optionalDeviceInformation", value(optional_device_information.as_ref()));
        }
        Subject::Group { id } => members.add("enrollmentGroupId", id.as_str()),
    }
    members.add("attestation", show_attestation(attestation, secrets));
    members.add_some("capabilities", enrollment.capabilities.map(|it| json!(it)));
    members.add_some("iotHubHostName", enrollment.iot_hub_host_name.as_deref());
    members.add_some("initialTwin", value(enrollment.initial_twin.as_ref()));
    members.add("etag", enrollment.etag.encoded());
    members.add("provisioningStatus", json!(enrollment.provisioning_status));
    members.add_some("reprovisionPolicy", enrollment.reprovision_policy.map(|it| json!(it)));
    members.add("createdDateTimeUtc", timestamp(enrollment.created));
    members.add("lastUpdatedDateTimeUtc", timestamp(enrollment.updated));
    members.add_some("allocationPolicy", enrollment.allocation_policy.map(|it| json!(it)));
    members.add_some("iotHubs", enrollment.iot_hubs.as_ref().map(|it| json!(it)));
    members.add_some("customAllocationDefinition", enrollment.custom_allocation.as_ref().map(|it| {
        json!({ "webhookUrl": it.webhook_url.expose().as_str(), "apiVersion": it.api_version.to_string() })
    }));
    members.0.extend(enrollment.unknown.clone());
    Value::Object(members.0)
}

#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn add_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

fn value(payload: Option<&Payload>) -> Option<Value> {
    serde_json::from_str(payload?.as_json()).ok()
}

/// The attestation member (E.3); with [`Secrets::Shown`] also the answer of `attestationmechanism`.
pub fn show_attestation(attestation: &Attestation, secrets: Secrets) -> Value {
    let keys = |primary: &str, secondary: &str| match secrets {
        Secrets::Shown => json!({
            "type": "symmetricKey",
            "symmetricKey": { "primaryKey": primary, "secondaryKey": secondary }
        }),
        Secrets::Hidden => json!({ "type": "symmetricKey" }),
    };
    match attestation {
        Attestation::GroupKeys(GroupKeys { primary, secondary }) => {
            keys(&primary.to_base64(), &secondary.to_base64())
        }
        Attestation::DeviceKeys(Slots { primary, secondary }) => {
            let secondary = secondary.as_ref().unwrap_or(primary);
            keys(&primary.to_base64(), &secondary.to_base64())
        }
        Attestation::ClientCertificates(slots) => {
            json!({ "type": "x509", "x509": { "clientCertificates": show_slots(slots, false) } })
        }
        // A missing secondary is filled with the primary's info (D.5).
        Attestation::SigningCertificates(slots) => {
            json!({ "type": "x509", "x509": { "signingCertificates": show_slots(slots, true) } })
        }
        Attestation::CaReferences(Slots { primary, secondary }) => json!({
            "type": "x509",
            "x509": { "caReferences": { "primary": primary, "secondary": secondary } }
        }),
        Attestation::Tpm { endorsement_key, storage_root_key } => {
            let mut tpm = json!({ "endorsementKey": endorsement_key });
            if let Some(key) = storage_root_key {
                tpm["storageRootKey"] = json!(key);
            }
            json!({ "type": "tpm", "tpm": tpm })
        }
    }
}

fn show_slots(slots: &Slots<Certificate>, fill: bool) -> Value {
    let info = |certificate: &Certificate| {
        let info = certificate.info();
        json!({ "info": {
            "subjectName": info.subject_name,
            "sha1Thumbprint": info.sha1_thumbprint,
            "sha256Thumbprint": info.sha256_thumbprint,
            "issuerName": info.issuer_name,
            "notBeforeUtc": timestamp(info.not_before),
            "notAfterUtc": timestamp(info.not_after),
            "serialNumber": info.serial_number,
            "version": info.version,
        } })
    };
    let mut shown = json!({ "primary": info(&slots.primary) });
    let secondary = slots.secondary.as_ref().or_else(|| fill.then_some(&slots.primary));
    if let Some(secondary) = secondary {
        shown["secondary"] = info(secondary);
    }
    shown
}
