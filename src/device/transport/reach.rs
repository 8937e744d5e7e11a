//! The way to the service, as the settings have it.

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::phase::{ConnectPhase, Progress};
use crate::attestation::Certificate;
use crate::device::client::Settings;
use crate::device::exchange::{ConnectFailure, Notice};
use crate::device::traffic::Secured;
use crate::net::{Dialed, Endpoint, dial};
use crate::wire::HTTPS_PORT;

/// Opens a TLS connection to the service; `port` is the transport's own.
pub(super) async fn reach(
    settings: &Settings,
    port: u16,
    progress: &mut Progress<'_>,
) -> Result<TlsStream<TcpStream>, ConnectFailure> {
    let Settings { endpoint, route, tls, .. } = settings;
    let begin = |phase| progress.begin(ConnectPhase::from(phase));
    let dialed = dial(endpoint, port, route, tls.clone(), begin).await;
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
    let leaf = leaf.and_then(|der| Certificate::from_der(der.clone().into_owned()).ok());
    let server = leaf.map(|certificate| certificate.info().subject_name.clone());
    Secured { peer: dialed.peer, version, server }
}

/// The service as a `Host` header names it: without a port that goes without saying.
pub(super) fn authority(settings: &Settings) -> Endpoint {
    let endpoint = settings.endpoint.or_port(settings.ports.https);
    if endpoint.port() == Some(HTTPS_PORT) { endpoint.without_port() } else { endpoint }
}
