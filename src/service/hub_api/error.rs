//! What a hub answers when it refuses (I): one constructor for each reason.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

use super::nothing::Nothing;
use super::query::QueryError;
use crate::service::api::{ApiError, Response};
use crate::service::hub::{HubError, MethodFault};
use crate::sources::Sources;
use crate::text::Foreign;
use crate::wire::{timestamp, writable};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HubApiError {
    status: u16,
    /// IoT Hub's name for it.
    code: &'static str,
    message: Cow<'static, str>,
    allowed_methods: Option<String>,
    /// What the log has besides.
    detail: Option<String>,
    /// Its number, where the answer is in the form that has one.
    numbered: Option<Numbered>,
}

/// What stands in the place of the text, as JSON in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbered {
    number: u32,
    info: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    message: String,
    exception_message: String,
}

impl HubApiError {
    fn new(status: u16, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self { status, code, message, allowed_methods: None, detail: None, numbered: None }
    }

    /// Something in the request is wrong.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "ArgumentInvalid", message)
    }

    /// The body is not the JSON object that the call takes. What of it cannot be read, and where, is in
    /// the log.
    pub(super) fn unreadable(detail: String) -> Self {
        let error = Self::bad_request("the body is not the JSON object that is expected here");
        Self { detail: Some(detail), ..error }
    }

    /// The query is none, or none that is answered here.
    pub(super) fn bad_query(error: &QueryError) -> Self {
        Self::bad_request(format!("the query cannot be read: {error}"))
    }

    /// It names no API version.
    pub(super) fn no_version() -> Self {
        Self::new(
            400,
            "InvalidProtocolVersion",
            "the query parameter api-version is missing; use api-version=2021-04-12",
        )
    }

    /// The token is not good; which check failed is in the log only.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "IotHubUnauthorizedAccess", "Unauthorized")
    }

    /// The hub has no such device.
    pub(super) fn no_device(id: &str) -> Self {
        Self::new(404, "DeviceNotFound", id.to_owned())
    }

    /// Devices have no modules here.
    pub(super) fn no_module() -> Self {
        Self::new(404, "ModuleNotFound", "devices have no modules here")
    }

    /// There are no such things here.
    pub(super) fn nothing(what: Nothing) -> Self {
        match what {
            Nothing::Module => Self::no_module(),
            Nothing::Configuration => {
                Self::new(404, "ConfigurationNotFound", "there are no configurations here")
            }
            Nothing::Job => Self::new(404, "JobNotFound", "there are no jobs here"),
        }
    }

    /// A device is to be made, and the request says not on which hub (J-131).
    pub(super) fn homeless(id: &str, hubs: &[&str]) -> Self {
        Self::bad_request(format!(
            "no hub has the device {id:?}; to make it, send the name of one as Host: {}",
            hubs.join(", ")
        ))
    }

    /// A message is longer than hubs take.
    pub(super) fn message_too_large(limit: usize) -> Self {
        let message = format!("the message is longer than {} KB", limit / 1024);
        Self::new(413, "MessageTooLarge", message)
    }

    /// The device is not there to be called.
    pub(super) fn not_online(waited: Duration) -> Self {
        let seconds = waited.as_secs();
        let waited = format!("00:{:02}:{:02}", seconds / 60, seconds % 60);
        let text = "The operation failed because the requested device isn't online.";
        let error = Self::new(404, "DeviceNotOnline", text);
        Self {
            numbered: Some(Numbered { number: 404_103, info: json!({ "timeout": waited }) }),
            ..error
        }
    }

    /// A method has no answer.
    pub(super) fn of_method(fault: MethodFault, connect_timeout: Duration) -> Self {
        match fault {
            MethodFault::NotOnline => Self::not_online(connect_timeout),
            MethodFault::Timeout => {
                let text = "Timed out waiting for the response from device.";
                let error = Self::new(504, "GatewayTimeout", text);
                Self { numbered: Some(Numbered { number: 504_101, info: json!({}) }), ..error }
            }
        }
    }

    /// The same beside what was done for other devices.
    pub(super) fn for_device(&self, id: &str) -> Value {
        json!({ "id": id, "errorCode": self.code, "errorMessage": self.message })
    }

    /// Several hubs have the device, and the request says not which (J-131).
    pub(super) fn ambiguous(id: &str, hubs: &[&str]) -> Self {
        Self::bad_request(format!(
            "several hubs have the device {id:?}; send the name of one as Host: {}",
            hubs.join(", ")
        ))
    }

    /// PUT without `If-Match` wants to make a device.
    pub(super) fn already_exists(id: &str) -> Self {
        Self::new(
            409,
            "DeviceAlreadyExists",
            format!("A device with ID '{id}' is already registered. If-Match: * updates it."),
        )
    }

    /// More messages wait for a device than a hub keeps for one.
    fn mailbox_full() -> Self {
        Self::new(
            403,
            "DeviceMaximumQueueDepthExceeded",
            "50 messages wait for the device; more are taken once it has taken some",
        )
    }

    /// There is no such path. Our name (J-132).
    pub(super) fn no_such_path() -> Self {
        Self::new(404, "ResourceNotFound", "there is nothing at this path")
    }

    /// The path has other methods. Our name (J-132).
    pub(super) fn method_not_allowed(allowed: &str) -> Self {
        let error = Self::new(405, "MethodNotAllowed", format!("use {allowed}"));
        Self { allowed_methods: Some(allowed.to_owned()), ..error }
    }

    /// What the hubs say of a device.
    pub(super) fn of(error: &HubError, id: &str) -> Self {
        match error {
            HubError::NotFound => Self::no_device(id),
            HubError::PreconditionFailed => {
                Self::new(412, "PreconditionFailed", "PreconditionFailed, ETag may be invalid.")
            }
            HubError::AlreadyExists => Self::already_exists(id),
            HubError::MailboxFull => Self::mailbox_full(),
            HubError::Twin(twin) => {
                let detail = error.detail().map(str::to_owned);
                Self { detail, ..Self::bad_request(twin.to_string()) }
            }
            // Why is in the log.
            HubError::Store(_) => Self::new(500, "ServerError", "the change could not be kept"),
        }
    }

    /// The answer: the name of the error in its text and as a header.
    pub(super) fn into_response(self, sources: &Sources) -> Response {
        let now = sources.now();
        let tracking_id = sources.chance.uuid("tracking", "").simple();
        let tracking_id = format!("{tracking_id}-G:0-TimeStamp:{}", american(now));
        let body = match &self.numbered {
            None => Body {
                message: format!("ErrorCode:{};{}", self.code, self.message),
                exception_message: format!("Tracking ID:{tracking_id}"),
            },
            Some(Numbered { number, info }) => {
                let message = json!({
                    "errorCode": number,
                    "trackingId": tracking_id,
                    "message": self.message,
                    "info": info,
                    "timestampUtc": timestamp(now),
                });
                Body { message: message.to_string(), exception_message: String::new() }
            }
        };
        let response = Response::json(self.status, &body).with("iothub-errorcode", self.code);
        match self.allowed_methods {
            Some(allowed) => response.with("allow", allowed),
            None => response,
        }
    }
}

/// What the parts say that both service APIs share.
impl From<ApiError> for HubApiError {
    fn from(error: ApiError) -> Self {
        let status = error.code.status();
        let code = match status {
            413 => "RequestEntityTooLarge",
            415 => "InvalidContentEncodingOrType",
            _ => "ArgumentInvalid",
        };
        Self::new(status, code, error.message)
    }
}

impl fmt::Display for HubApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)?;
        // Names of members are the sender's.
        self.detail.iter().try_for_each(|detail| write!(f, " ({})", Foreign::short(detail)))
    }
}

/// UTC as IoT Hub's errors have it: `10/18/2022 20:50:39`.
fn american(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(writable(time)).to_string();
    let parts: Vec<_> = text.split(['-', 'T', 'Z']).collect();
    match parts[..] {
        [year, month, day, clock, ..] => format!("{month}/{day}/{year} {clock}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn i_an_error_is_named_in_its_text_and_in_a_header() {
        let response = HubApiError::no_device("pump").into_response(&Sources::default());

        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 404);
        assert!(response.headers.contains(&("iothub-errorcode", "DeviceNotFound".to_owned())));
        assert_eq!(body["Message"], "ErrorCode:DeviceNotFound;pump");
        let trace = body["ExceptionMessage"].as_str().unwrap();
        assert!(trace.starts_with("Tracking ID:") && trace.contains("-G:0-TimeStamp:"), "{trace}");
    }

    /// As recorded in iotedge#98 and azure-iot-sdk-java#640.
    #[test]
    fn i_a_method_without_answer_has_its_number_in_a_text_of_json() {
        for (fault, status, name, number, info) in [
            (MethodFault::NotOnline, 404, "DeviceNotOnline", 404_103, r#"{"timeout":"00:01:05"}"#),
            (MethodFault::Timeout, 504, "GatewayTimeout", 504_101, "{}"),
        ] {
            let response = HubApiError::of_method(fault, Duration::from_secs(65))
                .into_response(&Sources::default());

            let body: Value = serde_json::from_slice(&response.body).unwrap();
            let text: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
            assert_eq!((response.status, &text["errorCode"]), (status, &json!(number)));
            assert_eq!(
                (text["info"].to_string().as_str(), &body["ExceptionMessage"]),
                (info, &json!(""))
            );
            assert!(response.headers.contains(&("iothub-errorcode", name.to_owned())));
        }
    }

    #[test]
    fn times_in_errors_are_written_the_american_way() {
        let time = UNIX_EPOCH + Duration::from_secs(1_772_439_330);

        assert_eq!(american(time), "03/02/2026 08:15:30");
    }
}
