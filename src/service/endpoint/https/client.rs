//! Who is at the other end.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderMap, USER_AGENT};
use hyper::upgrade::OnUpgrade;
use rustls::pki_types::CertificateDer;

use super::upgrade::Spoken;
use crate::attestation::SasToken;
use crate::service::access::ServiceAccess;
use crate::service::connection::{ClientConnection, said};
use crate::service::endpoint::line::RipCord;
use crate::service::lock::lock;
use crate::service::registrar::Registrar;
use crate::service::tap::{WireMoment, WireRequest};
use crate::sources::Sources;

/// One client on one connection.
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    /// What is known of the connection, with what its last request said.
    pub(super) known: Mutex<Arc<ClientConnection>>,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) registrar: Arc<Registrar>,
    pub(super) access: Arc<ServiceAccess>,
    /// How the connection can be made to end with a reset.
    pub(super) cord: RipCord,
    /// The connection itself, once a request has made a WebSocket of it, and what is spoken there.
    pub(super) upgrade: Mutex<Option<(OnUpgrade, Spoken)>>,
}

impl Client {
    /// What time it is, and what IDs are given out.
    pub(super) fn sources(&self) -> &Sources {
        &self.registrar.sources
    }

    /// The connection, as a request with this `User-Agent` makes it known.
    pub(super) fn connection(&self, user_agent: Option<&str>) -> Arc<ClientConnection> {
        let mut known = lock(&self.known);
        if known.user_agent.as_deref() != user_agent {
            let user_agent = user_agent.map(said);
            *known = Arc::new(ClientConnection { user_agent, ..(**known).clone() });
        }
        known.clone()
    }

    /// Tells whoever watches of a request.
    pub(super) fn tell(&self, request: &Request<Vec<u8>>) {
        let tap = &self.registrar.tap;
        if !tap.is_on() {
            return;
        }
        let number = lock(&self.known).number;
        let text =
            |name| request.headers().get(name).map(|it| String::from_utf8_lossy(it.as_bytes()));
        tap.tell(number, || {
            WireMoment::Request(WireRequest {
                method: request.method().to_string(),
                target: request.uri().to_string(),
                authorization: text(AUTHORIZATION).map(SasToken::from_text),
                user_agent: text(USER_AGENT).map(Cow::into_owned),
            })
        });
    }
}

/// What a request says of the program that sends it.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok())
}
