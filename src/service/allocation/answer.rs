//! What the answer of a webhook comes to (G.4, G.6).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::decision::Decision;
use crate::service::mask::Mask;
use crate::service::twin::InitialTwin;
use crate::wire::{ErrorCode, HubName, Payload, from_json_object};

/// How much of an answer is repeated in the log, in bytes.
const EXCERPT: usize = 200;

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
pub fn judge(answer: &WebhookAnswer, linked_hubs: &[HubName], mask: &Mask) -> Decision {
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
            format!("the webhook answered {status}: {:?}", mask.shown(body, EXCERPT)),
        ),
        WebhookAnswer::Timeout => unreachable_webhook("the webhook did not answer in time"),
        WebhookAnswer::Unreachable { reason } => unreachable_webhook(reason),
    }
}

fn judge_body(body: &[u8], linked_hubs: &[HubName], mask: &Mask) -> Decision {
    // Some functions begin with a byte order mark, which .NET's readers skip.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let response: AllocationResponse = match from_json_object(body) {
        Ok(response) => response,
        Err(error) => {
            return failed(
                ErrorCode::CUSTOM_ALLOCATION_FAILED,
                "Custom allocation failed: the webhook's answer is not an AllocationResponse",
                format!(
                    "expected {{\"iotHubHostName\":\"…\"}}, got {:?} ({error})",
                    mask.shown(body, EXCERPT)
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
    match linked_hubs.iter().find(|hub| hub.is(&wanted)) {
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
                mask.shown(&wanted, EXCERPT),
                linked_hubs.iter().map(HubName::as_str).collect::<Vec<_>>().join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "hub-west.azure-devices.net";

    fn judged(status: u16, body: &str) -> Decision {
        judge(
            &WebhookAnswer::Http { status, body: body.into() },
            &[HUB.parse().unwrap()],
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
                host_name: HUB.parse().unwrap(),
                payload: Some(r#"{"tenant":"blue"}"#.parse().unwrap()),
                initial_twin: None,
            }
        );
    }

    /// J-46.
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

    /// J-4, J-30.
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
}
