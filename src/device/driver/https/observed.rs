//! What an observer is told of requests and answers (J-151).

use hyper::header::{HeaderMap, HeaderValue};

use crate::attestation::SasToken;
use crate::device::exchange::Notice;
use crate::device::traffic::{Received, Sent};

/// What an observer is told of a request (J-151).
pub(super) fn sent<B>(message: &hyper::Request<B>, body: Vec<u8>) -> Notice {
    Notice::Sent(Sent::Request {
        method: message.method().to_string(),
        target: message.uri().to_string(),
        headers: shown(message.headers()),
        body,
    })
}

/// What an observer is told of an answer (J-151).
pub(super) fn received(status: u16, headers: &[(String, String)], body: &[u8]) -> Notice {
    let (headers, body) = (headers.to_vec(), body.to_vec());
    Notice::Received(Received::Response { status, headers, body })
}

/// Headers as text, for an observer; those that are marked as secret are masked.
pub(super) fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |value: &HeaderValue| match String::from_utf8_lossy(value.as_bytes()) {
        text if value.is_sensitive() => SasToken::from_text(text).masked(),
        text => text.into_owned(),
    };
    headers.iter().map(|(name, value)| (name.to_string(), shown(value))).collect()
}
