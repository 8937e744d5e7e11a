//! How much of anything a peer may have.

/// What one side takes from the other. Everything that a peer can make grow is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a frame.
    pub frame: u32,
    /// Sessions of a connection, beside the first.
    pub channel_max: u16,
    /// Links of a session.
    pub links: u32,
    /// Bytes of a message.
    pub message: usize,
    /// Transfers that may be on their way to this side.
    pub window: u32,
    /// Messages that wait for the peer to let them be sent, of a session.
    pub waiting: usize,
}

impl Default for Limits {
    /// For devices and those who serve them.
    fn default() -> Self {
        Self {
            frame: 64 * 1024,
            channel_max: 7,
            links: 256,
            message: 256 * 1024,
            window: 2048,
            waiting: 256,
        }
    }
}
