//! The TLS connection under every transport.

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::progress::Progress;
use crate::device::destination::Destination;
use crate::device::exchange::{ConnectFailure, Notice};
use crate::device::phase::ConnectPhase;
use crate::device::traffic::Secured;
use crate::net::{Dialed, dial_saying};

/// Opens a TLS connection; `port` is the transport's own. `first` goes out with the end of the
/// handshake.
pub(super) async fn open_tls(
    to: Destination<'_>,
    port: u16,
    first: &[u8],
    progress: &mut Progress<'_>,
) -> Result<TlsStream<TcpStream>, ConnectFailure> {
    let begin = |phase| progress.begin(ConnectPhase::from(phase));
    let dialed = dial_saying(to.endpoint, port, to.route, to.tls.clone(), first, begin).await;
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
