//! What a webhook is asked (G.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::attestation::Certificate;
use crate::service::enrollment::{Enrollment, IssuerNames, Kind, show_to_webhook};
use crate::service::record::Assignment;
use crate::wire::{HubName, Members, Payload, RegistrationId, TpmKeys};

/// The body of the request, members in the order of the captures (G.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AllocationRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    individual_enrollment: Option<Members>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrollment_group: Option<Members>,
    device_runtime_context: DeviceRuntimeContext<'a>,
    linked_hubs: &'a [HubName],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviceRuntimeContext<'a> {
    registration_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_iot_hub_host_name: Option<&'a HubName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    symmetric_key: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509: Option<X509Context>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpm: Option<&'a TpmKeys>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Payload>,
}

/// `{}`: no key material ever leaves (G.3).
#[derive(Debug, Serialize)]
struct Empty {}

/// The certificate by which the device proved itself, Base64 of DER (J-19).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct X509Context {
    client_certificate: String,
}

/// The device that registers.
#[derive(Debug, Clone, Copy)]
pub struct Applicant<'a> {
    /// Its ID, in the case in which it sent it.
    pub registration_id: &'a RegistrationId,
    /// Its certificate, if that is how it proved itself.
    pub certificate: Option<&'a Certificate>,
    /// The keys of its TPM, if that is how it proved itself.
    pub tpm: Option<&'a TpmKeys>,
    /// Its hub, if it has one.
    pub current: Option<&'a Assignment>,
    /// What it has to say.
    pub payload: Option<&'a Payload>,
}

/// The body of the request to the webhook, compact JSON.
pub fn allocation_request(
    enrollment: &Enrollment,
    applicant: Applicant<'_>,
    linked_hubs: &[HubName],
) -> Vec<u8> {
    let version = enrollment.custom_allocation.as_ref().map(|it| &it.api_version);
    let unknown = version.map(IssuerNames::members_unknown_to).unwrap_or_default();
    let view = show_to_webhook(enrollment).without(unknown);
    let (individual_enrollment, enrollment_group) = match enrollment.kind() {
        Kind::Individual => (Some(view), None),
        Kind::Group => (None, Some(view)),
    };
    let has_key = applicant.certificate.is_none() && applicant.tpm.is_none();
    let request = AllocationRequest {
        individual_enrollment,
        enrollment_group,
        device_runtime_context: DeviceRuntimeContext {
            registration_id: applicant.registration_id.as_str(),
            current_iot_hub_host_name: applicant.current.map(|current| &current.hub),
            current_device_id: applicant.current.map(|current| current.device_id.as_str()),
            symmetric_key: has_key.then_some(Empty {}),
            x509: applicant.certificate.map(|certificate| X509Context {
                client_certificate: STANDARD.encode(certificate.der()),
            }),
            tpm: applicant.tpm,
            payload: applicant.payload,
        },
        linked_hubs,
    };
    serde_json::to_vec(&request)
        .unwrap_or_else(|_| unreachable!("texts and checked JSON always serialize"))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::{Value, json};

    use super::*;
    use crate::pki::TestCertificate;
    use crate::service::enrollment::read;

    const HUB: &str = "hub-west.azure-devices.net";

    fn requested(kind: Kind, enrollment: Value, certificate: Option<&Certificate>) -> String {
        let json = serde_json::to_vec(&enrollment).unwrap();
        let enrollment = read(kind, &json, UNIX_EPOCH, 7, None).unwrap();
        let applicant = Applicant {
            registration_id: &"pump-0042".parse().unwrap(),
            certificate,
            tpm: None,
            current: None,
            payload: None,
        };
        String::from_utf8(allocation_request(&enrollment, applicant, &[HUB.parse().unwrap()]))
            .unwrap()
    }

    #[test]
    fn g_3_the_version_in_the_definition_changes_nothing_but_itself() {
        let request = |version: &str| {
            let group = json!({
                "enrollmentGroupId": "pumps",
                "attestation": { "type": "symmetricKey" },
                "allocationPolicy": "custom",
                "customAllocationDefinition": { "webhookUrl": "http://f/?code=x", "apiVersion": version },
            });
            requested(Kind::Group, group, None)
        };

        let (old, new) = (request("2019-03-31"), request("2021-10-01"));

        assert!(old.contains(
            r#""customAllocationDefinition":{"webhookUrl":"http://f/?****","apiVersion":"2019-03-31"}}"#
        ));
        assert_eq!(old.replace("2019-03-31", "2021-10-01"), new);
    }

    #[test]
    fn j_441_a_webhook_sees_who_issues_certificates_in_the_versions_that_have_it() {
        let asked = |version: &str| {
            let group = json!({
                "enrollmentGroupId": "pumps",
                "attestation": { "type": "symmetricKey" },
                "namespaceName": "fleet",
                "certificateAuthorityName": "line-1",
                "certificatePolicyName": "short",
                "credentialPolicyName": "old",
                "allocationPolicy": "custom",
                "customAllocationDefinition": { "webhookUrl": "http://f/", "apiVersion": version },
            });
            let told = requested(Kind::Group, group, None);
            let told = serde_json::from_str::<Value>(&told).unwrap()["enrollmentGroup"].take();
            [
                "namespaceName",
                "certificateAuthorityName",
                "certificatePolicyName",
                "credentialPolicyName",
            ]
            .map(|name| told.get(name).is_some())
        };

        assert_eq!(asked("2021-10-01"), [false; 4]);
        assert_eq!(asked("2025-07-01-preview"), [false, false, false, true]);
        assert_eq!(asked("2026-11-01"), [true; 4]);
    }

    #[test]
    fn j_19_a_device_with_a_certificate_is_described_by_it() {
        let der = TestCertificate::self_signed("pump-0042").unwrap().chain()[0].clone();
        let certificate = Certificate::from_der(der).unwrap();
        let references = json!({ "type": "x509", "x509": { "caReferences": { "primary": "r" } } });

        let group = json!({ "enrollmentGroupId": "pumps", "attestation": references });
        assert_eq!(
            requested(Kind::Group, group, Some(&certificate)),
            format!(
                concat!(
                    r#"{{"enrollmentGroup":{{"enrollmentGroupId":"pumps","attestation":{{"type":"x509","#,
                    r#""x509":{{"caReferences":{{"primary":"r","secondary":null}}}}}},"#,
                    r#""etag":"\"00000007-0000-0300-0000-000000000000\"","provisioningStatus":"enabled","#,
                    r#""createdDateTimeUtc":"1970-01-01T00:00:00Z","lastUpdatedDateTimeUtc":"1970-01-01T00:00:00Z"}},"#,
                    r#""deviceRuntimeContext":{{"registrationId":"pump-0042","x509":{{"clientCertificate":"{}"}}}},"#,
                    r#""linkedHubs":["hub-west.azure-devices.net"]}}"#
                ),
                STANDARD.encode(certificate.der())
            )
        );
    }

    #[test]
    fn g_3_an_individual_enrollment_is_named_as_such_and_shows_no_key() {
        let attestation = json!({ "type": "symmetricKey" });
        let individual = json!({ "registrationId": "pump-0042", "attestation": attestation });
        assert_eq!(
            requested(Kind::Individual, individual, None),
            concat!(
                r#"{"individualEnrollment":{"registrationId":"pump-0042","attestation":{"type":"symmetricKey"},"#,
                r#""etag":"\"00000007-0000-0300-0000-000000000000\"","provisioningStatus":"enabled","#,
                r#""createdDateTimeUtc":"1970-01-01T00:00:00Z","lastUpdatedDateTimeUtc":"1970-01-01T00:00:00Z"},"#,
                r#""deviceRuntimeContext":{"registrationId":"pump-0042","symmetricKey":{}},"#,
                r#""linkedHubs":["hub-west.azure-devices.net"]}"#
            )
        );
    }
}
