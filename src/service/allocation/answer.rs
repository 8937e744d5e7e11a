//! What the answer of a webhook comes to (G.4, G.6).

use super::decision::Decision;
use super::trouble;
use crate::service::mask::Mask;
use crate::service::twin::InitialTwin;
use crate::wire::{ErrorCode, HubName, Object};

/// What came back from the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// An HTTP response.
    Http {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
        /// Its header `Location`: where it says that the webhook is.
        location: Option<String>,
        /// Its header `Content-Type`: what it says that the body is.
        content_type: Option<String>,
    },
    /// None in time.
    Timeout {
        /// What was waited for and how long, for our own log.
        reason: String,
    },
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
            Self::Timeout { .. } => true,
            Self::Unreachable { .. } => false,
        }
    }
}

/// What the last answer of the webhook comes to (G.6). What is repeated of it in the log passes
/// `mask` (G-2).
pub fn judge(answer: &WebhookAnswer, linked_hubs: &[HubName], mask: &Mask) -> Decision {
    match answer {
        WebhookAnswer::Http { status: 200..=299, body, .. } => judge_body(body, linked_hubs, mask),
        WebhookAnswer::Http { status, body, location, .. } => {
            let code = match status {
                401 => ErrorCode::CUSTOM_ALLOCATION_UNAUTHORIZED_ACCESS,
                _ => ErrorCode::CUSTOM_ALLOCATION_FAILED,
            };
            failed(
                code,
                format!("Custom allocation failed with status code: {status}"),
                trouble::of_status(*status, body, location.as_deref(), mask),
            )
        }
        WebhookAnswer::Timeout { reason } | WebhookAnswer::Unreachable { reason } => {
            unreachable_webhook(reason)
        }
    }
}

fn judge_body(body: &[u8], linked_hubs: &[HubName], mask: &Mask) -> Decision {
    // Some functions begin with a byte order mark, which .NET's readers skip.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let read = |object: &Object<'_>| {
        let wanted = object.text("iotHubHostName")?.filter(|name| !name.is_empty());
        Ok((wanted, object.object("payload")?, object.object("initialTwin")?))
    };
    let object = Object::read(body);
    let (wanted, payload, twin) = match object.as_ref().map_err(Clone::clone).and_then(read) {
        Ok(members) => members,
        Err(fault) => {
            return failed(
                ErrorCode::CUSTOM_ALLOCATION_FAILED,
                "Custom allocation failed: the webhook's answer is not an AllocationResponse",
                trouble::of_body(&fault, body, mask),
            );
        }
    };
    let Some(wanted) = wanted else {
        return failed(
            ErrorCode::CUSTOM_ALLOCATION_IOT_HUB_NOT_SPECIFIED,
            "Custom allocation did not specify an IoT hub.",
            trouble::of_no_hub(object.iter().flat_map(Object::names), mask),
        );
    };
    let initial_twin = twin.map(|twin| InitialTwin::read(twin.as_json()));
    let initial_twin = match initial_twin.transpose() {
        Ok(initial_twin) => initial_twin,
        Err(error) => {
            return failed(
                ErrorCode::CUSTOM_ALLOCATION_FAILED,
                "Custom allocation failed: the initialTwin of the webhook's answer is not valid",
                format!("the webhook's answer: initialTwin: {error}"),
            );
        }
    };
    // The name as linked, not as answered: one hub must not appear in two spellings.
    match linked_hubs.iter().find(|hub| hub.is(&wanted)) {
        Some(hub) => Decision::Hub { host_name: hub.clone(), payload, initial_twin },
        None => failed(
            ErrorCode::CUSTOM_ALLOCATION_FAILED,
            "Custom allocation failed: the IoT hub is not one of linkedHubs",
            trouble::of_foreign_hub(&wanted, linked_hubs, mask),
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
            &WebhookAnswer::Http { status, body: body.into(), location: None, content_type: None },
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
            // K-4.
            r#"{"iotHubHostName":"hub-west.azure-devices.net","payload":1}"#,
            r#"{"iotHubHostName":"hub-west.azure-devices.net","payload":"123"}"#,
            r#"{"iotHubHostName":"hub-west.azure-devices.net","payload":[]}"#,
            r#"{"iotHubHostName":"other.azure-devices.net"}"#,
        ] {
            let (code, message) = failure(judged(200, body));
            assert_eq!(code, 400_207, "{body}");
            assert!(message.starts_with("Custom allocation failed"), "{message}");
        }
    }

    #[test]
    fn j_1_a_webhook_out_of_reach_fails_with_the_recorded_text() {
        let reason = || "refused".to_owned();
        for answer in [
            WebhookAnswer::Timeout { reason: reason() },
            WebhookAnswer::Unreachable { reason: reason() },
        ] {
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
        let http = |status| WebhookAnswer::Http {
            status,
            body: Vec::new(),
            location: None,
            content_type: None,
        };

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
        assert!(WebhookAnswer::Timeout { reason: String::new() }.is_worth_a_retry());
        assert!(!WebhookAnswer::Unreachable { reason: String::new() }.is_worth_a_retry());
    }

    #[test]
    fn g_6_each_trouble_with_a_webhook_has_its_own_sentence() {
        let hint = |status: u16, body: &[u8], location: Option<&str>| {
            let location = location.map(str::to_owned);
            let body = body.into();
            let answer = WebhookAnswer::Http { status, body, location, content_type: None };
            match judge(&answer, &[HUB.parse().unwrap()], &Mask::of(None)) {
                Decision::Failed { hint, .. } => hint,
                other => panic!("{other:?}"),
            }
        };
        let utf_16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();

        for (said, status, body) in [
            ("it is empty", 200, &b""[..]),
            ("it is empty", 204, b""),
            ("it is UTF-16; JSON is sent as UTF-8", 200, &utf_16),
            ("it is compressed (gzip)", 200, b"\x1f\x8b\x08\0"),
            ("it is a text, not a JSON object", 200, b"\"hub\""),
            ("it is not JSON: expected value at line 1 column 1", 200, b"<html>"),
            ("the member `payload` is a number, not a JSON object", 200, br#"{"payload":1}"#),
            (
                "has `IotHubHostName`; did you mean `iotHubHostName`?",
                200,
                br#"{"IotHubHostName":"x"}"#,
            ),
            ("has `iothub_host_name`; did you mean", 200, br#"{"iothub_host_name":"x"}"#),
            ("has `iotHubHostname`; did you mean", 200, br#"{"a":1,"iotHubHostname":"x"}"#),
            ("without iotHubHostName; to refuse a device, answer 400", 200, br#"{"hub":"x"}"#),
            ("it must be one of hub-west", 200, br#"{"iotHubHostName":"other-hub"}"#),
            ("takes no POST", 405, b""),
            ("is the path right?", 404, b""),
            ("is the function key", 401, b""),
            ("without a body", 400, b""),
            ("no such toaster", 400, b"no such toaster"),
        ] {
            let hint = hint(status, body, None);
            assert!(hint.contains(said), "{said}: {hint}");
        }
        let moved = hint(302, b"", Some("https://elsewhere/api"));
        assert!(
            moved.contains("a redirect to \"https://elsewhere/api\", which DPS does not follow")
        );
    }
}
