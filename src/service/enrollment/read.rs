//! Reads enrollments from JSON, as the service API is sent them and configurations hold them
//! (E.1–E.5).

use std::time::SystemTime;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    AllocationPolicy, Attestation, Capabilities, CustomAllocationDefinition, Enrollment, Kind,
    ProvisioningStatus, ReprovisionPolicy, Slots, Subject, WebhookUrl,
};
use crate::attestation::{Certificate, DeviceKey, GroupKey, GroupKeys};
use crate::service::twin::InitialTwin;
use crate::wire::{ApiVersion, Etag, Payload, RegistrationId};

/// What is wrong with an enrollment. Never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EnrollmentError {
    /// In the service's words where they were recorded.
    pub message: String,
}

fn wrong(message: impl ToString) -> EnrollmentError {
    EnrollmentError { message: message.to_string() }
}

fn wrong_member(member: &str, reason: impl std::fmt::Display) -> EnrollmentError {
    wrong(format!("{member}: {reason}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    registration_id: Option<String>,
    enrollment_group_id: Option<String>,
    device_id: Option<String>,
    optional_device_information: Option<Payload>,
    attestation: Option<AttestationBody>,
    capabilities: Option<Capabilities>,
    iot_hub_host_name: Option<String>,
    initial_twin: Option<Payload>,
    #[serde(default, deserialize_with = "present")]
    provisioning_status: Option<Option<ProvisioningStatus>>,
    reprovision_policy: Option<ReprovisionPolicy>,
    allocation_policy: Option<AllocationPolicy>,
    iot_hubs: Option<Vec<String>>,
    custom_allocation_definition: Option<CustomAllocationBody>,
    // Read-only members that clients send back as they got them.
    #[serde(rename = "registrationState")]
    _registration_state: Option<Value>,
    #[serde(rename = "etag")]
    _etag: Option<Value>,
    #[serde(rename = "createdDateTimeUtc")]
    _created: Option<Value>,
    #[serde(rename = "lastUpdatedDateTimeUtc")]
    _updated: Option<Value>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// An explicit `null` is something else than nothing (J-22).
fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<ProvisioningStatus>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationBody {
    r#type: Option<String>,
    symmetric_key: Option<SymmetricKeyBody>,
    x509: Option<X509Body>,
    tpm: Option<TpmBody>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SymmetricKeyBody {
    primary_key: Option<String>,
    secondary_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct X509Body {
    client_certificates: Option<SlotsBody<CertificateBody>>,
    signing_certificates: Option<SlotsBody<CertificateBody>>,
    ca_references: Option<SlotsBody<String>>,
}

#[derive(Deserialize)]
struct SlotsBody<T> {
    primary: Option<T>,
    secondary: Option<T>,
}

#[derive(Deserialize)]
struct CertificateBody {
    certificate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TpmBody {
    endorsement_key: Option<String>,
    storage_root_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomAllocationBody {
    webhook_url: Option<String>,
    api_version: Option<String>,
}

/// Reads an enrollment as a request carries it; `previous` is the record that it replaces, whose
/// certificates stay where the request repeats only what it was told of them.
///
/// # Errors
///
/// Names the member that is wrong, and why.
pub fn read(
    kind: Kind,
    json: &[u8],
    now: SystemTime,
    salt: u32,
    previous: Option<&Enrollment>,
) -> Result<Enrollment, EnrollmentError> {
    let body: Body = crate::wire::from_json_object(json).map_err(|error| wrong(shape(&error)))?;
    check_allocation(&body)?;
    let subject = subject(kind, &body)?;
    let attestation = body.attestation.ok_or_else(|| wrong("attestation is missing"))?;
    Ok(Enrollment {
        attestation: attestation.read(kind, previous.map(|previous| &previous.attestation))?,
        subject,
        capabilities: body.capabilities,
        iot_hub_host_name: body.iot_hub_host_name,
        initial_twin: initial_twin(showable("initialTwin", body.initial_twin)?)?,
        etag: Etag::new(now, salt),
        provisioning_status: body.provisioning_status.unwrap_or(Some(ProvisioningStatus::Enabled)),
        reprovision_policy: body.reprovision_policy,
        created: previous.map_or(now, |previous| previous.created),
        updated: now,
        allocation_policy: body.allocation_policy,
        iot_hubs: body.iot_hubs,
        custom_allocation: body
            .custom_allocation_definition
            .map(CustomAllocationBody::read)
            .transpose()?,
        unknown: body.unknown,
    })
}

/// serde's own text, without the place in a text that nobody sees, and without the strings that it
/// quotes: one may be a key in the wrong place.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let quoted = text.split_once("string \"").zip(text.rsplit_once("\", expected "));
    match quoted {
        Some(((before, _), (_, expected))) => format!("{before}string, expected {expected}"),
        None => text.to_owned(),
    }
}

/// A twin that cannot be shown again, because of a number that is out of range, would vanish.
fn showable(member: &str, payload: Option<Payload>) -> Result<Option<Payload>, EnrollmentError> {
    if let Some(payload) = &payload {
        let read = serde_json::from_str::<Value>(payload.as_json());
        read.map_err(|error| wrong_member(member, shape(&error)))?;
    }
    Ok(payload)
}

/// One that no device could get would be found only when the first one comes.
fn initial_twin(payload: Option<Payload>) -> Result<Option<Payload>, EnrollmentError> {
    let payload = payload.filter(|payload| !payload.is_null());
    if let Some(payload) = &payload {
        InitialTwin::read(payload.as_json()).map_err(|e| wrong_member("initialTwin", e))?;
    }
    Ok(payload)
}

fn subject(kind: Kind, body: &Body) -> Result<Subject, EnrollmentError> {
    let name = |member: &str, text: &Option<String>| -> Result<RegistrationId, EnrollmentError> {
        let text = text.as_ref().ok_or_else(|| wrong(format!("{member} is missing")))?;
        text.parse().map_err(|error| wrong_member(member, error))
    };
    Ok(match kind {
        Kind::Individual => Subject::Individual {
            registration_id: name("registrationId", &body.registration_id)?,
            device_id: body.device_id.clone(),
            optional_device_information: showable(
                "optionalDeviceInformation",
                body.optional_device_information.clone(),
            )?,
        },
        // Group names follow the rule of registration IDs (D.1).
        Kind::Group => {
            Subject::Group { id: name("enrollmentGroupId", &body.enrollment_group_id)?.to_string() }
        }
    })
}

/// With the service's own words, as recorded (E.5).
fn check_allocation(body: &Body) -> Result<(), EnrollmentError> {
    let has_webhook = body.custom_allocation_definition.is_some();
    if body.allocation_policy == Some(AllocationPolicy::Custom) && !has_webhook {
        return Err(wrong(
            "A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'",
        ));
    }
    if body.iot_hubs.is_some() && body.allocation_policy.is_none() {
        return Err(wrong(
            "Enrollment allocationPolicy must be specified when iotHubs are specified.",
        ));
    }
    Ok(())
}

impl AttestationBody {
    fn read(
        self,
        kind: Kind,
        previous: Option<&Attestation>,
    ) -> Result<Attestation, EnrollmentError> {
        let Self { r#type, symmetric_key, x509, tpm } = self;
        match (r#type.as_deref(), kind) {
            (Some("symmetricKey"), _) => symmetric_key.unwrap_or_default().read(kind, previous),
            (Some("x509"), _) => {
                let x509 = x509.ok_or_else(|| wrong("attestation.x509 is missing"))?;
                x509.read(kind, previous)
            }
            (Some("tpm"), Kind::Individual) => {
                let tpm = tpm.ok_or_else(|| wrong("attestation.tpm is missing"))?;
                let endorsement_key = tpm
                    .endorsement_key
                    .ok_or_else(|| wrong("attestation.tpm.endorsementKey is missing"))?;
                Ok(Attestation::Tpm { endorsement_key, storage_root_key: tpm.storage_root_key })
            }
            (Some("tpm"), Kind::Group) => {
                Err(wrong("attestation.type: tpm is for individual enrollments only"))
            }
            (Some(other), _) => Err(wrong_member(
                "attestation.type",
                format_args!("{other:?} is none of symmetricKey, x509, tpm"),
            )),
            (None, _) => Err(wrong("attestation.type is missing")),
        }
    }
}

impl SymmetricKeyBody {
    /// Keys that are not given are kept from the record that is replaced, else made (D.2).
    fn read(
        self,
        kind: Kind,
        previous: Option<&Attestation>,
    ) -> Result<Attestation, EnrollmentError> {
        let primary = self.primary_key.filter(|key| !key.is_empty());
        let secondary = self.secondary_key.filter(|key| !key.is_empty());
        match kind {
            Kind::Group => {
                let kept = match previous {
                    Some(Attestation::GroupKeys(keys)) => Some(keys),
                    _ => None,
                };
                let primary_key = kept.map(|keys| keys.primary.clone());
                let secondary_key = kept.map(|keys| keys.secondary.clone());
                Ok(Attestation::GroupKeys(GroupKeys {
                    primary: group_key("primaryKey", primary, primary_key)?,
                    secondary: group_key("secondaryKey", secondary, secondary_key)?,
                }))
            }
            Kind::Individual => {
                let kept = match previous {
                    Some(Attestation::DeviceKeys(keys)) => Some(keys),
                    _ => None,
                };
                let primary_key = kept.map(|keys| keys.primary.clone());
                let secondary_key = kept.and_then(|keys| keys.secondary.clone());
                Ok(Attestation::DeviceKeys(Slots {
                    primary: device_key("primaryKey", primary, primary_key)?,
                    secondary: Some(device_key("secondaryKey", secondary, secondary_key)?),
                }))
            }
        }
    }
}

fn group_key(
    member: &str,
    given: Option<String>,
    kept: Option<GroupKey>,
) -> Result<GroupKey, EnrollmentError> {
    let Some(text) = given else { return Ok(kept.unwrap_or_else(GroupKey::generate)) };
    let key: GroupKey = text.parse().map_err(|error| wrong_member(member, error))?;
    check_length(member, key.length()).map(|()| key)
}

fn device_key(
    member: &str,
    given: Option<String>,
    kept: Option<DeviceKey>,
) -> Result<DeviceKey, EnrollmentError> {
    let Some(text) = given else { return Ok(kept.unwrap_or_else(DeviceKey::generate)) };
    let key: DeviceKey = text.parse().map_err(|error| wrong_member(member, error))?;
    check_length(member, key.length()).map(|()| key)
}

/// D.2.
fn check_length(member: &str, length: usize) -> Result<(), EnrollmentError> {
    if (16..=64).contains(&length) {
        return Ok(());
    }
    Err(wrong_member(member, format_args!("a key has 16 to 64 bytes, this one {length}")))
}

impl X509Body {
    fn read(
        self,
        kind: Kind,
        previous: Option<&Attestation>,
    ) -> Result<Attestation, EnrollmentError> {
        match (kind, self) {
            (Kind::Individual, Self { client_certificates: Some(certificates), .. }) => {
                let kept = match previous {
                    Some(Attestation::ClientCertificates(slots)) => Some(slots),
                    _ => None,
                };
                certificates.read(kept).map(Attestation::ClientCertificates)
            }
            (Kind::Group, Self { signing_certificates: Some(certificates), .. }) => {
                let kept = match previous {
                    Some(Attestation::SigningCertificates(slots)) => Some(slots),
                    _ => None,
                };
                certificates.read(kept).map(Attestation::SigningCertificates)
            }
            (Kind::Group, Self { ca_references: Some(names), .. }) => {
                // SDKs send an empty text for a slot that is not used.
                let is_used = |name: &String| !name.is_empty();
                let primary = names
                    .primary
                    .filter(is_used)
                    .ok_or_else(|| wrong("attestation.x509.caReferences.primary is missing"))?;
                let secondary = names.secondary.filter(is_used);
                Ok(Attestation::CaReferences(Slots { primary, secondary }))
            }
            (Kind::Individual, _) => Err(wrong("attestation.x509.clientCertificates is missing")),
            (Kind::Group, _) => {
                Err(wrong("attestation.x509 needs signingCertificates or caReferences"))
            }
        }
    }
}

impl SlotsBody<CertificateBody> {
    fn read(
        self,
        kept: Option<&Slots<Certificate>>,
    ) -> Result<Slots<Certificate>, EnrollmentError> {
        let certificate = |slot: &str,
                           body: Option<CertificateBody>,
                           kept: Option<&Certificate>| {
            match body {
                None => Ok(None),
                Some(CertificateBody { certificate: Some(text) }) => Certificate::from_text(&text)
                    .map(Some)
                    .map_err(|error| wrong_member(&format!("certificate {slot}"), error)),
                // `info` alone: the client sends back what it was told.
                Some(CertificateBody { certificate: None }) => Ok(kept.cloned()),
            }
        };
        let primary = certificate("primary", self.primary, kept.map(|slots| &slots.primary))?;
        let secondary = certificate(
            "secondary",
            self.secondary,
            kept.and_then(|slots| slots.secondary.as_ref()),
        )?;
        let primary = primary.ok_or_else(|| wrong("the primary certificate is missing"))?;
        Ok(Slots { primary, secondary })
    }
}

impl CustomAllocationBody {
    fn read(self) -> Result<CustomAllocationDefinition, EnrollmentError> {
        let member = |name: &str| format!("customAllocationDefinition.{name}");
        let text = self.webhook_url.ok_or_else(|| wrong(member("webhookUrl") + " is missing"))?;
        let webhook_url: WebhookUrl =
            text.parse().map_err(|error| wrong_member(&member("webhookUrl"), error))?;
        let text = self.api_version.ok_or_else(|| wrong(member("apiVersion") + " is missing"))?;
        let api_version: ApiVersion =
            text.parse().map_err(|error| wrong_member(&member("apiVersion"), error))?;
        Ok(CustomAllocationDefinition { webhook_url, api_version })
    }
}
