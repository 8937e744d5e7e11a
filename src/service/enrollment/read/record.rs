//! The record.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::attestation::{AttestationBody, check_tpm};
use super::error::{EnrollmentError, missing, recorded, wrong, wrong_at};
use crate::service::enrollment::issuer::IssuerNames;
use crate::service::enrollment::policy::{
    AllocationPolicy, Capabilities, ProvisioningStatus, ReprovisionPolicy,
};
use crate::service::enrollment::record::{CustomAllocationDefinition, Enrollment, Kind, Subject};
use crate::service::enrollment::unknown::Unknown;
use crate::service::enrollment::webhook_url::WebhookUrl;
use crate::service::twin::InitialTwin;
use crate::sources::{Chance, Sources};
use crate::text::{read_body, reason};
use crate::wire::{ApiVersion, DeviceId, Etag, Members, Payload, RegistrationId};

/// The members of a record, for who looks for the one that was meant.
pub(in crate::service) const MEMBERS: [&str; 21] = [
    "registrationId",
    "enrollmentGroupId",
    "deviceId",
    "optionalDeviceInformation",
    "attestation",
    "capabilities",
    "iotHubHostName",
    "namespaceName",
    "certificateAuthorityName",
    "certificatePolicyName",
    "credentialPolicyName",
    "initialTwin",
    "provisioningStatus",
    "reprovisionPolicy",
    "allocationPolicy",
    "iotHubs",
    "customAllocationDefinition",
    "registrationState",
    "etag",
    "createdDateTimeUtc",
    "lastUpdatedDateTimeUtc",
];

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
    namespace_name: Option<String>,
    certificate_authority_name: Option<String>,
    certificate_policy_name: Option<String>,
    credential_policy_name: Option<String>,
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
    read_by(kind, json, previous, &Chance::system(), |_| (now, salt))
}

/// The same as of now, of what comes from outside: what was kept before may have what is not taken any
/// more (J-385). Keys that are to be made are made by the chance of these sources.
///
/// # Errors
///
/// As [`read`].
pub fn read_now(
    kind: Kind,
    json: &[u8],
    sources: &Sources,
    previous: Option<&Enrollment>,
) -> Result<Enrollment, EnrollmentError> {
    let Sources { clock, chance } = sources;
    let read = read_by(kind, json, previous, chance, |name| (clock.now(), chance.salt(name)))?;
    check_tpm(&read.attestation, previous.map(|previous| &previous.attestation))?;
    Ok(read)
}

fn read_by(
    kind: Kind,
    json: &[u8],
    previous: Option<&Enrollment>,
    chance: &Chance,
    version: impl FnOnce(&str) -> (SystemTime, u32),
) -> Result<Enrollment, EnrollmentError> {
    let (body, members) = shaped(json)?;
    check_allocation(&body)?;
    let subject = subject(kind, &body)?;
    let unknown = Unknown::of(members, &MEMBERS);
    unknown.iter().try_for_each(|(name, value)| check_showable(name, value))?;
    let attestation = body.attestation.ok_or_else(|| missing(&["attestation"]))?;
    let name = match &subject {
        Subject::Individual { registration_id, .. } => registration_id.to_string(),
        Subject::Group { id } => id.clone(),
    };
    let previous_attestation = previous.map(|previous| &previous.attestation);
    let attestation = attestation.read((kind, &name), previous_attestation, chance)?;
    let (now, salt) = version(&name);
    Ok(Enrollment {
        attestation,
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
        issuer: IssuerNames {
            namespace: body.namespace_name,
            authority: body.certificate_authority_name,
            policy: body.certificate_policy_name,
            credential_policy: body.credential_policy_name,
        },
        unknown,
    })
}

/// What each member is, told by its path if it is of the wrong shape; and all as they are written.
fn shaped(json: &[u8]) -> Result<(Body, Members), EnrollmentError> {
    let object: Box<RawValue> = read_body(json).map_err(|unreadable| wrong(&[], unreadable))?;
    no_lists_for_objects(object.get())?;
    let body =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(object.get()))
            .map_err(|error| wrong_at(error.path().into(), reason(error.inner())))?;
    let members = serde_json::from_str(object.get()).map_err(|error| wrong(&[], reason(&error)))?;
    Ok((body, members))
}

/// What no client could read, because of its depth or of a number that is out of range, is not taken.
fn check_showable(member: &str, payload: &Payload) -> Result<(), EnrollmentError> {
    let read = serde_json::from_str::<Value>(payload.as_json());
    read.map(drop).map_err(|error| wrong(&[member], reason(&error)))
}

/// serde would take a list in the place of an object, member by member.
fn no_lists_for_objects(json: &str) -> Result<(), EnrollmentError> {
    const OBJECTS: [&[&str]; 10] = [
        &["attestation"],
        &["attestation", "symmetricKey"],
        &["attestation", "tpm"],
        &["attestation", "x509"],
        &["attestation", "x509", "clientCertificates"],
        &["attestation", "x509", "signingCertificates"],
        &["attestation", "x509", "caReferences"],
        &["capabilities"],
        &["customAllocationDefinition"],
        &["reprovisionPolicy"],
    ];
    // What is no JSON is told by who reads it next.
    let Ok(record) = serde_json::from_str::<Value>(json) else { return Ok(()) };
    let is_list = |path: &&&[&str]| {
        path.iter().try_fold(&record, |value, name| value.get(name)).is_some_and(Value::is_array)
    };
    match OBJECTS.iter().find(is_list) {
        Some(path) => Err(wrong(path, "expected an object, found an array")),
        None => Ok(()),
    }
}

/// A twin that cannot be shown again, because of a number that is out of range, would vanish.
fn showable(member: &str, payload: Option<Payload>) -> Result<Option<Payload>, EnrollmentError> {
    payload.iter().try_for_each(|payload| check_showable(member, payload))?;
    Ok(payload)
}

/// One that no device could get would be found only when the first one comes.
fn initial_twin(payload: Option<Payload>) -> Result<Option<Payload>, EnrollmentError> {
    let payload = payload.filter(|payload| !payload.is_null());
    if let Some(payload) = &payload {
        InitialTwin::read(payload.as_json()).map_err(|e| wrong(&["initialTwin"], e))?;
    }
    Ok(payload)
}

/// Absent, `null` and empty are none: the device gets its registration ID (E.1).
fn device_id(text: Option<&str>) -> Result<Option<DeviceId>, EnrollmentError> {
    let text = text.filter(|text| !text.is_empty());
    let read = text.map(|text| text.parse().map_err(|error| wrong(&["deviceId"], error)));
    read.transpose()
}

fn subject(kind: Kind, body: &Body) -> Result<Subject, EnrollmentError> {
    let name = |member: &str, text: &Option<String>| -> Result<RegistrationId, EnrollmentError> {
        let text = text.as_ref().ok_or_else(|| missing(&[member]))?;
        text.parse().map_err(|error| wrong(&[member], error))
    };
    Ok(match kind {
        Kind::Individual => Subject::Individual {
            registration_id: name("registrationId", &body.registration_id)?,
            device_id: device_id(body.device_id.as_deref())?,
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
        return Err(recorded(
            "allocationPolicy",
            "A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'",
        ));
    }
    if body.iot_hubs.is_some() && body.allocation_policy.is_none() {
        return Err(recorded(
            "iotHubs",
            "Enrollment allocationPolicy must be specified when iotHubs are specified.",
        ));
    }
    Ok(())
}

impl CustomAllocationBody {
    fn read(self) -> Result<CustomAllocationDefinition, EnrollmentError> {
        const URL: [&str; 2] = ["customAllocationDefinition", "webhookUrl"];
        const VERSION: [&str; 2] = ["customAllocationDefinition", "apiVersion"];
        let text = self.webhook_url.ok_or_else(|| missing(&URL))?;
        let webhook_url: WebhookUrl = text.parse().map_err(|error| wrong(&URL, error))?;
        let text = self.api_version.ok_or_else(|| missing(&VERSION))?;
        let api_version: ApiVersion = text.parse().map_err(|error| wrong(&VERSION, error))?;
        Ok(CustomAllocationDefinition { webhook_url, api_version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_a_record_are_the_known_ones() {
        let all: serde_json::Map<_, _> =
            MEMBERS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();

        let (_, members) = shaped(Value::Object(all).to_string().as_bytes()).unwrap();

        assert_eq!(Unknown::of(members, &MEMBERS), Unknown::default());
    }

    #[test]
    fn a_member_of_the_wrong_shape_is_told_by_its_path() {
        for (json, told) in [
            (r#"{"iotHubs":["a",1]}"#, "iotHubs[1]: expected a string, found the number 1"),
            (
                r#"{"allocationPolicy":"Custom"}"#,
                "allocationPolicy: unknown value `Custom`, expected one of `hashed`, `geoLatency`, `static`, `custom`; did you mean `custom`?",
            ),
            (
                r#"{"attestation":{"symmetricKey":{"primaryKey":["c2VjcmV0"]}}}"#,
                "attestation.symmetricKey.primaryKey: expected a string, found an array",
            ),
            (
                r#"{"attestation":{"symmetricKey":"c2VjcmV0"}}"#,
                "attestation.symmetricKey: expected an object, found a string",
            ),
            ("[]", "it is an array, not a JSON object"),
        ] {
            assert_eq!(shaped(json.as_bytes()).err().unwrap().to_string(), told);
        }
    }
}
