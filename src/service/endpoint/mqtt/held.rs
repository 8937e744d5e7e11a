//! What is said later over MQTT than it was meant to be.

use bytes::BytesMut;

use crate::service::endpoint::held;
use crate::service::faults::HangUp;

/// What is held back on one connection.
pub(super) type Held = held::Held<BytesMut, Delayed>;

/// What is due at a time.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) bytes: BytesMut,
    pub(super) then: Option<HangUp>,
}
