//! Where a rule strikes: at which step of a device's way, and on which transport.

use std::fmt;

/// A step of a device's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultPlace {
    /// A register request.
    Register,
    /// The question how an operation stands.
    Poll,
    /// The question how a registration stands, over HTTPS (B.1).
    Lookup,
}

/// What carries a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultTransport {
    /// MQTT over TLS.
    Mqtt,
    /// MQTT over a WebSocket.
    MqttWs,
    /// HTTPS.
    Https,
}

use FaultTransport::{Https, Mqtt, MqttWs};

impl FaultPlace {
    /// All of them, in the order of a device's way.
    pub const ALL: [Self; 3] = [Self::Register, Self::Poll, Self::Lookup];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Poll => "poll",
            Self::Lookup => "lookup",
        }
    }

    /// What it is, for people.
    pub fn about(self) -> &'static str {
        match self {
            Self::Register => "a register request",
            Self::Poll => "the question how an operation stands",
            Self::Lookup => "the question how a registration stands, over HTTPS",
        }
    }

    /// What may carry it.
    pub fn transports(self) -> &'static [FaultTransport] {
        match self {
            Self::Register | Self::Poll => &FaultTransport::ALL,
            Self::Lookup => &[Https],
        }
    }

    /// A bit of its own, for sets of places.
    pub fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl FaultTransport {
    /// All of them.
    pub const ALL: [Self; 3] = [Mqtt, MqttWs, Https];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mqtt => "mqtt",
            MqttWs => "mqtt-ws",
            Https => "https",
        }
    }
}

impl fmt::Display for FaultPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for FaultTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
