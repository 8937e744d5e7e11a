//! Connections of the MQTT listener.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection::{OPENING, serve_stream};
use crate::service::endpoint::streams::{Spoken, serve_streams};
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
    let spoken =
        Spoken { about: "MQTT over TLS", transport: FaultTransport::Mqtt, opening: OPENING };
    serve_streams(listener, tls, registrar, stop, spoken, serve_stream).await;
}
