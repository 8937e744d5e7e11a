//! A webhook over HTTP or HTTPS that records what it is asked and answers from a script.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::certificate::{Certificate, Issue};
use crate::support::within;

/// What the webhook does with a request.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// Answers.
    Answer(u16, String),
    /// Answers once [`Webhook::release`] says so.
    Held(u16, String),
    /// Reads the request and hangs up.
    HangUp,
}

impl Reaction {
    /// Chooses a hub.
    pub fn hub(name: &str) -> Self {
        Self::Answer(200, format!(r#"{{"iotHubHostName":"{name}"}}"#))
    }
}

/// A request as it came.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// A running webhook; dropping it ends it.
pub struct Webhook {
    /// The certificate to trust, if it is served over TLS.
    pub ca_pem: Option<String>,
    address: SocketAddr,
    calls: mpsc::UnboundedReceiver<Call>,
    gate: Arc<Semaphore>,
    server: JoinHandle<()>,
}

impl Webhook {
    /// Does what `script` says, request by request; the last line is for all further ones.
    pub async fn start(script: impl IntoIterator<Item = Reaction>) -> Self {
        Self::start_with(script, None).await
    }

    /// The same over TLS, with a certificate and an authority of its own.
    pub async fn start_tls(script: impl IntoIterator<Item = Reaction>) -> Self {
        Self::start_with(script, Some(Issue::default().make())).await
    }

    async fn start_with(
        script: impl IntoIterator<Item = Reaction>,
        certificate: Option<Certificate>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, calls) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let mut script: Vec<_> = script.into_iter().collect();
        script.reverse();
        let stage = Stage { script: Mutex::new(script), tell, gate: gate.clone() };
        let ca_pem = certificate.as_ref().map(|it| it.ca_pem().to_owned());
        let tls = certificate.map(|it| TlsAcceptor::from(it.config));
        let server = tokio::spawn(serve(listener, tls, Arc::new(stage)));
        Self { ca_pem, address, calls, gate, server }
    }

    /// Its address, with a function key.
    pub fn url(&self) -> String {
        let origin = match self.ca_pem {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        };
        format!("{origin}/api/Choose?code=s3cret%3D%3D&clientId=default")
    }

    /// The next request.
    pub async fn call(&mut self) -> Call {
        within("a call of the webhook", self.calls.recv()).await.expect("the webhook is there")
    }

    /// How many requests came that were not taken yet.
    pub fn count_calls(&mut self) -> usize {
        std::iter::from_fn(|| self.calls.try_recv().ok()).count()
    }

    /// Lets one held answer go.
    pub fn release(&self) {
        self.gate.add_permits(1);
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An address on which nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    format!("http://{}/api/Choose", listener.local_addr().expect("an address"))
}

struct Stage {
    /// Backwards: the next line is the last.
    script: Mutex<Vec<Reaction>>,
    tell: mpsc::UnboundedSender<Call>,
    gate: Arc<Semaphore>,
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, stage: Arc<Stage>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (stage, tls) = (stage.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve_connection(tcp, &stage).await,
                Some(tls) => {
                    // A client that does not trust us hangs up here.
                    if let Ok(stream) = tls.accept(tcp).await {
                        serve_connection(stream, &stage).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin, stage: &Stage) {
    let react = service_fn(|request| stage.react(request));
    let builder = hyper::server::conn::http1::Builder::new();
    // An error is how a script hangs up.
    let _ = builder.serve_connection(TokioIo::new(stream), react).await;
}

impl Stage {
    async fn react(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let path_and_query = head.uri.path_and_query().map(ToString::to_string);
        let _ = self.tell.send(Call {
            method: head.method,
            path_and_query: path_and_query.unwrap_or_default(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        match self.next_line() {
            Reaction::Answer(status, text) => Ok(response(status, text)),
            Reaction::Held(status, text) => {
                self.gate.acquire().await.map_err(io::Error::other)?.forget();
                Ok(response(status, text))
            }
            Reaction::HangUp => Err(io::Error::other("as the script says")),
        }
    }

    fn next_line(&self) -> Reaction {
        let mut script = self.script.lock().expect("no panic while locked");
        match &script[..] {
            [last] => last.clone(),
            _ => script.pop().expect("a script has at least one line"),
        }
    }
}

fn response(status: u16, text: String) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::new(text.into())).expect("a status is a number")
}
