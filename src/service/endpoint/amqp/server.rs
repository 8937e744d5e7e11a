//! Connections of the AMQP listener.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::{OPENING, serve_stream};
use crate::service::endpoint::handshake::{Secured, ServedPort, handshake};
use crate::service::endpoint::listener::accept_all;
use crate::service::endpoint::tls::Tls;
use crate::service::fault_rule::FaultTransport;
use crate::service::registrar::Registrar;

/// Accepts connections until `stop` says so, then drops them all.
pub(in crate::service) async fn serve(
    listener: TcpListener,
    tls: Tls,
    registrar: Arc<Registrar>,
    stop: watch::Receiver<bool>,
) {
    accept_all(listener, stop, |tcp, peer| {
        let client = registrar.number_client(peer);
        let (tls, registrar) = (tls.clone(), registrar.clone());
        async move {
            let opened_by = Instant::now() + OPENING;
            // Boxed: what it needs is given back before the connection becomes idle.
            let secured = Box::pin(handshake(
                tcp,
                client,
                &tls,
                opened_by,
                &ServedPort {
                    about: "AMQP over TLS",
                    transport: FaultTransport::Amqp,
                    registrar: &registrar,
                },
            ))
            .await;
            if let Some(Secured { stream, cord, until, connection, certificates }) = secured {
                let stream = (stream, cord);
                serve_stream(stream, connection, certificates, registrar, until).await;
            }
        }
    })
    .await;
}
