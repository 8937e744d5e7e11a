//! Who asks the service for something.

use serde::Serialize;

use super::attest::Proof;
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
}

/// Who asks.
#[derive(Debug)]
pub struct Caller {
    /// Which connection; two requests of one are never at once.
    pub connection: u64,
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
