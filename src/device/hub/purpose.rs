//! What a session is opened for, and what follows from it: the version that is named, the topics that are
//! subscribed to, and the transports that will do.

use super::settings::API_VERSION;
use crate::device::transport::Transport;
use crate::wire::{CREDENTIALS_FILTER, DESIRED_FILTER, TWIN_RESPONSE_FILTER};

/// The version from which on hubs issue certificates (I.4).
const OF_CERTIFICATES: &str = "2025-08-01-preview";

/// What a session is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The twin, and messages.
    Twin,
    /// Another certificate.
    Certificate,
}

impl Purpose {
    /// The version that CONNECT names.
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::Twin => API_VERSION,
            Self::Certificate => OF_CERTIFICATES,
        }
    }

    /// What SUBSCRIBE asks for.
    pub(super) fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Twin => &[TWIN_RESPONSE_FILTER, DESIRED_FILTER],
            Self::Certificate => &[CREDENTIALS_FILTER],
        }
    }

    /// In which order transports are tried where that is left to the device.
    pub(super) fn order(self) -> &'static [Transport] {
        match self {
            Self::Twin => &[Transport::Mqtt, Transport::MqttWs, Transport::Amqp, Transport::AmqpWs],
            Self::Certificate => &[Transport::Mqtt, Transport::MqttWs],
        }
    }
}
