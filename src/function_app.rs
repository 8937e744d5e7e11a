//! Allocation functions on loopback: asked over real HTTP with a key in the query, as Azure's function
//! apps are.
//!
//! What a function decides, and what that means for a device, is for others to say; here is only how it
//! is asked. It may hang up without a word, which is why it is served without a framework.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::net::listen;
use crate::sources::Chance;

/// Longest request that is read: far more than a service sends.
const MAX_REQUEST: usize = 4 << 20;

/// What a function says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Status and body. A status that HTTP does not have becomes 500.
    Reply {
        /// The status.
        status: u16,
        /// Whether the body is JSON, rather than a text.
        is_json: bool,
        /// The body.
        body: String,
    },
    /// Nothing: the connection is closed.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only those of scenarios hang up"))]
    HangUp,
}

impl Answer {
    /// A refusal in words.
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Reply { status, is_json: false, body: body.into() }
    }
}

/// What a function answers to an AllocationRequest (G.3), in its own time.
pub(crate) type Function =
    dyn Fn(Value) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync;

/// Where functions will be served, with a key that they ask for.
pub(crate) struct FunctionApp {
    listener: TcpListener,
    origin: String,
    key: String,
    functions: HashMap<String, Arc<Function>>,
}

/// The functions, while they are served. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct ServedFunctions(JoinHandle<()>);

/// The connection is to be closed without an answer.
#[derive(Debug, Error)]
#[error("the function hangs up")]
struct HungUp;

impl FunctionApp {
    /// Takes a free loopback port. Must be called in the runtime that will serve it.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn open() -> io::Result<Self> {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let key = Chance::system().uuid("function", "").simple().to_string();
        Ok(Self { listener, origin, key, functions: HashMap::new() })
    }

    /// Adds a function; returns its address, for `webhookUrl`.
    pub(crate) fn add(&mut self, function: Arc<Function>) -> String {
        let path = format!("/api/Allocate{}", self.functions.len() + 1);
        let url = format!("{}{path}?code={}", self.origin, self.key);
        self.functions.insert(path, function);
        url
    }

    /// Serves the functions.
    pub(crate) fn serve(self) -> ServedFunctions {
        let Self { listener, key, functions, .. } = self;
        let app = Arc::new((key, functions));
        ServedFunctions(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(connections.spawn(connection(stream, app.clone()))),
                    // As every accept loop: what is wrong passes, or is told each time.
                    Err(error) => tracing::warn!("the allocation functions: {error}"),
                }
                while connections.try_join_next().is_some() {}
            }
        }))
    }
}

impl Drop for ServedFunctions {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type App = Arc<(String, HashMap<String, Arc<Function>>)>;

async fn connection(stream: TcpStream, app: App) {
    let answer = service_fn(move |request| {
        let app = app.clone();
        async move { respond(&app, request).await }
    });
    // A caller that goes away, or is hung up on, is no trouble of ours.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn respond(
    app: &(String, HashMap<String, Arc<Function>>),
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, HungUp> {
    let (key, functions) = app;
    let Some(function) = functions.get(request.uri().path()) else {
        return reply(Answer::text(404, ""));
    };
    if request.method() != Method::POST {
        return reply(Answer::text(405, ""));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    if !url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, code)| name == "code" && code == **key)
    {
        // As Azure Functions does it: no key, no word.
        return reply(Answer::text(401, ""));
    }
    let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    match serde_json::from_slice::<Value>(&body) {
        Ok(request) => reply(function(request).await),
        Err(_) => reply(Answer::text(400, "the request is not JSON")),
    }
}

fn reply(answer: Answer) -> Result<Response<Full<Bytes>>, HungUp> {
    let Answer::Reply { status, is_json, body } = answer else { return Err(HungUp) };
    let kind = match is_json {
        true => "application/json; charset=utf-8",
        false => "text/plain; charset=utf-8",
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
