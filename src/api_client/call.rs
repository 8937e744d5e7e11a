//! One call: a request with a token of its own, and its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use rustls::ClientConfig;

use super::connection::Service;
use super::patience::{Ending, Patience};
use super::{CallError, ConnectionString, Refusal};
use crate::net::http::{HttpClient, HttpError, HttpSettings, Origin, Tls};
use crate::net::{ProxyVariables, Route};
use crate::sources::Clock;
use crate::wire::ApiVersion;

/// The version that Azure's command line and its Python and Node SDKs speak (E.5).
const API_VERSION: &str = "2021-10-01";
/// The version that the SDKs for back ends speak to hubs (I.2).
const HUB_API_VERSION: &str = "2021-04-12";
/// Long enough for every call of the service, short enough for somebody who waits.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a token is good: for one call, and clocks that are a little off.
const TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Largest answer that is read: a full page of records with long twins.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How many connections are kept for the next call.
const MAX_IDLE: usize = 16;

/// A client of one service, over HTTPS only; its host name is verified.
pub struct ServiceClient {
    connection: ConnectionString,
    http: HttpClient,
    patience: Patience,
    /// The version that is spoken to a provisioning service, where it is another than usual.
    version: Option<ApiVersion>,
}

/// A successful answer. Bodies hold keys, so `Debug` does not show them.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came; empty with 204.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

impl fmt::Debug for ServiceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceClient({:?})", self.connection)
    }
}

impl ServiceClient {
    /// A client that goes the direct way. Nothing is dialled before the first call.
    pub fn new(connection: ConnectionString, tls: &Arc<ClientConfig>) -> Self {
        Self::by_route(connection, tls, Route::default(), DEADLINE)
    }

    /// A client that goes this way to the service, and gives each call so long.
    pub fn by_route(
        connection: ConnectionString,
        tls: &Arc<ClientConfig>,
        route: Route,
        deadline: Duration,
    ) -> Self {
        let http = HttpClient::new(HttpSettings {
            tls: Tls::Config(tls.clone()),
            route,
            proxies: ProxyVariables::default(),
            deadline,
            max_body: MAX_ANSWER,
            max_idle: MAX_IDLE,
        });
        Self { connection, http, patience: Patience::default(), version: None }
    }

    /// The same, making calls again that a busy service refuses, or whose answers are lost.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// From now on another version of the service API is spoken.
    pub fn speak(&mut self, version: ApiVersion) {
        self.version = Some(version);
    }

    /// Where the service is.
    pub fn host(&self) -> &str {
        self.connection.host()
    }

    /// Sends `body` to `path`, which begins with `/` and is escaped already, and returns an answer
    /// of 200 to 299.
    ///
    /// # Errors
    ///
    /// If there is no answer, or another one.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Answer, CallError> {
        self.ending(method, path, headers, body).await.result
    }

    /// The same, telling whether an earlier try may have been carried out.
    pub(super) async fn ending(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Ending<Answer> {
        let body = body.into();
        let once = || self.once(method.clone(), path, headers.clone(), body.clone());
        self.patience.carry_out(once).await
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, CallError> {
        let request = self.request(method, path, headers, body)?;
        let origin = Origin::https(self.connection.endpoint());
        let (head, body) = self.http.send(&origin, request).await?.into_parts();
        if head.status.is_success() {
            return Ok(Answer { status: head.status, headers: head.headers, body });
        }
        Err(CallError::Refused(Refusal::read(head.status, &head.headers, &body)))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Bytes>, CallError> {
        let token = self.connection.token(Clock::system().now() + TOKEN_LIFETIME);
        let mut authorization = HeaderValue::from_str(token.as_str())
            .unwrap_or_else(|_| unreachable!("what stands in a token is percent-encoded"));
        authorization.set_sensitive(true);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        let version = match (self.connection.service(), &self.version) {
            (Service::Provisioning, Some(version)) => version.to_string(),
            (Service::Provisioning, None) => API_VERSION.to_owned(),
            (Service::Hub, _) => HUB_API_VERSION.to_owned(),
        };
        let target = format!("{path}?api-version={version}").parse();
        *request.uri_mut() = target.map_err(HttpError::from)?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, json);
        Ok(request)
    }
}
