//! One exchange, from the name lookup to the last byte of the answer, within one deadline.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response};
use rustls::ClientConfig;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::origin::HTTPS_PORT;
use super::pool::Pool;
use super::{Connection, ExchangeFault, HttpError, Origin, Waiting, read};
use crate::net::tcp::reach;
use crate::net::{Phase, ProxyVariables, Route, Trust, TrustError, client_config, dial};

/// Whom servers over TLS have to be certified by.
#[derive(Debug, Clone)]
pub enum Tls {
    /// As this configuration has it.
    Config(Arc<ClientConfig>),
    /// By these authorities. They are read at the first call over TLS: the system's take longer to read
    /// than everything else, and a machine without any can still call servers without TLS.
    Trust(Trust),
}

/// How servers are called.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Whom they have to be certified by.
    pub tls: Tls,
    /// The way to all of them.
    pub route: Route,
    /// Whose proxy is in front of those over TLS.
    pub proxies: ProxyVariables,
    /// How long an exchange may take: lookup, connection, request and the whole answer.
    pub deadline: Duration,
    /// Largest body of an answer, in bytes.
    pub max_body: usize,
    /// How many connections to one server are kept for the next request.
    pub max_idle: usize,
}

/// A client of any number of servers. Nothing is dialled before the first request.
#[derive(Debug)]
pub struct HttpClient {
    settings: HttpSettings,
    trusting: OnceCell<Arc<ClientConfig>>,
    pool: Pool,
}

impl HttpClient {
    /// A client.
    pub fn new(settings: HttpSettings) -> Self {
        let pool = Pool::new(settings.max_idle);
        Self { settings, trusting: OnceCell::new(), pool }
    }

    /// Sends a request, whose target is a path with its query, and returns the answer, whatever its
    /// status.
    ///
    /// # Errors
    ///
    /// If no whole answer came before the deadline.
    pub async fn send(
        &self,
        origin: &Origin,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, HttpError> {
        let mut waiting = Waiting::Connection(Phase::Dns);
        let after = self.settings.deadline;
        let exchange = self.exchange(origin, request.map(Full::new), &mut waiting);
        let answer = timeout(after, exchange).await;
        answer
            .unwrap_or_else(|_| Err(HttpError::Timeout { origin: origin.clone(), after, waiting }))
    }

    async fn exchange(
        &self,
        origin: &Origin,
        mut request: Request<Full<Bytes>>,
        waiting: &mut Waiting,
    ) -> Result<Response<Bytes>, HttpError> {
        let host = HeaderValue::try_from(origin.authority().to_string());
        let host = host.unwrap_or_else(|_| unreachable!("host names are ASCII"));
        request.headers_mut().insert(HOST, host);
        let fault = |fault| HttpError::Exchange { origin: origin.clone(), fault };

        if let Some(idle) = self.pool.take(origin).await {
            match self.ask(origin, idle, request.clone(), waiting).await {
                Err(lost) if may_be_repeated(&lost, request.method()) => {}
                answer => return answer.map_err(fault),
            }
        }
        let fresh = self.connect(origin, waiting).await?;
        self.ask(origin, fresh, request, waiting).await.map_err(fault)
    }

    async fn ask(
        &self,
        origin: &Origin,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
        waiting: &mut Waiting,
    ) -> Result<Response<Bytes>, ExchangeFault> {
        *waiting = Waiting::Answer;
        let head = connection.send(request).await?;
        *waiting = Waiting::Body;
        let answer = read(head, self.settings.max_body).await?;
        self.pool.put(origin, connection);
        Ok(answer)
    }

    async fn connect(
        &self,
        origin: &Origin,
        waiting: &mut Waiting,
    ) -> Result<Connection, HttpError> {
        let (endpoint, route) = (origin.endpoint(), self.route(origin)?);
        let mut begin = |phase| *waiting = Waiting::Connection(phase);
        let opened = if origin.is_secure() {
            let tls = self.tls().await?;
            Connection::open(dial(endpoint, HTTPS_PORT, &route, tls, begin).await?.stream).await
        } else {
            Connection::open(reach(endpoint, &route, &mut begin).await?.stream).await
        };
        opened.map_err(|fault| HttpError::Exchange { origin: origin.clone(), fault })
    }

    fn route(&self, origin: &Origin) -> Result<Route, HttpError> {
        let route = self.settings.route.clone();
        let endpoint = origin.endpoint();
        if !origin.is_secure() {
            return Ok(route);
        }
        let ports = endpoint.port();
        let variable = |name: &str| self.settings.proxies.get(name);
        Ok(route.through_environment(endpoint, ports.as_slice(), variable)?)
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, TrustError> {
        match &self.settings.tls {
            Tls::Config(config) => Ok(config.clone()),
            Tls::Trust(trust) => {
                self.trusting.get_or_try_init(|| async { client_config(trust) }).await.cloned()
            }
        }
    }
}

/// Whether a request that failed on a connection which had waited may be sent once more: always if
/// the server never saw it, else only if it changes nothing (RFC 9110, section 9.2.2). An idle
/// connection may be closed at any time, and that must be no failure.
fn may_be_repeated(fault: &ExchangeFault, method: &Method) -> bool {
    match fault {
        ExchangeFault::Unsent => true,
        ExchangeFault::Lost { had_begun: false, .. } => method.is_safe(),
        _ => false,
    }
}
