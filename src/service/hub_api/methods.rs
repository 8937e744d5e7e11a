//! Direct methods, as back ends call them (I).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::HubApiError;
use super::site::Site;
use crate::service::api::{Request, Response};
use crate::service::hub::MethodCall;
use crate::text::read_body;

/// How long a device has to answer when the client does not say.
const RESPONSE_TIMEOUT: u64 = 30;
/// The least and the most that a client may say.
const RESPONSE_TIMEOUTS: std::ops::RangeInclusive<u64> = 5..=300;
/// The most that a client may let the hub wait for the device to connect.
const LONGEST_CONNECT_TIMEOUT: u64 = 300;
/// Longest name of a method.
const MAX_NAME: usize = 100;
/// Largest payload, either way.
const MAX_PAYLOAD: usize = 128 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    method_name: Option<String>,
    payload: Option<Box<RawValue>>,
    connect_timeout_in_seconds: Option<u64>,
    response_timeout_in_seconds: Option<u64>,
}

/// Calls a method; the answer is the device's.
pub(super) async fn call(
    site: &Site<'_>,
    request: &Request,
    id: &str,
) -> Result<Response, HubApiError> {
    let body: Body = read_body(request.json()?).map_err(HubApiError::unreadable)?;
    let call = read(body)?;
    let device = site.device(id)?;
    if !device.is_enabled {
        return Err(HubApiError::not_online(call.connect_timeout));
    }
    let connect_timeout = call.connect_timeout;
    let answer = site.hubs().call_method(&device.key(), call).await;
    let answer = answer.map_err(|fault| HubApiError::of_method(fault, connect_timeout))?;
    let payload = match answer.payload.trim_ascii() {
        [] => Value::Null,
        payload => serde_json::from_slice(payload).unwrap_or_else(|_| {
            tracing::warn!("{id}: its answer to a method is no JSON, and is told as null (J-183)");
            Value::Null
        }),
    };
    Ok(Response::json(200, &json!({ "status": answer.status, "payload": payload })))
}

fn read(body: Body) -> Result<MethodCall, HubApiError> {
    let name = body.method_name.unwrap_or_default();
    let is_bad = |c: char| matches!(c, '/' | '+' | '#' | '?') || c.is_control();
    if name.is_empty() || name.len() > MAX_NAME || name.contains(is_bad) {
        return Err(HubApiError::bad_request(format!(
            "methodName is to have 1 to {MAX_NAME} characters, none of them / + # ? or a control \
             character"
        )));
    }
    let response = body.response_timeout_in_seconds.unwrap_or(RESPONSE_TIMEOUT);
    if !RESPONSE_TIMEOUTS.contains(&response) {
        return Err(HubApiError::bad_request(
            "responseTimeoutInSeconds is no number from 5 to 300",
        ));
    }
    let connect = body.connect_timeout_in_seconds.unwrap_or_default();
    if connect > LONGEST_CONNECT_TIMEOUT {
        return Err(HubApiError::bad_request("connectTimeoutInSeconds is no number from 0 to 300"));
    }
    let payload: Arc<str> = body.payload.as_deref().map_or("null", RawValue::get).into();
    if payload.len() > MAX_PAYLOAD {
        return Err(HubApiError::bad_request("payload is longer than 128 KB"));
    }
    Ok(MethodCall {
        name,
        payload,
        connect_timeout: Duration::from_secs(connect),
        response_timeout: Duration::from_secs(response),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(body: &str) -> Result<MethodCall, HubApiError> {
        read(serde_json::from_str(body).unwrap())
    }

    #[test]
    fn i_what_is_left_out_has_azures_defaults_and_the_payload_stays_as_written() {
        let call = reading(r#"{"methodName":"reboot","payload":{"delay": 1.50}}"#).unwrap();

        assert_eq!((call.name.as_str(), &*call.payload), ("reboot", r#"{"delay": 1.50}"#));
        assert_eq!(call.connect_timeout, Duration::ZERO);
        assert_eq!(call.response_timeout, Duration::from_secs(30));
        assert_eq!(&*reading(r#"{"methodName":"reboot"}"#).unwrap().payload, "null");
    }

    #[test]
    fn j_183_what_cannot_be_called_is_refused_by_name() {
        for (body, member) in [
            ("{}", "methodName"),
            (r#"{"methodName":"a/b"}"#, "methodName"),
            (r#"{"methodName":"a","responseTimeoutInSeconds":4}"#, "responseTimeoutInSeconds"),
            (r#"{"methodName":"a","responseTimeoutInSeconds":301}"#, "responseTimeoutInSeconds"),
            (r#"{"methodName":"a","connectTimeoutInSeconds":301}"#, "connectTimeoutInSeconds"),
        ] {
            let refused = reading(body).unwrap_err().to_string();
            assert!(refused.contains(member), "{body}: {refused}");
        }
    }
}
