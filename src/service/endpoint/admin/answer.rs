//! Answers in JSON; errors as the REST API has them (H.1).

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use serde::Serialize;

use crate::service::reply::{Reply, error_reply, json_reply};
use crate::sources::Sources;
use crate::wire::ErrorCode;

/// Nothing is wrong with the request's form, but it must not be made (J-96).
const FORBIDDEN: ErrorCode = ErrorCode(403_000);
/// There is nothing at this path (J-61).
const PATH_NOT_FOUND: ErrorCode = ErrorCode(404_001);
/// Another verb is wanted here (J-61).
const METHOD_NOT_ALLOWED: ErrorCode = ErrorCode(405_000);

/// What is asked for.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    said(json_reply(200, None, value))
}

/// A text that is no JSON.
pub(super) fn text(content_type: &'static str, text: String) -> Response<Body> {
    with_type(StatusCode::OK, content_type, text)
}

/// Done, and nothing to say.
pub(super) fn no_content() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

pub(super) fn bad_request(message: &str) -> Response<Body> {
    said(error_reply(&Sources::default(), ErrorCode::BAD_REQUEST, message))
}

pub(super) fn internal(message: &str) -> Response<Body> {
    said(error_reply(&Sources::default(), ErrorCode::INTERNAL, message))
}

pub(super) fn forbidden(message: &str) -> Response<Body> {
    said(error_reply(&Sources::default(), FORBIDDEN, message))
}

pub(super) fn no_record(message: &str) -> Response<Body> {
    said(error_reply(&Sources::default(), ErrorCode::RECORD_NOT_FOUND, message))
}

pub(super) fn path_not_found(message: &str) -> Response<Body> {
    said(error_reply(&Sources::default(), PATH_NOT_FOUND, message))
}

pub(super) fn method_not_allowed(message: &str) -> Response<Body> {
    said(error_reply(&Sources::default(), METHOD_NOT_ALLOWED, message))
}

fn said(Reply { status, body, .. }: Reply) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_type(status, "application/json; charset=utf-8", body)
}

fn with_type(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
