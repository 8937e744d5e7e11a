//! Request and reply bodies of the device API (A.5, F.3, F.4, H.1).
//!
//! Members stand in the order in which DPS writes them. Reading is lenient: unknown members are
//! skipped and absent ones are `None`, because every API version sends a different set.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ApiVersion, ConnectionProfile, ErrorCode, Object, ObjectFault, Payload};

/// Body of a register request; every member may be missing, and so may the whole body (A.5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterRequest {
    /// Repeats the registration ID of the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// The keys of its TPM, if it proves itself with one (B.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<TpmKeys>,
    /// What the device has to say to a custom allocation webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// What it wants a certificate for: Base64 of a PKCS #10 request in DER, on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
}

/// The public keys of a TPM, each a `TPM2B_PUBLIC` in Base64, as a device sends them and a webhook is
/// shown them (B.5, G.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TpmKeys {
    /// The endorsement key, which tells this TPM from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement_key: Option<String>,
    /// The storage root key, under which the TPM keeps what it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_root_key: Option<String>,
}

impl TpmKeys {
    fn read(object: &Payload) -> Result<Self, ObjectFault> {
        let object = Object::read(object.as_json().as_bytes())?;
        Ok(Self {
            endorsement_key: object.text("endorsementKey")?,
            storage_root_key: object.text("storageRootKey")?,
        })
    }
}

impl RegisterRequest {
    /// Reads a body as it came, by a version; empty and blank bodies are a request without members, and a
    /// `null` payload is none (A.5). Where no certificates are issued, `csr` is an unknown member, which may be
    /// anything.
    ///
    /// # Errors
    ///
    /// If it is no JSON object, or has a member of the wrong kind: a payload is an object (A.5), or a
    /// text that holds one (J-215).
    pub fn read(body: &[u8], version: &ApiVersion) -> Result<Self, ObjectFault> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let object = Object::read(body)?;
        Ok(Self {
            registration_id: object.text("registrationId")?,
            tpm: object.object("tpm")?.as_ref().map(TpmKeys::read).transpose()?,
            payload: object.payload("payload")?,
            csr: match version.issues_certificates() {
                true => object.text("csr")?,
                false => object.text("csr").unwrap_or_default(),
            },
        })
    }
}

/// Where a registration stands (F.4). Always lower case on the wire (A-8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Never registered.
    Unassigned,
    /// In progress: ask again.
    Assigning,
    /// A hub has the device.
    Assigned,
    /// No hub was found; `errorCode` and `errorMessage` say why.
    Failed,
    /// The enrollment is disabled.
    Disabled,
    /// Anything else.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Assigning => "assigning",
            Self::Assigned => "assigned",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
            Self::Other(word) => word,
        }
    }
}

/// How an assignment came about (F.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Substatus {
    /// First registration.
    InitialAssignment,
    /// Another hub; twin and reported properties moved along.
    DeviceDataMigrated,
    /// Another hub; the twin starts afresh.
    DeviceDataReset,
    /// The same hub again.
    ReprovisionedToInitialAssignment,
    /// Anything else.
    #[serde(untagged)]
    Other(String),
}

impl Substatus {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InitialAssignment => "initialAssignment",
            Self::DeviceDataMigrated => "deviceDataMigrated",
            Self::DeviceDataReset => "deviceDataReset",
            Self::ReprovisionedToInitialAssignment => "reprovisionedToInitialAssignment",
            Self::Other(word) => word,
        }
    }
}

/// Marks a device that proved itself with a certificate; names the group, if it was one (B.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct X509Result {
    /// The enrollment group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_group_id: Option<String>,
}

/// Names the group of a device that proved itself with a derived symmetric key (B.3, J-6).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SymmetricKeyResult {
    /// The enrollment group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_group_id: Option<String>,
}

/// What a device with a TPM is given with its hub (B.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TpmResult {
    /// The key for its hub, in Base64, encrypted for its TPM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_key: Option<String>,
}

/// What a device with a TPM is asked, in place of an error of the service: to decrypt a key, and to sign
/// with it (B.5). Members as recorded; there is no `errorCode`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TpmChallenge {
    /// In words, what is wanted.
    #[serde(default)]
    pub message: Cow<'static, str>,
    /// The key, in Base64, encrypted for its TPM.
    pub authentication_key: String,
    /// The same in the clear: null since 2017.
    #[serde(default)]
    pub unencrypted_authentication_key: Option<String>,
    /// What the token that is signed with it calls the key, `skn`.
    pub key_name: Cow<'static, str>,
}

/// The outcome of a registration, `registrationState` in replies (F.3).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRegistrationResult {
    /// Set for TPM attestation, once a hub has the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<TpmResult>,
    /// Set for X.509 attestation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x509: Option<X509Result>,
    /// Set for symmetric keys of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symmetric_key: Option<SymmetricKeyResult>,
    /// The device, in the case in which it registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// When the registration record was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date_time_utc: Option<String>,
    /// Host name of the IoT hub, when assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_hub: Option<String>,
    /// How the assigned hub is spoken to; absent and null are `classic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_profile: Option<ConnectionProfile>,
    /// The device's ID on that hub, when assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Repeats the status of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How the assignment came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub substatus: Option<Substatus>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<ErrorCode>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// When the record was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_date_time_utc: Option<String>,
    /// The record's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// What the custom allocation webhook has to say to the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// The certificate that was asked for and those above it, each Base64 of DER: the device's own
    /// first, the root last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_certificate_chain: Option<Vec<String>>,
}

/// The reply to a register or poll request that was accepted (A.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationOperationStatus {
    /// Names the operation in later polls. Always sent (A-15); empty is read as absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_empty")]
    pub operation_id: Option<String>,
    /// Where the operation stands.
    pub status: Status,
    /// The outcome; in the reply to a register it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_state: Option<DeviceRegistrationResult>,
}

fn non_empty<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// The reply to a request that was refused (H.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceError {
    /// What is wrong. Some replies spell it `code`.
    #[serde(alias = "code")]
    pub error_code: ErrorCode,
    /// Names the request in the service's own logs; may be empty.
    #[serde(default)]
    pub tracking_id: String,
    /// The same in words.
    #[serde(default)]
    pub message: Cow<'static, str>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<BTreeMap<String, String>>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_utc: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_by(version: &str, body: &str) -> Result<RegisterRequest, ObjectFault> {
        RegisterRequest::read(body.as_bytes(), &version.parse().unwrap())
    }

    #[test]
    fn j_435_a_request_of_the_wrong_kind_is_none_to_versions_that_have_none() {
        let body = r#"{"registrationId":"a","csr":5}"#;

        assert_eq!(read_by("2021-06-01", body).unwrap().csr, None);
        let fault = read_by("2025-07-01-preview", body).unwrap_err().to_string();
        assert!(fault.contains("csr"), "{fault}");
    }

    #[test]
    fn a_5_every_register_body_that_sdks_send_is_read() {
        let read = |body: &str| read_by("2021-06-01", body).unwrap();

        let python = read(r#"{"payload": null, "registrationId": "pump-0042"}"#);
        assert_eq!(python.registration_id.as_deref(), Some("pump-0042"));
        assert_eq!(python.payload, None, "a null payload is none");
        assert_eq!(read(""), RegisterRequest::default(), ".NET sends nothing");
        assert_eq!(read(" "), RegisterRequest::default());
        let c = read(r#"{"registrationId":"a","payload":{"url":"http:\/\/x"}}"#);
        assert_eq!(c.payload.unwrap().as_json(), r#"{"url":"http:\/\/x"}"#);
        assert!(read_by("2021-06-01", "[]").is_err());
    }

    #[test]
    fn b_5_the_keys_of_a_tpm_are_read_and_a_member_of_the_wrong_kind_is_named() {
        let read = |body: &str| read_by("2026-11-01", body);
        let seed =
            r#"{"registrationId":"a","tpm":{"endorsementKey":"AToA","storageRootKey":"ARoA"}}"#;

        let request = read(seed).unwrap();

        let keys = request.tpm.as_ref().unwrap();
        assert_eq!(keys.endorsement_key.as_deref(), Some("AToA"));
        assert_eq!(serde_json::to_string(&request).unwrap(), seed);
        assert_eq!(read(r#"{"tpm":null,"csr":null}"#), Ok(RegisterRequest::default()));
        for (body, word) in [
            (r#"{"tpm":"AToA"}"#, "`tpm`"),
            (r#"{"tpm":{"endorsementKey":5}}"#, "`endorsementKey`"),
            (r#"{"csr":["MIHx"]}"#, "`csr`"),
        ] {
            let told = read(body).unwrap_err().to_string();
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn a_5_the_device_writes_the_body_of_the_c_sdk() {
        let request = RegisterRequest {
            registration_id: Some("pump-0042".into()),
            payload: Some(r#"{"model":"contoso-pump"}"#.parse().unwrap()),
            ..RegisterRequest::default()
        };

        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"registrationId":"pump-0042","payload":{"model":"contoso-pump"}}"#
        );
    }

    #[test]
    fn a_5_replies_keep_the_recorded_member_order() {
        let final_reply = concat!(
            r#"{"operationId":"5.4d1a","status":"assigned","registrationState":{"#,
            r#""x509":{"enrollmentGroupId":"factory-ca"},"registrationId":"pump-0042","#,
            r#""createdDateTimeUtc":"2026-03-02T08:15:30.1234567Z","#,
            r#""assignedHub":"hub-west.azure-devices.net","deviceId":"pump-0042","#,
            r#""status":"assigned","substatus":"initialAssignment","#,
            r#""lastUpdatedDateTimeUtc":"2026-03-02T08:15:31.0456789Z","etag":"IjY5","#,
            r#""payload":{"tenant":"blue"}}}"#
        );

        let read: RegistrationOperationStatus = serde_json::from_str(final_reply).unwrap();

        assert_eq!(serde_json::to_string(&read).unwrap(), final_reply);
    }

    #[test]
    fn f_4_failed_and_disabled_replies_are_read() {
        let failed: RegistrationOperationStatus = serde_json::from_str(
            r#"{"operationId":"5.x","status":"failed","registrationState":{"status":"failed","errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400"}}"#,
        )
        .unwrap();
        let disabled: RegistrationOperationStatus = serde_json::from_str(
            r#"{"operationId":"","status":"disabled","registrationState":{}}"#,
        )
        .unwrap();

        let state = failed.registration_state.unwrap();
        assert_eq!(state.error_code, Some(ErrorCode::CUSTOM_ALLOCATION_FAILED));
        assert_eq!(disabled.status, Status::Disabled);
        assert_eq!(disabled.operation_id, None, "an empty operation ID is none");
    }

    #[test]
    fn a_8_status_words_are_lower_case_and_unknown_ones_survive() {
        for word in ["unassigned", "assigning", "assigned", "failed", "disabled", "blacklisted"] {
            let status: Status = serde_json::from_str(&format!("{word:?}")).unwrap();
            assert_eq!(status.as_str(), word);
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("{word:?}"));
        }
        assert_eq!(
            serde_json::to_string(&Substatus::ReprovisionedToInitialAssignment).unwrap(),
            "\"reprovisionedToInitialAssignment\""
        );
    }

    #[test]
    fn h_1_errors_are_read_in_both_spellings() {
        let error: ServiceError =
            serde_json::from_str(r#"{"code":401002,"message":"Unauthorized"}"#).unwrap();

        assert_eq!(error.error_code, ErrorCode::UNAUTHORIZED);
        assert_eq!(error.tracking_id, "");
    }
}
