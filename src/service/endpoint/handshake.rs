//! The TLS handshake of a connection, and what is said of one that fails.

use std::net::SocketAddr;

use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConnection};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;

use super::line::{Line, RipCord};
use super::patience::Patient;
use super::tls::{HandshakeFailure, Tls};
use crate::attestation::Certificate;
use crate::net::TlsFault;
use crate::service::connection::{ClientConnection, TlsSession, said};

/// What carries everything that is said after it.
pub(super) type Stream = TlsStream<Patient<Line>>;

/// A connection after the handshake.
pub(super) struct Secured {
    pub(super) stream: Stream,
    /// How it can be made to end with a reset.
    pub(super) cord: RipCord,
    /// What is known of it so far.
    pub(super) connection: ClientConnection,
    /// Those of the client, its own first; it has the key of that one.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// Does the handshake, or logs why there is none. `port` says what is served here.
pub(super) async fn handshake(
    tcp: TcpStream,
    (peer, number): (SocketAddr, u64),
    tls: &Tls,
    until: Instant,
    port: &'static str,
) -> Option<Secured> {
    // Without it every small packet may wait 40 ms for the delayed acknowledgement of the last.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!("{peer}: {error}");
        return None;
    }
    let line = Line::new(tcp);
    let cord = line.cord();
    let stream = match timeout_at(until, tls.accept(Patient::new(line))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(failure)) => {
            log_failure(peer, failure, port);
            return None;
        }
        Err(_) => {
            tracing::debug!("{peer}: no TLS handshake in time");
            return None;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates: Vec<_> =
        certificates.iter().map(|certificate| certificate.clone().into_owned()).collect();
    let connection = ClientConnection::new(number, peer, agreed(stream.get_ref().1, &certificates));
    Some(Secured { stream, cord, connection, certificates })
}

/// What the two sides agreed on.
fn agreed(tls: &ServerConnection, certificates: &[CertificateDer<'static>]) -> TlsSession {
    let own = certificates.first().and_then(|own| Certificate::from_der(own.clone()).ok());
    TlsSession {
        version: match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Some("1.2"),
            Some(ProtocolVersion::TLSv1_3) => Some("1.3"),
            _ => None,
        },
        cipher_suite: tls.negotiated_cipher_suite().and_then(|it| it.suite().as_str()),
        server_name: tls.server_name().map(said),
        alpn: tls.alpn_protocol().map(|it| said(&String::from_utf8_lossy(it))),
        client_certificate: own.map(|own| said(&own.info().subject_name)),
    }
}

/// A client that does not trust us is the most common trouble of all: said aloud. Port scanners and
/// health checks that only connect are not.
fn log_failure(peer: SocketAddr, HandshakeFailure { error, offer }: HandshakeFailure, port: &str) {
    match TlsFault::from(error) {
        TlsFault::Closed => tracing::debug!("{peer}: closed before the TLS handshake"),
        TlsFault::NotTls => tracing::warn!("{peer}: does not speak TLS; this port is {port} (A.1)"),
        fault @ TlsFault::Alert(_) => {
            tracing::warn!(
                "{peer}: {}; does it trust the CA file?",
                fault.to_string().replace("the server", "the client")
            );
        }
        fault => match offer.filter(|offer| offer.chain().is_none()) {
            Some(offer) => tracing::warn!("{peer}: {fault}; {offer}"),
            None => tracing::warn!("{peer}: {fault}"),
        },
    }
}
