//! Why a call failed.

use std::time::Duration;

use hyper::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::Deserialize;
use thiserror::Error;

use crate::net::http::{HttpError, retry_after};
use crate::sources::Clock;
use crate::text::{is_html, page_line};
use crate::wire::{ErrorCode, ServiceError};

/// Why a call of the service API brought no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The service said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The answer is none of this API.
    #[error("{host} answered {status} with something that is not JSON of the service API")]
    NotUnderstood {
        /// Where to.
        host: String,
        /// The HTTP status.
        status: u16,
    },
}

/// An answer that is no success (H.1).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the service answered {status}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's code, where the answer has one.
    pub code: Option<ErrorCode>,
    /// The service's own words, or those of HTTP.
    pub message: String,
    /// Whether it is a page of HTML, which no service sends.
    pub is_page: bool,
    /// Names the request in the service's logs.
    pub tracking_id: Option<String>,
    /// When it happened, as the service writes it.
    pub date: Option<String>,
    /// How long the service asks to wait before the next call.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer. Proxies and gateways send whatever they like, so nothing has to be there.
    pub(super) fn read(status: hyper::StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let error = serde_json::from_slice::<ServiceError>(body).ok();
        let words = status.canonical_reason().unwrap_or("no reason given");
        let (code, message, tracking_id, date) = match error {
            Some(error) => {
                let message = Some(error.message.into_owned()).filter(|text| !text.is_empty());
                let tracking_id = Some(error.tracking_id).filter(|text| !text.is_empty());
                (Some(error.error_code), message, tracking_id, error.timestamp_utc)
            }
            // A hub has errors of its own shape, and only texts in them (I.2).
            None => {
                let hub = serde_json::from_slice::<HubError>(body).ok();
                (None, hub.map(|error| error.message), None, None)
            }
        };
        let said = if code.is_none() && message.is_none() { page_line(body) } else { None };
        let words = said.map_or_else(|| words.to_owned(), |said| format!("{words}, and {said:?}"));
        let message = message.unwrap_or(words);
        let is_page = is_html(body);
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after =
            text(RETRY_AFTER).and_then(|wait| retry_after(wait, text(DATE), Clock::system().now()));
        Self { status: status.as_u16(), code, message, is_page, tracking_id, date, retry_after }
    }
}

#[derive(Deserialize)]
struct HubError {
    #[serde(rename = "Message")]
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_1_a_refusal_is_read_and_a_gateways_page_too() {
        let body = br#"{"errorCode":409202,"trackingId":"t","message":"EnrollmentGroup already exists.","timestampUtc":"2026"}"#;

        let read = |status, body: &[u8]| Refusal::read(status, &HeaderMap::new(), body);
        let refusal = read(hyper::StatusCode::CONFLICT, body);
        let gateway = read(hyper::StatusCode::BAD_GATEWAY, b"<html><title>proxy</title>");

        assert_eq!(refusal.code, Some(ErrorCode(409_202)));
        assert_eq!(refusal.tracking_id.as_deref(), Some("t"));
        assert_eq!(gateway.to_string(), r#"the service answered 502: Bad Gateway, and "proxy""#);
    }

    #[test]
    fn h_3_how_long_to_wait_is_read_and_a_hubs_words_too() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "7".parse().unwrap())]);
        let body =
            br#"{"Message":"ErrorCode:DeviceNotFound;no such device","ExceptionMessage":"x"}"#;

        let throttled = Refusal::read(hyper::StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        let hub = Refusal::read(hyper::StatusCode::NOT_FOUND, &headers, body);

        assert_eq!(throttled.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(hub.message, "ErrorCode:DeviceNotFound;no such device");
    }
}
