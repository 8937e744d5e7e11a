//! One HTTP connection: requests one after the other, and what becomes of each.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{DATE, HeaderMap, RETRY_AFTER};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::observed::shown;
use crate::device::error::Breach;
use crate::device::exchange::Loss;
use crate::net::http::retry_after;
use crate::sources::Clock;
use crate::wire::MAX_MESSAGE;

/// Longest body that is read: twice of what DPS itself sends at most (H.3).
const MAX_BODY: usize = 2 * MAX_MESSAGE;

/// How many connections in a row may end without any answer before the first one.
pub(super) const MAX_UNANSWERED: u32 = 3;
/// How long the end of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// An answer, as it came.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum Fault {
    Lost(Loss),
    Broken(Breach),
}

/// A request on its way, and its answer. May be polled again after a pause.
pub(super) type InFlight = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

/// An open connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes; ends with this.
    mover: JoinSet<()>,
    was_used: bool,
    clock: Clock,
}

impl Connection {
    /// Speaks HTTP/1.1 over `stream`.
    pub(super) async fn new(stream: TlsStream<TcpStream>, clock: &Clock) -> Result<Self, Breach> {
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            opened.map_err(|error| Breach::NotHttp { reason: error.to_string() })?;
        let mut mover = JoinSet::new();
        // What ends the connection is told to the request that is under way.
        mover.spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, mover, was_used: false, clock: clock.clone() })
    }

    /// Waits until a request can be sent; `false` if none can any more.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Whether it has carried a request already.
    pub(super) fn was_used(&self) -> bool {
        self.was_used
    }

    /// Sends a request.
    pub(super) fn send(&mut self, request: Request<Full<Bytes>>) -> InFlight {
        self.was_used = true;
        let response = self.sender.send_request(request);
        let clock = self.clock.clone();
        Box::pin(async move { read(response.await.map_err(|error| fault(&error))?, &clock).await })
    }

    /// Hangs up.
    pub(super) async fn close(self) {
        let Self { sender, mut mover, .. } = self;
        drop(sender);
        let _ = timeout(CLOSE_TIMEOUT, mover.join_next()).await;
    }
}

async fn read(response: Response<Incoming>, clock: &Clock) -> Result<Reply, Fault> {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Fault::Broken(Breach::BodyTooLong { status, limit: MAX_BODY });
        }
        error.downcast_ref::<hyper::Error>().map_or(Fault::Lost(Loss::Reset), fault)
    })?;
    let retry_after = wait(&head.headers, clock.now());
    Ok(Reply { status, headers: shown(&head.headers), retry_after, body: body.to_bytes().into() })
}

fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry_after(text(RETRY_AFTER)?, text(DATE), now)
}

fn fault(error: &hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::Broken(Breach::NotHttp { reason: error.to_string() });
    }
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let is_reset = source.is_some_and(|error| error.kind() != io::ErrorKind::UnexpectedEof);
    Fault::Lost(if is_reset { Loss::Reset } else { Loss::Closed })
}
