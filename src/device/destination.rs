//! Where a server is: the service, or a hub.

use std::sync::Arc;

use rustls::ClientConfig;

use super::transport::Ports;
use crate::net::{Endpoint, Route};
use crate::wire::HTTPS_PORT;

/// A server, and how to get to it.
#[derive(Debug, Clone, Copy)]
pub(in crate::device) struct Destination<'a> {
    /// Whose name is verified. Its port, where one is given, overrides the transport's own.
    pub(in crate::device) endpoint: &'a Endpoint,
    /// The transports' own ports.
    pub(in crate::device) ports: Ports,
    /// The way through the network.
    pub(in crate::device) route: &'a Route,
    /// Whom it trusts, and the certificate that it shows.
    pub(in crate::device) tls: &'a Arc<ClientConfig>,
}

impl Destination<'_> {
    /// The server as a `Host` header names it: without a port that goes without saying.
    pub(super) fn host_header(self) -> Endpoint {
        let endpoint = self.endpoint.or_port(self.ports.https);
        if endpoint.port() == Some(HTTPS_PORT) { endpoint.without_port() } else { endpoint }
    }
}
