//! Where a rule strikes: at which step of a device's way, and on which transport.

use std::fmt;

/// A step of a device's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultPlace {
    /// A TCP connection, before anything is said.
    Accept,
    /// A TLS handshake.
    Tls,
    /// CONNECT of a device that is to be provisioned; over AMQP its SASL, or its first link (J-366).
    Connect,
    /// SUBSCRIBE of such a device; over AMQP a link on which it receives.
    Subscribe,
    /// A register request.
    Register,
    /// The question how an operation stands.
    Poll,
    /// The question how a registration stands, over HTTPS (B.1) and AMQP.
    Lookup,
    /// A call of an allocation webhook.
    Webhook,
    /// The granting of a certificate that a device asked for with its registration (B.7).
    Grant,
    /// CONNECT of a device at its hub; over AMQP its first link there.
    HubConnect,
    /// A device asks for its twin, or reports properties.
    Twin,
    /// A device asks its hub for a certificate, up to the first answer (I.4).
    Renew,
    /// The last answer to that, which has the certificate.
    Issue,
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
    /// AMQP over TLS.
    Amqp,
    /// AMQP over a WebSocket.
    AmqpWs,
}

use FaultTransport::{Amqp, AmqpWs, Https, Mqtt, MqttWs};

impl FaultPlace {
    /// All of them, in the order of a device's way.
    pub const ALL: [Self; 13] = [
        Self::Accept,
        Self::Tls,
        Self::Connect,
        Self::Subscribe,
        Self::Register,
        Self::Poll,
        Self::Lookup,
        Self::Webhook,
        Self::Grant,
        Self::HubConnect,
        Self::Twin,
        Self::Renew,
        Self::Issue,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Tls => "tls",
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Register => "register",
            Self::Poll => "poll",
            Self::Lookup => "lookup",
            Self::Webhook => "webhook",
            Self::Grant => "grant",
            Self::HubConnect => "hub-connect",
            Self::Twin => "twin",
            Self::Renew => "renew",
            Self::Issue => "issue",
        }
    }

    /// What it is, for people.
    pub fn about(self) -> &'static str {
        match self {
            Self::Accept => {
                "a TCP connection, before anything is said; `https` is the port of WebSockets too"
            }
            Self::Tls => "a TLS handshake; `https` as above",
            Self::Connect => {
                "CONNECT of a device that is to be provisioned; over AMQP its SASL, and without SASL its first link"
            }
            Self::Subscribe => "SUBSCRIBE of such a device; over AMQP a link on which it receives",
            Self::Register => "a register request",
            Self::Poll => "the question how an operation stands",
            Self::Lookup => "the question how a registration stands, over HTTPS and AMQP",
            Self::Webhook => {
                "a call of an allocation webhook, each try for itself; it has no transport"
            }
            Self::Grant => {
                "the granting of a certificate that a device asked for with its registration; it has no transport"
            }
            Self::HubConnect => "CONNECT of a device at its hub; over AMQP its first link there",
            Self::Twin => "a device at its hub asks for its twin, or reports properties",
            Self::Renew => "a device asks its hub for a certificate, up to the first answer (202)",
            Self::Issue => {
                "the last answer to that, which has the certificate; if its connection ends instead, it waits for the next one"
            }
        }
    }

    /// What may carry it.
    pub fn transports(self) -> &'static [FaultTransport] {
        match self {
            Self::Accept | Self::Tls => &[Mqtt, Https, Amqp],
            Self::Register | Self::Poll | Self::Webhook | Self::Grant => &FaultTransport::ALL,
            Self::Connect | Self::Subscribe | Self::HubConnect | Self::Twin => {
                &[Mqtt, MqttWs, Amqp, AmqpWs]
            }
            Self::Lookup => &[Https, Amqp, AmqpWs],
            Self::Renew | Self::Issue => &[Mqtt, MqttWs],
        }
    }

    /// Whether it is known there which device it is.
    pub(in crate::service) fn knows_device(self) -> bool {
        !matches!(self, Self::Accept | Self::Tls)
    }

    /// Whether what is asked for and its answer are one moment: there is nothing to be looked at in the answer
    /// before a rule can be judged.
    pub(in crate::service) fn is_one_moment(self) -> bool {
        matches!(
            self,
            Self::Accept
                | Self::Tls
                | Self::Connect
                | Self::Subscribe
                | Self::Webhook
                | Self::Grant
                | Self::HubConnect
        )
    }

    /// A bit of its own, for sets of places.
    pub fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl FaultTransport {
    /// Those that rules can strike.
    pub const ALL: [Self; 5] = [Mqtt, MqttWs, Https, Amqp, AmqpWs];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mqtt => "mqtt",
            MqttWs => "mqtt-ws",
            Https => "https",
            Amqp => "amqp",
            AmqpWs => "amqp-ws",
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
