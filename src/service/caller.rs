//! Who asks the service for something.

use std::sync::Arc;

use serde::Serialize;

use super::attest::Proof;
use super::connection::ClientConnection;
use super::fault_rule::FaultTransport;
use crate::wire::{ApiVersion, IdScope, RegistrationId};

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Transport {
    /// As MQTT, over TLS or a WebSocket.
    Mqtt,
    /// As HTTPS.
    Https,
    /// As AMQP, over TLS or a WebSocket.
    Amqp,
}

impl Transport {
    /// What faults on demand call it, right over TLS or over a WebSocket.
    pub(super) fn for_faults(self, is_web_socket: bool) -> FaultTransport {
        match self {
            Self::Mqtt if is_web_socket => FaultTransport::MqttWs,
            Self::Mqtt => FaultTransport::Mqtt,
            Self::Https => FaultTransport::Https,
            Self::Amqp if is_web_socket => FaultTransport::AmqpWs,
            Self::Amqp => FaultTransport::Amqp,
        }
    }
}

/// Who asks.
#[derive(Debug)]
pub struct Caller {
    /// Which connection; two requests of one are never at once.
    pub connection: Arc<ClientConnection>,
    /// How it came.
    pub transport: Transport,
    /// The scope it named.
    pub id_scope: IdScope,
    /// The device it says it is.
    pub registration_id: RegistrationId,
    /// Which shape of replies it understands.
    pub api_version: ApiVersion,
    /// What it brings to prove it.
    pub proof: Proof,
}

/// A client that is sent away before it can ask for anything, and of which is known who it would be.
#[derive(Debug)]
pub struct TurnedAway {
    /// Which connection.
    pub connection: Arc<ClientConnection>,
    /// How it came.
    pub transport: Transport,
    /// The device it says it is.
    pub registration_id: RegistrationId,
    /// The scope it named, whatever that is.
    pub id_scope: Option<String>,
    /// Which shape of replies it understands.
    pub api_version: Option<ApiVersion>,
    /// Which check it did not pass, in one word.
    pub check: &'static str,
    /// Why, for the log.
    pub reason: String,
}

impl TurnedAway {
    /// A client that a fault on demand strikes.
    pub(super) fn struck(caller: &Caller) -> Self {
        Self {
            connection: caller.connection.clone(),
            transport: caller.transport,
            registration_id: caller.registration_id.clone(),
            id_scope: Some(caller.id_scope.to_string()),
            api_version: Some(caller.api_version.clone()),
            check: "fault",
            reason: String::new(),
        }
    }
}
