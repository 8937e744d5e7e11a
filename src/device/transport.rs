//! The ways to talk to the service, and their ports.

use std::fmt;

use crate::wire::{AMQP_PORT, HTTPS_PORT, MQTT_PORT};

/// How the device talks to the service (A.1, B).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// MQTT over TLS, port 8883.
    #[default]
    Mqtt,
    /// MQTT over a secure WebSocket, port 443.
    MqttWs,
    /// HTTPS, port 443.
    Https,
    /// AMQP 1.0 over TLS, port 5671.
    Amqp,
    /// AMQP 1.0 over a secure WebSocket, port 443.
    AmqpWs,
    /// The first of the five, in this order, that the network lets through.
    Auto,
}

impl Transport {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::MqttWs => "mqtt-ws",
            Self::Https => "https",
            Self::Amqp => "amqp",
            Self::AmqpWs => "amqp-ws",
            Self::Auto => "auto",
        }
    }

    /// Whether a TPM can prove itself over it (B.5); over one of them, for `Auto`.
    pub fn is_for_tpms(self) -> bool {
        !matches!(self, Self::Mqtt | Self::MqttWs)
    }

    /// What a device speaks where nothing is said: with a TPM, what is [for TPMs](Self::is_for_tpms).
    pub fn usual(has_tpm: bool) -> Self {
        if has_tpm { Self::Https } else { Self::default() }
    }

    /// Which of `ports` it may dial.
    pub fn ports(self, ports: Ports) -> Vec<u16> {
        match self {
            Self::Mqtt => vec![ports.mqtt],
            Self::MqttWs | Self::Https | Self::AmqpWs => vec![ports.https],
            Self::Amqp => vec![ports.amqp],
            Self::Auto => vec![ports.mqtt, ports.https, ports.amqp],
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The port of each protocol, for a host that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// MQTT over TLS.
    pub mqtt: u16,
    /// HTTPS, and MQTT and AMQP over WebSocket.
    pub https: u16,
    /// AMQP over TLS.
    pub amqp: u16,
}

impl Default for Ports {
    /// Those of DPS (A.1).
    fn default() -> Self {
        Self { mqtt: MQTT_PORT, https: HTTPS_PORT, amqp: AMQP_PORT }
    }
}
