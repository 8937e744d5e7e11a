//! Writes enrollments as JSON, as the service API shows them (E.1–E.4).

use serde_json::{Value, json};

use super::attestation::{Attestation, DeviceKeys, Slots};
use super::record::{Enrollment, Subject};
use crate::attestation::{Certificate, GroupKeys};
use crate::wire::{DeviceId, Members, Payload, timestamp};

/// Whether keys are shown (E.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As in replies to PUT, and in exports.
    Shown,
    /// As in replies to GET and queries.
    Hidden,
}

/// An enrollment as JSON, members in the recorded order (E.1). Absent members are left out, but
/// for `provisioningStatus`. What a back end wrote is as it wrote it (K-7).
pub fn show(
    enrollment: &Enrollment,
    secrets: Secrets,
    registration_state: Option<Value>,
) -> Members {
    let url = enrollment.custom_allocation.as_ref().map(|it| it.webhook_url.as_written());
    shown(enrollment, secrets, registration_state, &enrollment.etag.encoded(), url)
}

/// The same for its webhook, but for two things: the etag is not encoded (E.4), and the webhook's
/// query, with its function key, is masked (G-1).
pub fn show_to_webhook(enrollment: &Enrollment) -> Members {
    let url = enrollment.custom_allocation.as_ref().map(|it| it.webhook_url.masked());
    shown(enrollment, Secrets::Hidden, None, &enrollment.etag.quoted(), url.as_deref())
}

fn shown(
    enrollment: &Enrollment,
    secrets: Secrets,
    registration_state: Option<Value>,
    etag: &str,
    webhook_url: Option<&str>,
) -> Members {
    let Enrollment { subject, attestation, .. } = enrollment;
    let mut members = Members::default();
    let object = |name: &str, shown: Value| enrollment.unknown.put_back(name, &Payload::of(&shown));
    match subject {
        Subject::Individual { registration_id, device_id, optional_device_information } => {
            members.add("registrationId", &registration_id.as_str());
            members.add_some("deviceId", device_id.as_ref().map(DeviceId::as_str));
            members.add_some("registrationState", registration_state);
            members.add_some("optionalDeviceInformation", optional_device_information.as_ref());
        }
        Subject::Group { id } => members.add("enrollmentGroupId", id),
    }
    members.add("attestation", &show_attestation(attestation, secrets));
    let capabilities = enrollment.capabilities.map(|it| object("capabilities", json!(it)));
    members.add_some("capabilities", capabilities);
    members.add_some("iotHubHostName", enrollment.iot_hub_host_name.as_deref());
    enrollment.issuer.add_to(&mut members);
    members.add_some("initialTwin", enrollment.initial_twin.as_ref());
    members.add("etag", &etag);
    members.add("provisioningStatus", &enrollment.provisioning_status);
    let policy = enrollment.reprovision_policy.map(|it| object("reprovisionPolicy", json!(it)));
    members.add_some("reprovisionPolicy", policy);
    members.add("createdDateTimeUtc", &timestamp(enrollment.created));
    members.add("lastUpdatedDateTimeUtc", &timestamp(enrollment.updated));
    members.add_some("allocationPolicy", enrollment.allocation_policy);
    members.add_some("iotHubs", enrollment.iot_hubs.as_ref());
    let definition = enrollment.custom_allocation.as_ref().map(|it| {
        let shown = json!({ "webhookUrl": webhook_url, "apiVersion": it.api_version.to_string() });
        object("customAllocationDefinition", shown)
    });
    members.add_some("customAllocationDefinition", definition);
    members.extend(&enrollment.unknown.of_record);
    members
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
        Attestation::DeviceKeys(DeviceKeys { primary, secondary }) => {
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
        Attestation::CaReferences(names) => json!({
            "type": "x509",
            "x509": { "caReferences": { "primary": names.primary(), "secondary": names.secondary() } }
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
    // One that is not there is `null`, as Azure shows what `az … --remove-certificate` leaves.
    let mut shown = json!({ "primary": slots.primary().map(info) });
    let secondary = slots.secondary().or_else(|| slots.primary().filter(|_| fill));
    if let Some(secondary) = secondary {
        shown["secondary"] = info(secondary);
    }
    shown
}
