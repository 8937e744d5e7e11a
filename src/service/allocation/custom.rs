//! Custom allocation: what is asked of the webhook, and what its answer means (G.3, G.4, G.6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Decision;
use crate::attestation::Certificate;
use crate::service::enrollment::{Enrollment, Kind, Secrets, show};
use crate::service::mask::Mask;
use crate::service::record::Assignment;
use crate::service::twin::InitialTwin;
use crate::wire::{ErrorCode, Payload, RegistrationId, from_json_object};

/// The body of the request, members in the order of the captures (G.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AllocationRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    individual_enrollment: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrollment_group: Option<Value>,
    device_runtime_context: DeviceRuntimeContext<'a>,
    linked_hubs: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviceRuntimeContext<'a> {
    registration_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_iot_hub_host_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    symmetric_key: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509: Option<X509Context>,
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
    /// Its hub, if it has one.
    pub current: Option<&'a Assignment>,
    /// What it has to say.
    pub payload: Option<&'a Payload>,
}

/// The body of the request to the webhook, compact JSON.
pub fn allocation_request(
    enrollment: &Enrollment,
    applicant: Applicant<'_>,
    linked_hubs: &[String],
) -> Vec<u8> {
    let view = view(enrollment);
    let (individual_enrollment, enrollment_group) = match enrollment.kind() {
        Kind::Individual => (Some(view), None),
        Kind::Group => (None, Some(view)),
    };
    let request = AllocationRequest {
        individual_enrollment,
        enrollment_group,
        device_runtime_context: DeviceRuntimeContext {
            registration_id: applicant.registration_id.as_str(),
            current_iot_hub_host_name: applicant.current.map(|current| current.hub.as_str()),
            current_device_id: applicant.current.map(|current| current.device_id.as_str()),
            symmetric_key: applicant.certificate.is_none().then_some(Empty {}),
            x509: applicant.certificate.map(|certificate| X509Context {
                client_certificate: STANDARD.encode(certificate.der()),
            }),
            payload: applicant.payload,
        },
        linked_hubs,
    };
    serde_json::to_vec(&request)
        .unwrap_or_else(|_| unreachable!("texts and checked JSON always serialize"))
}

/// The record as the service API shows it, but for two things: the etag is not encoded (E.4), and
/// the webhook's query, with its function key, is masked (G-1).
fn view(enrollment: &Enrollment) -> Value {
    let mut view = show(enrollment, Secrets::Hidden, None);
    view["etag"] = enrollment.etag.quoted().into();
    if let Some(definition) = &enrollment.custom_allocation {
        view["customAllocationDefinition"]["webhookUrl"] = definition.webhook_url.masked().into();
    }
    view
}

/// What came back from the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// An HTTP response.
    Http {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
    /// None in time.
    Timeout,
    /// No connection, or it broke.
    Unreachable {
        /// Why, for our own log.
        reason: String,
    },
}

impl WebhookAnswer {
    /// Whether the webhook should be asked again (G.5, J-1, J-30).
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Http { status, .. } => *status >= 429,
            Self::Timeout => true,
            Self::Unreachable { .. } => false,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllocationResponse {
    #[serde(default)]
    iot_hub_host_name: Option<String>,
    #[serde(default)]
    payload: Option<Payload>,
    #[serde(default)]
    initial_twin: Option<Box<RawValue>>,
}

/// What the last answer of the webhook comes to (G.6). What is repeated of it in the log passes
/// `mask` (G-2).
pub fn judge(answer: &WebhookAnswer, linked_hubs: &[String], mask: &Mask) -> Decision {
    match answer {
        WebhookAnswer::Http { status: 200..=299, body } => judge_body(body, linked_hubs, mask),
        WebhookAnswer::Http { status: 401, .. } => failed(
            ErrorCode::CUSTOM_ALLOCATION_UNAUTHORIZED_ACCESS,
            "Custom allocation failed with status code: 401",
            "the webhook wants a key: is the function key, ?code=…, in the enrollment's webhookUrl?",
        ),
        WebhookAnswer::Http { status, body } => failed(
            ErrorCode::CUSTOM_ALLOCATION_FAILED,
            format!("Custom allocation failed with status code: {status}"),
            format!("the webhook answered {status}: {}", excerpt(body, mask)),
        ),
        WebhookAnswer::Timeout => unreachable_webhook("the webhook did not answer in time"),
        WebhookAnswer::Unreachable { reason } => unreachable_webhook(reason),
    }
}

fn judge_body(body: &[u8], linked_hubs: &[String], mask: &Mask) -> Decision {
    // Some functions begin with a byte order mark, which .NET's readers skip.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let response: AllocationResponse = match from_json_object(body) {
        Ok(response) => response,
        Err(error) => {
            return failed(
                ErrorCode::CUSTOM_ALLOCATION_FAILED,
                "Custom allocation failed: the webhook's answer is not an AllocationResponse",
                format!(
                    "expected {{\"iotHubHostName\":\"…\"}}, got {} ({error})",
                    excerpt(body, mask)
                ),
            );
        }
    };
    let Some(wanted) = response.iot_hub_host_name.filter(|name| !name.is_empty()) else {
        return failed(
            ErrorCode::CUSTOM_ALLOCATION_IOT_HUB_NOT_SPECIFIED,
            "Custom allocation did not specify an IoT hub.",
            "the webhook answered 200 without iotHubHostName; to refuse a device, answer 400",
        );
    };
    let twin = response.initial_twin.as_deref();
    let initial_twin = match twin.map(|twin| InitialTwin::read(twin.get())).transpose() {
        Ok(initial_twin) => initial_twin,
        Err(error) => {
            return failed(
                ErrorCode::CUSTOM_ALLOCATION_FAILED,
                "Custom allocation failed: the initialTwin of the webhook's answer is not valid",
                format!("initialTwin: {error}"),
            );
        }
    };
    // The name as linked, not as answered: one hub must not appear in two spellings.
    match linked_hubs.iter().find(|hub| hub.eq_ignore_ascii_case(&wanted)) {
        Some(hub) => Decision::Hub {
            host_name: hub.clone(),
            payload: response.payload.filter(|payload| !payload.is_null()),
            initial_twin,
        },
        None => failed(
            ErrorCode::CUSTOM_ALLOCATION_FAILED,
            "Custom allocation failed: the IoT hub is not one of linkedHubs",
            format!(
                "the webhook chose {:?}; it must be one of {}",
                mask.apply(&wanted),
                linked_hubs.join(", ")
            ),
        ),
    }
}

/// With the text that was recorded for a webhook that could not be reached (G.5, J-1).
fn unreachable_webhook(reason: &str) -> Decision {
    failed(
        ErrorCode::CUSTOM_ALLOCATION_FAILED,
        "An error occurred while sending the request.",
        reason,
    )
}

fn failed(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Decision {
    Decision::Failed { code, message: message.into(), hint: hint.into() }
}

fn excerpt(body: &[u8], mask: &Mask) -> String {
    // Masked before it is cut, or half a key could stay at the end.
    let text: String = mask.apply(&String::from_utf8_lossy(body)).chars().take(200).collect();
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;
    use crate::pki::TestCertificate;
    use crate::service::enrollment::read;

    const HUB: &str = "hub-west.azure-devices.net";

    fn judged(status: u16, body: &str) -> Decision {
        judge(
            &WebhookAnswer::Http { status, body: body.into() },
            &[HUB.to_owned()],
            &Mask::of(None),
        )
    }

    fn failure(decision: Decision) -> (u32, String) {
        match decision {
            Decision::Failed { code, message, .. } => (code.0, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn g_4_a_linked_hub_is_taken_in_its_linked_spelling_and_unknown_members_are_skipped() {
        let decision = judged(
            200,
            r#"{"iotHubHostName":"HUB-West.azure-devices.net","payload":{"tenant":"blue"},"IoTHub":"x","initialTwin":null}"#,
        );

        assert_eq!(
            decision,
            Decision::Hub {
                host_name: HUB.to_owned(),
                payload: Some(r#"{"tenant":"blue"}"#.parse().unwrap()),
                initial_twin: None,
            }
        );
    }

    #[test]
    fn g_6_every_outcome_has_its_code_and_text() {
        let not_specified = (400_208, "Custom allocation did not specify an IoT hub.".to_owned());
        for body in ["{}", r#"{"iotHubHostName":""}"#, r#"{"iotHubHostName":null}"#] {
            assert_eq!(failure(judged(200, body)), not_specified, "{body}");
        }
        for (status, code) in [
            (400, 400_207),
            (401, 400_209),
            (403, 400_207),
            (302, 400_207),
            (429, 400_207),
            (500, 400_207),
        ] {
            let message = format!("Custom allocation failed with status code: {status}");
            assert_eq!(failure(judged(status, "no")), (code, message));
        }
    }

    #[test]
    fn j_2_foreign_hubs_and_bad_bodies_fail_with_400207() {
        for body in [
            "",
            "hello",
            "[]",
            "\"x\"",
            r#"{"iotHubHostName":7}"#,
            r#"{"iotHubHostName":"other.azure-devices.net"}"#,
        ] {
            let (code, message) = failure(judged(200, body));
            assert_eq!(code, 400_207, "{body}");
            assert!(message.starts_with("Custom allocation failed"), "{message}");
        }
    }

    #[test]
    fn j_1_a_webhook_out_of_reach_fails_with_the_recorded_text() {
        for answer in
            [WebhookAnswer::Timeout, WebhookAnswer::Unreachable { reason: "refused".into() }]
        {
            let (code, message) = failure(judge(&answer, &[], &Mask::of(None)));
            assert_eq!(
                (code, message.as_str()),
                (400_207, "An error occurred while sending the request.")
            );
        }
    }

    #[test]
    fn g_5_only_429_and_above_and_timeouts_are_asked_again() {
        let http = |status| WebhookAnswer::Http { status, body: Vec::new() };

        assert!(
            http(429).is_worth_a_retry()
                && http(500).is_worth_a_retry()
                && http(599).is_worth_a_retry()
        );
        assert!(
            !http(200).is_worth_a_retry()
                && !http(400).is_worth_a_retry()
                && !http(428).is_worth_a_retry()
        );
        assert!(WebhookAnswer::Timeout.is_worth_a_retry());
        assert!(!WebhookAnswer::Unreachable { reason: String::new() }.is_worth_a_retry());
    }

    fn requested(kind: Kind, enrollment: Value, certificate: Option<&Certificate>) -> String {
        let json = serde_json::to_vec(&enrollment).unwrap();
        let enrollment = read(kind, &json, UNIX_EPOCH, 7, None).unwrap();
        let applicant = Applicant {
            registration_id: &"pump-0042".parse().unwrap(),
            certificate,
            current: None,
            payload: None,
        };
        String::from_utf8(allocation_request(&enrollment, applicant, &[HUB.to_owned()])).unwrap()
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
