//! Names the endpoints.

use std::fmt;

/// An endpoint of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointKind {
    /// MQTT over TLS.
    Mqtt,
    /// HTTPS, and MQTT over WebSocket.
    Https,
    /// Management, plain HTTP on loopback.
    Management,
}

impl fmt::Display for EndpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mqtt => "MQTT",
            Self::Https => "HTTPS",
            Self::Management => "management",
        })
    }
}
