//! An answer that refuses.

use std::fmt;

use crate::text::page_line;
use crate::wire::{ServiceError, from_json_object};

/// An answer with a status that means refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The status on the topic or of the HTTP reply.
    pub status: u16,
    /// What the service says of it; `None` if its body is no error object.
    pub error: Option<ServiceError>,
    /// How its body begins, if it is something else.
    pub says: Option<String>,
}

impl Rejection {
    /// What an answer with this status and body says.
    pub(in crate::device) fn read(status: u16, body: &[u8]) -> Self {
        let error = from_json_object(body).ok();
        let says = if error.is_none() { page_line(body) } else { None };
        Self { status, error, says }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) if error.message.is_empty() => write!(f, "{}", error.error_code),
            Some(error) => write!(f, "{} ({})", error.message, error.error_code),
            None => match &self.says {
                Some(says) => write!(f, "status {}, and {says:?}", self.status),
                None => write!(f, "status {}", self.status),
            },
        }
    }
}
