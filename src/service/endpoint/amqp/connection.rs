//! One AMQP connection over any stream of bytes.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::service::connection::ClientConnection;
use crate::service::endpoint::line::RipCord;
use crate::service::registrar::Registrar;

/// How long a client has for the TLS handshake and what opens the connection together.
pub(in crate::service) const OPENING: Duration = Duration::from_secs(30);

/// Ends the connection; what AMQP says on it is not read here yet.
pub(in crate::service) async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(
    (mut stream, _cord): (S, RipCord),
    client: ClientConnection,
    _certificates: Vec<CertificateDer<'static>>,
    _registrar: Arc<Registrar>,
    opened_by: Instant,
) {
    tracing::debug!("{}: AMQP is not served yet", client.peer);
    let _ = timeout_at(opened_by, stream.shutdown()).await;
}
