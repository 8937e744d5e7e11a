//! A device on demand: whoever runs a service may give it somebody who simulates one, so that its page
//! can let one register.
//!
//! Only the words for it: the service knows no device. What is simulated comes over the network as any
//! other does.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;

use super::caller::Transport;
use crate::attestation::DeviceKey;
use crate::wire::{IdScope, Payload, RegistrationId};

/// Simulates devices.
pub trait Simulator: fmt::Debug + Send + Sync {
    /// Lets a device register over the network, and tells how that went.
    fn register(&self, device: SimulatedDevice) -> Simulating;
}

/// A registration on its way.
pub type Simulating = Pin<Box<dyn Future<Output = Simulated> + Send>>;

/// Which device, and where the service is.
#[derive(Debug, Clone)]
pub struct SimulatedDevice {
    /// Its name.
    pub registration_id: RegistrationId,
    /// Its proof.
    pub key: DeviceKey,
    /// What it has to say.
    pub payload: Option<Payload>,
    /// How it comes.
    pub transport: Transport,
    /// The instance.
    pub id_scope: IdScope,
    /// Where MQTT over TLS is served.
    pub mqtt: SocketAddr,
    /// Where HTTPS is served.
    pub https: SocketAddr,
    /// Where AMQP over TLS is served.
    pub amqp: SocketAddr,
    /// Whom it has to trust, in PEM.
    pub ca_pem: String,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// What the device says of it, line by line.
    pub lines: Vec<String>,
    /// Whether it has a hub.
    pub is_assigned: bool,
}
