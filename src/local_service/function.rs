//! Allocation functions of a test: closures that are asked over real HTTP, as a function app would
//! be.
//!
//! What their answers mean for the device is decided by the service, which does not know that they
//! are near.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use crate::net::listen;

/// What an allocation function says of a device (G.4).
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationAnswer {
    status: u16,
    body: Body,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    /// An AllocationResponse.
    Json(Map<String, Value>),
    Text(String),
}

impl AllocationAnswer {
    /// The device gets this hub, which must be one of the linked ones.
    pub fn hub(host_name: impl Into<String>) -> Self {
        let hub = Value::String(host_name.into());
        let body = Map::from_iter([("iotHubHostName".to_owned(), hub)]);
        Self { status: 200, body: Body::Json(body) }
    }

    /// The device gets none; the function says why with status 400.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self::raw(400, reason)
    }

    /// Whatever else a function can say, and should not: status and body. A status that HTTP does
    /// not have becomes 500.
    pub fn raw(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: Body::Text(body.into()) }
    }

    /// With a first twin, `{"tags":{…},"properties":{"desired":{…}}}`, if the device gets a hub.
    #[must_use]
    pub fn with_initial_twin(self, twin: Value) -> Self {
        self.with("initialTwin", twin)
    }

    /// With something to say to the device, if it gets a hub.
    #[must_use]
    pub fn with_payload(self, payload: Value) -> Self {
        self.with("payload", payload)
    }

    fn with(mut self, member: &str, value: Value) -> Self {
        if let Body::Json(members) = &mut self.body {
            members.insert(member.to_owned(), value);
        }
        self
    }
}

impl IntoResponse for AllocationAnswer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (kind, body) = match self.body {
            Body::Json(members) => {
                ("application/json; charset=utf-8", Value::Object(members).to_string())
            }
            Body::Text(text) => ("text/plain; charset=utf-8", text),
        };
        (status, [(CONTENT_TYPE, kind)], body).into_response()
    }
}

/// An allocation function: an AllocationRequest (G.3) in, an answer out.
#[derive(Clone)]
pub(super) struct Function(Arc<Decide>);

type Decide = dyn Fn(&Value) -> AllocationAnswer + Send + Sync;

impl Function {
    pub(super) fn new(decide: impl Fn(&Value) -> AllocationAnswer + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

/// Where functions will be served, with a key that they ask for, as Azure's do.
pub(super) struct FunctionApp {
    listener: TcpListener,
    origin: String,
    key: Arc<str>,
    routes: Router,
    count: usize,
}

impl FunctionApp {
    /// Takes a free loopback port. Must be called in the runtime that will serve it.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn open() -> io::Result<Self> {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let key = uuid::Uuid::new_v4().simple().to_string().into();
        Ok(Self { listener, origin, key, routes: Router::new(), count: 0 })
    }

    /// Adds a function; returns its address, for `webhookUrl`.
    pub(super) fn add(&mut self, function: Function) -> String {
        self.count += 1;
        let path = format!("/api/Allocate{}", self.count);
        let url = format!("{}{path}?code={}", self.origin, self.key);
        let asked = post(ask).with_state((self.key.clone(), function));
        self.routes = std::mem::take(&mut self.routes).route(&path, asked);
        url
    }

    /// Serves the functions until the runtime ends.
    pub(super) fn serve(self) {
        tokio::spawn(async move {
            if let Err(error) = axum::serve(self.listener, self.routes).await {
                tracing::error!("the allocation functions stopped: {error}");
            }
        });
    }
}

async fn ask(
    State((key, function)): State<(Arc<str>, Function)>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    if query.get("code").map(String::as_str) != Some(&*key) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return AllocationAnswer::refuse("the request is not JSON").into_response();
    };
    // On a thread of its own: it may take its time, and even ask the service something.
    match tokio::task::spawn_blocking(move || (function.0)(&request)).await {
        Ok(answer) => answer.into_response(),
        Err(_) => AllocationAnswer::raw(500, "the allocation function panicked").into_response(),
    }
}
