//! What a session makes of a packet.

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
