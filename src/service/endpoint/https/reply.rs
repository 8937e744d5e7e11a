//! What every answer over HTTPS looks like: JSON, with the headers of B.3 and B.4.
//!
//! Always with a body and a reason phrase: Node's client fails on an empty one, the C SDK's waits
//! for ever without the other.

use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY,
};
use hyper::{Response, StatusCode};

use super::answer_body::AnswerBody;
use crate::service::fault_rule::RetryAfter;
use crate::service::faults::Said;
use crate::service::reply::{Reply, error_reply};
use crate::sources::Sources;
use crate::wire::{ErrorCode, ServiceError};

/// An answer.
pub(super) type Answer = Response<AnswerBody>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// There is nothing at this path. Our own number (J-61).
const PATH_NOT_FOUND: ErrorCode = ErrorCode(404_001);
/// Another verb is wanted here (H.2). Our own number (J-61).
const METHOD_NOT_ALLOWED: ErrorCode = ErrorCode(405_000);
/// The request is longer than 96 KB (A.7). Our own number (J-61).
const TOO_LONG: ErrorCode = ErrorCode(413_000);

/// What the registrar says, as HTTP. `location` is where a registration that goes on can be found;
/// it is told with 202 only.
pub(super) fn of(sources: &Sources, reply: Reply, location: Option<&str>) -> Answer {
    let error: Option<ServiceError> =
        (reply.status >= 400).then(|| serde_json::from_str(&reply.body).ok()).flatten();
    let mut answer = Response::new(AnswerBody::new(reply.body));
    *answer.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    );
    if let Some(wait) = reply.retry_after {
        // Whole seconds, for Node takes nothing else; rounded up, or a fraction would become 0.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, seconds.into());
    }
    let location = location.filter(|_| reply.status == 202).map(HeaderValue::from_str);
    if let Some(Ok(location)) = location {
        headers.insert(LOCATION, location);
    }
    let request_id = match error {
        Some(error) => {
            headers.insert(ERROR_CODE, error.error_code.0.into());
            Some(error.tracking_id).filter(|id| !id.is_empty())
        }
        None => None,
    };
    let request_id = request_id.unwrap_or_else(|| sources.chance.uuid("request", "").to_string());
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    answer
}

/// What is said as a fault on demand wants it.
pub(super) fn odd(sources: &Sources, said: Said, location: Option<&str>) -> Answer {
    let Said { reply, retry_after, is_page, cut, .. } = said;
    let mut answer = of(sources, reply, location);
    match retry_after {
        None => {}
        Some(RetryAfter::Absent) => {
            answer.headers_mut().remove(RETRY_AFTER);
        }
        Some(RetryAfter::Text(text)) => {
            // All that a rule may say can stand in a header.
            if let Ok(text) = HeaderValue::from_str(&text) {
                answer.headers_mut().insert(RETRY_AFTER, text);
            }
        }
    }
    if is_page {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        answer.headers_mut().insert(CONTENT_TYPE, html);
    }
    if let Some(length) = cut
        && !answer.body_mut().cut(length)
    {
        // There is nothing to miss, but the connection ends all the same.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// A refusal (H.1).
pub(super) fn error(sources: &Sources, code: ErrorCode, message: &str) -> Answer {
    of(sources, error_reply(sources, code, message), None)
}

/// Nothing is served at the path.
pub(super) fn not_found(sources: &Sources) -> Answer {
    error(sources, PATH_NOT_FOUND, "Resource not found.")
}

/// Only `allowed` is served at the path.
pub(super) fn method_not_allowed(sources: &Sources, allowed: &'static str) -> Answer {
    let mut answer = error(sources, METHOD_NOT_ALLOWED, "Method not allowed.");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// The body was too long, and perhaps not read to its end: so the connection ends too.
pub(super) fn too_long(sources: &Sources, limit: usize) -> Answer {
    let message = format!("The request is longer than {} KB.", limit / 1024);
    let mut answer = error(sources, TOO_LONG, &message);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn accepted(retry_after: Duration) -> Answer {
        let reply = Reply { status: 202, retry_after: Some(retry_after), body: "{}".to_owned() };
        of(&Sources::default(), reply, Some("https://localhost/0ne1/registrations/a/register"))
    }

    /// J-66.
    #[test]
    fn b_3_headers_of_a_registration_that_goes_on() {
        let answer = accepted(Duration::from_secs(3));

        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(header("retry-after"), "3");
        assert_eq!(header("location"), "https://localhost/0ne1/registrations/a/register");
        assert_eq!(header("content-type"), "application/json; charset=utf-8");
        assert_eq!(header("strict-transport-security"), "max-age=31536000; includeSubDomains");
        assert_eq!(header("x-ms-request-id").len(), 36);
        assert!(!answer.headers().contains_key("x-ms-error-code"));
    }

    #[test]
    fn retry_after_is_in_whole_seconds_rounded_up() {
        for (millis, told) in [(0, "0"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2")] {
            assert_eq!(accepted(Duration::from_millis(millis)).headers()["retry-after"], told);
        }
    }

    #[test]
    fn b_4_an_error_is_named_in_the_headers_too() {
        let reply = error_reply(&Sources::default(), ErrorCode::UNAUTHORIZED, "Unauthorized");
        let said: ServiceError = serde_json::from_str(&reply.body).unwrap();

        let answer = of(&Sources::default(), reply, Some("https://localhost/"));

        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["x-ms-error-code"], "401002");
        assert_eq!(answer.headers()["x-ms-request-id"], said.tracking_id);
        assert!(!answer.headers().contains_key("location"));
    }

    #[test]
    fn every_status_has_a_reason_phrase() {
        let sources = &Sources::default();
        for answer in
            [not_found(sources), method_not_allowed(sources, "PUT"), too_long(sources, 1024)]
        {
            assert!(answer.status().canonical_reason().is_some(), "{}", answer.status());
        }
    }
}
