//! MQTT 3.1.1 over TLS (A.1–A.8).
//!
//! [`codec`] knows packets, `session` what a device may say when, `connection` the socket.

pub mod codec;
mod connection;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::service::registrar::Registrar;

/// Numbers connections, so that the registrar can tell requests of one from those of another.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Accepts connections until `stop` says so, then drops them all.
pub(in crate::service) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    registrar: Arc<Registrar>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => {
                    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection::run(tcp, peer, number, tls.clone(), registrar.clone()));
                }
                // Out of descriptors, mostly: others end, and then it goes on.
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the service is gone, which is a stop too.
    let _ = stop.wait_for(|stopped| *stopped).await;
}
