//! What the pages are made from.

use std::net::SocketAddr;
use std::sync::Arc;

use super::token::Token;
use crate::service::authority::Authority;
use crate::service::commentary::Commentary;
use crate::service::registrar::Registrar;
use crate::service::simulator::Simulator;

/// A running service, as its pages need it.
#[derive(Debug)]
pub(in crate::service::endpoint) struct Site {
    pub(in crate::service::endpoint) registrar: Arc<Registrar>,
    /// What clients have to trust.
    pub(in crate::service::endpoint) authority: Arc<Authority>,
    /// Where MQTT over TLS is served.
    pub(in crate::service::endpoint) mqtt: SocketAddr,
    /// Where HTTPS, and MQTT and AMQP over WebSocket, are served.
    pub(in crate::service::endpoint) https: SocketAddr,
    /// Where AMQP over TLS is served.
    pub(in crate::service::endpoint) amqp: SocketAddr,
    /// Where the gateway is, if there is one.
    pub(in crate::service::endpoint) gateway: Option<SocketAddr>,
    /// Who simulates devices, if there is somebody.
    pub(in crate::service::endpoint) simulator: Option<Arc<dyn Simulator>>,
    /// Who explains failures.
    pub(in crate::service::endpoint) commentary: Commentary,
    /// What the forms of these pages carry.
    pub(in crate::service::endpoint) token: Token,
}
