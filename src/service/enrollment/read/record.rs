//! The record.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::attestation::AttestationBody;
use super::error::{EnrollmentError, wrong, wrong_member};
use crate::service::enrollment::policy::{
    AllocationPolicy, Capabilities, ProvisioningStatus, ReprovisionPolicy,
};
use crate::service::enrollment::record::{CustomAllocationDefinition, Enrollment, Kind, Subject};
use crate::service::enrollment::webhook_url::WebhookUrl;
use crate::service::twin::InitialTwin;
use crate::wire::{ApiVersion, Etag, Payload, RegistrationId};

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
