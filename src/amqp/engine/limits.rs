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
    /// Bytes of the name of a link, which is kept as long as the link.
    pub name: usize,
    /// Bytes of a message.
    pub message: usize,
    /// Transfers that may be on their way to this side.
    pub window: u32,
    /// Messages that wait for the peer to let them be sent, of a session.
    pub waiting: usize,
    /// What all sessions together may hold.
    pub held: Held,
}

impl Default for Limits {
    /// For devices and those who serve them. The Azure SDKs for Java and .NET have a session for each
    /// of the devices, a thousand at most, that share a connection, and six links in each.
    fn default() -> Self {
        Self {
            frame: 64 * 1024,
            channel_max: 1023,
            links: 256,
            name: 512,
            message: 256 * 1024,
            window: 2048,
            waiting: 256,
            held: Held { links: 8192, messages: 4096, bytes: 4 * 1024 * 1024 },
        }
    }
}

/// What is kept on behalf of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Links, from when they are asked for until both sides have ended them.
    pub links: usize,
    /// Messages of this side's that wait to be sent, or of which nothing was heard yet.
    pub messages: usize,
    /// Bytes of messages that wait to be sent, or of which only parts have come.
    pub bytes: usize,
}

impl Held {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            links: self.links + other.links,
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
        }
    }

    /// What is left of this when `other` is taken away.
    pub(super) fn less(self, other: Self) -> Self {
        Self {
            links: self.links.saturating_sub(other.links),
            messages: self.messages.saturating_sub(other.messages),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}
