//! MQTT 3.1.1 over TLS (A.1–A.8).
//!
//! [`codec`] knows packets, `session` what a device may say when, `hub_session` the same for a device
//! that has a hub already and signs in to it (I), `connection` a stream of bytes, whether TLS or a
//! WebSocket. Which of the two a device wants, its user name says.

pub mod codec;
mod connection;
mod hub_seat;
mod hub_session;
mod session;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::handshake::handshake;
use super::listener::accept_all;
use crate::service::registrar::Registrar;

pub(in crate::service) use connection::{MAX_HUB_PACKET, OPENING, serve_stream};

/// Accepts connections until `stop` says so, then drops them all.
pub(in crate::service) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    registrar: Arc<Registrar>,
    stop: watch::Receiver<bool>,
) {
    accept_all(listener, stop, |tcp, peer, number| {
        let (tls, registrar) = (tls.clone(), registrar.clone());
        async move {
            let opened_by = Instant::now() + OPENING;
            // Boxed: what it needs is given back before the connection becomes idle.
            let secured = Box::pin(handshake(tcp, peer, &tls, opened_by, "MQTT over TLS")).await;
            if let Some(secured) = secured {
                let (stream, certificates) = (secured.stream, secured.certificates);
                serve_stream(stream, peer, number, certificates, registrar, opened_by).await;
            }
        }
    })
    .await;
}
