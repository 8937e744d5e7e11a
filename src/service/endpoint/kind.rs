//! Names the endpoints.

use std::fmt;

use crate::wire::{AMQP_PORT, HTTPS_PORT, MQTT_PORT};

/// Where the management listener is if nobody says where: beside the usual 8080, which is so often
/// taken.
const ADMIN_PORT: u16 = 8880;

/// An endpoint of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointKind {
    /// MQTT over TLS.
    Mqtt,
    /// HTTPS, and MQTT and AMQP over WebSocket.
    Https,
    /// AMQP over TLS.
    Amqp,
    /// The gateway to the others, on loopback.
    Gateway,
    /// Management, plain HTTP.
    Management,
}

impl EndpointKind {
    /// The port on which it is looked for: 8883, 443, 5671, 8880. The gateway has none of its own: whichever
    /// is free.
    pub fn own_port(self) -> u16 {
        match self {
            Self::Mqtt => MQTT_PORT,
            Self::Https => HTTPS_PORT,
            Self::Amqp => AMQP_PORT,
            Self::Gateway => 0,
            Self::Management => ADMIN_PORT,
        }
    }

    /// The flag of `serve` that gives it another one.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Mqtt => "--mqtt-port",
            Self::Https => "--https-port",
            Self::Amqp => "--amqp-port",
            Self::Gateway => "--gateway-port",
            Self::Management => "--admin-port",
        }
    }
}

impl fmt::Display for EndpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mqtt => "MQTT",
            Self::Https => "HTTPS",
            Self::Amqp => "AMQP",
            Self::Gateway => "the gateway",
            Self::Management => "management",
        })
    }
}
