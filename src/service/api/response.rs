//! Answers of the service API, and of the hubs', whatever carries them.

use serde::Serialize;

use crate::wire::to_ascii_json;

/// An answer for an HTTP server to send. `Content-Length` is left to that.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// Status.
    pub(crate) status: u16,
    /// Headers, names in lower case.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Body: JSON in pure ASCII, or nothing.
    pub(crate) body: Vec<u8>,
}

/// Bodies hold keys.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

impl Response {
    /// An answer with a body.
    pub(in crate::service) fn json(status: u16, body: &impl Serialize) -> Self {
        let content_type = ("content-type", "application/json; charset=utf-8".to_owned());
        match to_ascii_json(body) {
            Ok(body) => Self { status, headers: vec![content_type], body: body.into_bytes() },
            Err(error) => {
                tracing::error!("an answer cannot be written: {error}");
                Self { status: 500, headers: vec![content_type], body: b"{}".to_vec() }
            }
        }
    }

    /// 204, the answer to what was deleted.
    pub(in crate::service) fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one more header.
    pub(in crate::service) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
