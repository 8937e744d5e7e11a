//! What is known of one device in the end.

use std::time::Duration;

use crate::wire::HubName;

/// A part of a registration whose time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the host's addresses.
    Dns,
    /// Opening the TCP connection.
    Tcp,
    /// Opening a tunnel through a proxy.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// Opening a WebSocket.
    Upgrade,
    /// From CONNECT to CONNACK.
    Connect,
    /// From SUBSCRIBE to SUBACK.
    Subscribe,
    /// From the register request to its first answer.
    Register,
    /// Waits that the service asked for, and those between tries.
    Waiting,
    /// All of it: from when the device was meant to begin, so that a generator that falls behind
    /// cannot hide it, to the result.
    Assigned,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Tcp,
        Self::Proxy,
        Self::Tls,
        Self::Upgrade,
        Self::Connect,
        Self::Subscribe,
        Self::Register,
        Self::Waiting,
        Self::Assigned,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Register => "register",
            Self::Waiting => "waiting",
            Self::Assigned => "assigned",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// With a hub.
    Assigned {
        /// Its host name.
        hub: HubName,
    },
    /// Without.
    Failed {
        /// The service's code, such as `400207`, or the kind of the error, such as `connect`.
        code: String,
        /// In one line.
        message: String,
    },
    /// Without, as its list expects.
    Refused {
        /// The code that was expected.
        code: String,
        /// In one line.
        message: String,
    },
}

/// What became of a device's request for a certificate, where the device has a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuance {
    /// It has one.
    Issued,
    /// Its service has none for it (J-482).
    LeftOut,
}

/// One device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceResult {
    /// Its name.
    pub registration_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What became of its request for a certificate; nothing if it made none, or has no hub.
    pub issuance: Option<Issuance>,
    /// How often it began: more than once after failures of the network.
    pub tries: u32,
    /// How often it was told to come later (429, 5xx).
    pub throttled: u32,
    /// When that was: seconds since the fleet's start, and how often in each.
    pub throttled_at: Vec<(u64, u32)>,
    /// How often an open connection was lost.
    pub lost: u32,
    /// When it was meant to begin, since the fleet's start.
    pub intended: Duration,
    /// When it began.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// What took how long; parts that were gone through more than once are sums.
    pub phases: Vec<(Phase, Duration)>,
}
