//! Direct methods: a back end calls a device, which answers at once or not at all (I).

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// What a back end calls.
#[derive(Debug, Clone)]
pub struct MethodCall {
    /// The method.
    pub name: String,
    /// What it is given, JSON.
    pub payload: Arc<str>,
    /// How long to wait for the device to connect.
    pub connect_timeout: Duration,
    /// How long to wait for its answer.
    pub response_timeout: Duration,
}

/// What the device says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodAnswer {
    /// In whatever numbers the device counts.
    pub status: i32,
    /// What came of it, as the device sent it.
    pub payload: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MethodFault {
    /// The device is not connected, or takes no methods.
    #[error("the device is not connected, or has not subscribed to direct methods")]
    NotOnline,
    /// It did not answer in time.
    #[error("the device did not answer in time")]
    Timeout,
}
