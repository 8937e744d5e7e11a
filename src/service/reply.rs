//! What is said to devices, whatever carries it.

use std::time::Duration;

use serde::Serialize;

use super::quota::Throttled;
use crate::sources::Sources;
use crate::wire::{ErrorCode, ServiceError, timestamp, to_ascii_json};

/// What Azure says with 429001 (H.2).
pub(super) const THROTTLED: &str = "Operations are being throttled for this tenant.";

/// What is said of a body that cannot be read (A.5).
const UNREADABLE: &str = "Deserialization error.";

/// What is said to the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Status, as in HTTP.
    pub status: u16,
    /// How long it should wait.
    pub retry_after: Option<Duration>,
    /// JSON in pure ASCII.
    pub body: String,
}

/// A body with its status.
pub fn json_reply(status: u16, retry_after: Option<Duration>, body: &impl Serialize) -> Reply {
    match to_ascii_json(body) {
        Ok(body) => Reply { status, retry_after, body },
        Err(error) => {
            tracing::error!("a reply cannot be written: {error}");
            Reply { status: 500, retry_after: None, body: "{}".to_owned() }
        }
    }
}

/// A refusal of what is more than a quota allows (H.3). It could well be granted later.
pub(super) fn throttled_reply(sources: &Sources, throttled: &Throttled) -> Reply {
    let reply = error_reply(sources, ErrorCode::THROTTLED, THROTTLED);
    Reply { retry_after: Some(throttled.retry_after), ..reply }
}

/// A refusal of a body that cannot be read, as it was recorded: no tracking ID (A.5).
pub(super) fn unreadable_reply(sources: &Sources) -> Reply {
    let error = ServiceError {
        error_code: ErrorCode::DESERIALIZATION,
        tracking_id: String::new(),
        message: UNREADABLE.into(),
        info: None,
        timestamp_utc: Some(timestamp(sources.now())),
    };
    json_reply(ErrorCode::DESERIALIZATION.status(), None, &error)
}

/// A refusal (H.1).
pub fn error_reply(sources: &Sources, code: ErrorCode, message: &str) -> Reply {
    let error = ServiceError {
        error_code: code,
        tracking_id: sources.chance.uuid("tracking", "").to_string(),
        message: message.to_owned().into(),
        info: None,
        timestamp_utc: Some(timestamp(sources.now())),
    };
    json_reply(code.status(), None, &error)
}
