//! Connections of the management listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::events;
use super::faults;
use super::guard::{self, Hosts};
use super::handlers::{self, Admin};
use super::issuers;
use crate::service::endpoint::listener::accept_all;
#[cfg(feature = "page")]
use crate::service::endpoint::page;
use crate::service::endpoint::patience::Patient;

/// How long the head of a request may take, and so how long a connection may be idle before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Room for the head of a request.
const MAX_HEAD: usize = 16 * 1024;

/// Accepts connections until `stop` says so, then drops them all.
pub(in crate::service) async fn serve(
    listener: TcpListener,
    admin: Admin,
    hosts: Hosts,
    stop: watch::Receiver<bool>,
) {
    let router = router(Arc::new(admin), hosts);
    accept_all(listener, stop, |tcp, peer| serve_one(tcp, peer, router.clone())).await;
}

async fn serve_one(tcp: TcpStream, peer: SocketAddr, router: Router) {
    let _ = tcp.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Patient::new(tcp)), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!("{peer}: management: {error}");
    }
}

/// What is served: the JSON API, and the page where it is built in.
fn router(admin: Arc<Admin>, hosts: Hosts) -> Router {
    #[cfg(feature = "page")]
    let site = {
        let Admin { registrar, authority, commentary, mqtt, https, amqp, gateway, simulator } =
            &*admin;
        Arc::new(page::Site {
            registrar: registrar.clone(),
            authority: authority.clone(),
            mqtt: *mqtt,
            https: *https,
            amqp: *amqp,
            gateway: *gateway,
            commentary: commentary.clone(),
            simulator: simulator.clone(),
            token: page::Token::random(),
        })
    };
    let api = Router::new()
        .route("/healthz", get(handlers::health))
        .route("/ca.pem", get(handlers::ca))
        .route("/certificate-authorities", get(issuers::issuers))
        .route("/registrations", get(handlers::registrations))
        .route("/registrations/{id}", get(handlers::registration))
        .route("/journal", get(handlers::journal))
        .route("/journal/connections", get(handlers::struck_connections))
        .route("/journal/events", get(events::events))
        .route("/journal/{sequence}", get(handlers::journal_entry))
        .route("/twins", get(handlers::twins))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/faults/{id}", get(faults::one).delete(faults::remove))
        .route("/reset", post(handlers::reset))
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::method_not_allowed)
        .layer(from_fn(guard::keep_pages_from_changes))
        .with_state(admin);
    #[cfg(feature = "page")]
    let api = api.merge(page::router(site));
    api.layer(from_fn_with_state(hosts, guard::check))
}
