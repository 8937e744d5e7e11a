//! What the service API answers when it refuses (H.1, H.2): one constructor for each reason.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::response::Response;
use crate::service::enrollment::Kind;
use crate::service::quota::Throttled;
use crate::service::reply::THROTTLED;
use crate::sources::Sources;
use crate::text::Foreign;
use crate::wire::{ErrorCode, ServiceError, timestamp};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct ApiError {
    /// The six-digit code; its first three digits are the status.
    pub(in crate::service) code: ErrorCode,
    /// The same in words.
    pub(in crate::service) message: Cow<'static, str>,
    allowed_methods: Option<&'static str>,
    retry_after: Option<Duration>,
    /// What the log has besides.
    detail: Option<String>,
}

impl ApiError {
    fn new(code: u32, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode(code),
            message: message.into(),
            allowed_methods: None,
            retry_after: None,
            detail: None,
        }
    }

    /// Something in the request is wrong.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::BAD_REQUEST.0, message)
    }

    /// The body is not the JSON object that the call takes. What of it cannot be read, and where, is in
    /// the log.
    pub(super) fn unreadable(detail: String) -> Self {
        let error =
            Self::bad_request("BadRequest: the body is not the JSON object that is expected here.");
        Self { detail: Some(detail), ..error }
    }

    /// A token that no page gave out.
    pub(in crate::service) fn bad_continuation() -> Self {
        Self::bad_request("x-ms-continuation is invalid.")
    }

    /// An etag that can match nothing (E.5).
    pub(super) fn invalid_etag() -> Self {
        Self::bad_request("ETag is invalid")
    }

    /// The token is not good; which check failed is in the log only (E.6).
    pub(super) fn unauthorized() -> Self {
        Self::new(ErrorCode::UNAUTHORIZED.0, "Unauthorized")
    }

    /// The change could not be kept. Why is in the log.
    pub(super) fn internal() -> Self {
        Self::new(ErrorCode::INTERNAL.0, "InternalServerError")
    }

    /// There is no such path. Our number (J-80).
    pub(super) fn no_such_path() -> Self {
        Self::new(404_000, "Resource not found.")
    }

    /// There is no such enrollment: the two kinds have their own numbers (E.5).
    pub(super) fn no_enrollment(kind: Kind) -> Self {
        match kind {
            Kind::Individual => Self::new(404_201, "Enrollment not found."),
            Kind::Group => Self::new(404_202, "EnrollmentGroup not found."),
        }
    }

    /// There is no such registration record (E.5).
    pub(super) fn no_registration() -> Self {
        Self::new(404_202, "Registration not found.")
    }

    /// The path has other methods. Our number; DPS documents only the status.
    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let error = Self::new(405_000, format!("Method not allowed; use {allowed}."));
        Self { allowed_methods: Some(allowed), ..error }
    }

    /// Created over an enrollment that is there (E.5).
    pub(super) fn already_exists(kind: Kind) -> Self {
        match kind {
            Kind::Individual => Self::new(409_201, "Enrollment already exists."),
            Kind::Group => Self::new(409_202, "EnrollmentGroup already exists."),
        }
    }

    /// The record was changed since the etag was told. Our number (J-7).
    pub(super) fn precondition_failed() -> Self {
        Self::new(412_001, "Precondition failed.")
    }

    /// The body is too long. Our number (J-80).
    pub(in crate::service) fn too_large() -> Self {
        Self::new(413_000, "The request body has more than 1 MiB.")
    }

    /// The body says that it is no JSON. Our number; DPS documents only the status.
    pub(super) fn unsupported_media_type() -> Self {
        Self::new(415_000, "Unsupported media type; use application/json.")
    }

    /// More than the quota of operations allows (H.3).
    pub(super) fn throttled(throttled: &Throttled) -> Self {
        let error = Self::new(ErrorCode::THROTTLED.0, THROTTLED);
        Self { retry_after: Some(throttled.retry_after), ..error }
    }

    /// The answer: the error object, its code and its tracking ID also as headers (H.1, J-26).
    pub(super) fn into_response(self, sources: &Sources) -> Response {
        let tracking_id = sources.chance.uuid("tracking", "").to_string();
        let body = ServiceError {
            error_code: self.code,
            tracking_id: tracking_id.clone(),
            message: self.message,
            info: None,
            timestamp_utc: Some(timestamp(sources.now())),
        };
        let response = Response::json(self.code.status(), &body)
            .with("x-ms-error-code", self.code.to_string())
            .with("x-ms-request-id", tracking_id);
        let response = match self.retry_after {
            Some(wait) => response.with("retry-after", wait.as_secs().to_string()),
            None => response,
        };
        match self.allowed_methods {
            Some(allowed) => response.with("allow", allowed),
            None => response,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        // Names of members are the sender's.
        self.detail.iter().try_for_each(|detail| write!(f, " ({})", Foreign::short(detail)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_1_the_error_object_and_j_26_its_headers() {
        let response = ApiError::already_exists(Kind::Group).into_response(&Sources::default());

        let body = String::from_utf8(response.body).unwrap();
        let error: ServiceError = serde_json::from_str(&body).unwrap();
        assert_eq!(response.status, 409);
        assert_eq!(
            body,
            format!(
                r#"{{"errorCode":409202,"trackingId":"{}","message":"EnrollmentGroup already exists.","timestampUtc":"{}"}}"#,
                error.tracking_id,
                error.timestamp_utc.unwrap()
            )
        );
        assert_eq!(
            response.headers,
            [
                ("content-type", "application/json; charset=utf-8".to_owned()),
                ("x-ms-error-code", "409202".to_owned()),
                ("x-ms-request-id", error.tracking_id),
            ]
        );
    }

    #[test]
    fn h_2_a_405_says_what_is_allowed() {
        let response = ApiError::method_not_allowed("POST").into_response(&Sources::default());

        assert!(response.headers.contains(&("allow", "POST".to_owned())));
    }
}
