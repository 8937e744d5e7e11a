//! What the pages are made from.

use std::net::SocketAddr;
use std::sync::Arc;

use super::token::Token;
use crate::service::commentary::Commentary;
use crate::service::registrar::Registrar;

/// A running service, as its pages need it.
#[derive(Debug)]
pub(in crate::service::endpoint) struct Site {
    pub(super) registrar: Arc<Registrar>,
    /// Where MQTT over TLS is served.
    pub(super) mqtt: SocketAddr,
    /// Where HTTPS and MQTT over WebSocket are served.
    pub(super) https: SocketAddr,
    /// Who explains failures.
    pub(super) commentary: Commentary,
    /// What the forms of these pages carry.
    pub(super) token: Token,
}

impl Site {
    pub(in crate::service::endpoint) fn new(
        registrar: Arc<Registrar>,
        commentary: Commentary,
        mqtt: SocketAddr,
        https: SocketAddr,
    ) -> Self {
        Self { registrar, mqtt, https, commentary, token: Token::random() }
    }
}
