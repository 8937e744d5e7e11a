//! What a session makes of a packet.

use std::time::Duration;

use super::codec::Violation;

/// What to do after a packet, beside sending what was written.
#[derive(Debug)]
pub(super) enum Flow<Q> {
    /// Wait for the next packet.
    Continue,
    /// Find the answer, then have the session write it.
    Ask(Q),
    /// Close the connection.
    Close(CloseReason),
}

/// Why a connection is closed.
#[derive(Debug)]
pub(super) enum CloseReason {
    /// The device said goodbye.
    Disconnected,
    /// The device was refused; the text is for the log.
    Refused(String),
    /// The device broke a rule of MQTT.
    Violated(Violation),
}

/// What faults on demand make of a packet, before a session sees it.
#[derive(Debug)]
pub(super) enum Struck {
    /// What always becomes of it.
    Not,
    /// Nothing more.
    Instead,
    /// The same, but what is said to it comes this much later.
    Later(Duration),
}
