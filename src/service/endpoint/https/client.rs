//! Who is at the other end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::upgrade::OnUpgrade;
use rustls::pki_types::CertificateDer;

use crate::service::access::ServiceAccess;
use crate::service::registrar::Registrar;

/// One client on one connection.
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    pub(super) number: u64,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) registrar: Arc<Registrar>,
    pub(super) access: Arc<ServiceAccess>,
    /// The connection itself, once a request has made a WebSocket of it.
    pub(super) upgrade: Mutex<Option<OnUpgrade>>,
}
