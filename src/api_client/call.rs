//! One call: a request with a token of its own, and its answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::{CallError, ConnectionString, Refusal};

/// The version that Azure's command line and its Python and Node SDKs speak (E.5).
const API_VERSION: &str = "2021-10-01";
/// Long enough for every call of the service, short enough for somebody who waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a token is good: for one call, and clocks that are a little off.
const TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Largest answer that is read: a full page of records with long twins.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A client of one service, over HTTPS only; its host name is verified.
pub struct ServiceClient {
    connection: ConnectionString,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
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
    /// A client. Nothing is dialled before the first call.
    pub fn new(connection: ConnectionString, tls: &Arc<ClientConfig>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Its job here is TCP; the scheme is TLS's business.
        connector.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config((**tls).clone()).https_only();
        let connector = builder.enable_http1().wrap_connector(connector);
        Self { connection, http: Client::builder(TokioExecutor::new()).build(connector) }
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
        let request = self.request(method, path, headers, body.into())?;
        let answer = timeout(PATIENCE, self.exchange(request));
        let answer = answer
            .await
            .map_err(|_| CallError::Timeout { host: self.host().to_owned(), after: PATIENCE })??;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(CallError::Refused(Refusal::read(answer.status, &answer.body)))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let token = self.connection.token(SystemTime::now() + TOKEN_LIFETIME);
        let unusable = || CallError::Network {
            host: self.host().to_owned(),
            reason: "the request cannot be written".to_owned(),
        };
        let mut authorization = HeaderValue::from_str(token.as_str()).map_err(|_| unusable())?;
        authorization.set_sensitive(true);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}?api-version={API_VERSION}", self.host()))
            .body(Full::new(body))
            .map_err(|_| unusable())?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, json);
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
        let response = self.http.request(request).await;
        let response = response.map_err(|error| CallError::of_transport(self.host(), &error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| {
            let reason = if error.is::<LengthLimitError>() {
                format!("its answer is longer than {MAX_ANSWER} bytes")
            } else {
                format!("its answer broke off: {error}")
            };
            CallError::Network { host: self.host().to_owned(), reason }
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}
