//! Connections of the listeners on which a protocol other than HTTP is spoken over TLS.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use super::handshake::{Secured, ServedPort, Stream, handshake};
use super::line::RipCord;
use super::listener::accept_all;
use super::tls::Tls;
use crate::service::connection::ClientConnection;
use crate::service::fault_rule::FaultTransport;
use crate::service::registrar::Registrar;

/// What is spoken there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken {
    /// For the log.
    pub(super) about: &'static str,
    /// For faults on demand.
    pub(super) transport: FaultTransport,
    /// How long a client has for the TLS handshake and what comes first behind it.
    pub(super) opening: Duration,
}

/// Accepts connections until `stop` says so, then drops them all. `speak` serves one to its end.
pub(super) async fn serve_streams<F, S>(
    listener: TcpListener,
    tls: Tls,
    registrar: Arc<Registrar>,
    stop: watch::Receiver<bool>,
    Spoken { about, transport, opening }: Spoken,
    speak: F,
) where
    F: Fn(
            (Stream, RipCord),
            ClientConnection,
            Vec<CertificateDer<'static>>,
            Arc<Registrar>,
            Instant,
        ) -> S
        + Copy
        + Send
        + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    accept_all(listener, stop, |tcp, peer| {
        let client = registrar.number_client(peer);
        let (tls, registrar) = (tls.clone(), registrar.clone());
        async move {
            let port = ServedPort { about, transport, registrar: &registrar };
            // Boxed: what it needs is given back before the connection becomes idle.
            let secured =
                Box::pin(handshake(tcp, client, &tls, Instant::now() + opening, &port)).await;
            if let Some(Secured { stream, cord, until, connection, certificates }) = secured {
                speak((stream, cord), connection, certificates, registrar, until).await;
            }
        }
    })
    .await;
}
