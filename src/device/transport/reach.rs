//! The way to a server: the service, or a hub.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::phase::{ConnectPhase, Progress};
use crate::device::client::Ports;
use crate::device::exchange::{ConnectFailure, Notice};
use crate::device::traffic::Secured;
use crate::net::{Dialed, Endpoint, Route, dial_saying};
use crate::wire::HTTPS_PORT;

/// Whom to reach, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::device) struct Way<'a> {
    /// Whose name is verified. Its port, where one is given, overrides the transport's own.
    pub(in crate::device) endpoint: &'a Endpoint,
    /// The transports' own ports.
    pub(in crate::device) ports: Ports,
    /// The way through the network.
    pub(in crate::device) route: &'a Route,
    /// Whom it trusts, and the certificate that it shows.
    pub(in crate::device) tls: &'a Arc<ClientConfig>,
}

/// Opens a TLS connection; `port` is the transport's own. `first` goes out with the end of the
/// handshake.
pub(super) async fn reach(
    way: Way<'_>,
    port: u16,
    first: &[u8],
    progress: &mut Progress<'_>,
) -> Result<TlsStream<TcpStream>, ConnectFailure> {
    let begin = |phase| progress.begin(ConnectPhase::from(phase));
    let dialed = dial_saying(way.endpoint, port, way.route, way.tls.clone(), first, begin).await;
    let dialed = dialed.map_err(|error| ConnectFailure::Network(error.into()))?;
    progress.end();
    tracing::debug!(peer = %dialed.peer, timings = ?dialed.timings, "TLS connection is open");
    progress.tell(Notice::Secured(secured(&dialed)));
    Ok(dialed.stream)
}

fn secured(dialed: &Dialed) -> Secured {
    let (_, tls) = dialed.stream.get_ref();
    let version = tls.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    let leaf = tls.peer_certificates().and_then(<[_]>::first);
    Secured {
        peer: dialed.peer,
        version,
        certificate: leaf.cloned().map(CertificateDer::into_owned),
    }
}

/// The server as a `Host` header names it: without a port that goes without saying.
pub(super) fn authority(way: Way<'_>) -> Endpoint {
    let endpoint = way.endpoint.or_port(way.ports.https);
    if endpoint.port() == Some(HTTPS_PORT) { endpoint.without_port() } else { endpoint }
}
