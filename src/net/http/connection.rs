//! One HTTP/1.1 connection: requests one after the other, and what becomes of each.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

/// Why a request has no whole answer, once there is a connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExchangeFault {
    /// The connection had ended before any of the request was sent.
    #[error("the connection was closed before the request was sent")]
    Unsent,
    /// The connection ended before the answer did.
    #[error("{}", lost(*.had_begun, *.was_reset))]
    Lost {
        /// Whether the head of the answer had come.
        had_begun: bool,
        /// Whether it broke, and did not just end.
        was_reset: bool,
    },
    /// What came back is no HTTP.
    #[error("the answer is not HTTP ({0})")]
    NotHttp(
        /// What is wrong with it.
        String,
    ),
    /// The body is longer than is read.
    #[error("the answer, of status {status}, is longer than {limit} bytes")]
    TooLong {
        /// The status of the answer.
        status: u16,
        /// How much would have been read.
        limit: usize,
    },
}

fn lost(had_begun: bool, was_reset: bool) -> &'static str {
    match (had_begun, was_reset) {
        (false, false) => "the connection was closed without an answer",
        (false, true) => "the connection was reset without an answer",
        (true, false) => "the connection was closed in the middle of the answer",
        (true, true) => "the connection was reset in the middle of the answer",
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes; ends with this.
    mover: JoinSet<()>,
    was_used: bool,
}

impl Connection {
    /// Speaks HTTP/1.1 over `stream`.
    ///
    /// # Errors
    ///
    /// If it has ended already.
    pub async fn open<S>(stream: S) -> Result<Self, ExchangeFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| fault(&error, false))?;
        let mut mover = JoinSet::new();
        // What ends the connection is told to the request that is under way.
        mover.spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, mover, was_used: false })
    }

    /// Waits until a request can be sent; `false` if none can any more.
    pub async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Whether it has carried a request already, so that the server may have closed it meanwhile.
    pub fn was_used(&self) -> bool {
        self.was_used
    }

    /// Sends a request, whose target is a path and whose `Host` is set. The future is the head of the
    /// answer; [`read`] has the rest.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, ExchangeFault>> + Send + use<> {
        self.was_used = true;
        let answer = self.sender.try_send_request(request);
        async move {
            answer.await.map_err(|mut unsent| match unsent.take_message() {
                Some(_) => ExchangeFault::Unsent,
                None => fault(unsent.error(), false),
            })
        }
    }

    /// Hangs up.
    pub async fn close(self) {
        let Self { sender, mut mover, .. } = self;
        drop(sender);
        mover.join_next().await;
    }
}

/// The whole answer, with a body of at most `limit` bytes.
///
/// # Errors
///
/// If its body is longer, or breaks off.
pub async fn read(
    response: Response<Incoming>,
    limit: usize,
) -> Result<Response<Bytes>, ExchangeFault> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return ExchangeFault::TooLong { status: head.status.as_u16(), limit };
        }
        let unknown = ExchangeFault::Lost { had_begun: true, was_reset: true };
        error.downcast_ref().map_or(unknown, |error| fault(error, true))
    })?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

fn fault(error: &hyper::Error, had_begun: bool) -> ExchangeFault {
    if error.is_parse() {
        return ExchangeFault::NotHttp(error.to_string());
    }
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let was_reset = source.is_some_and(|error| error.kind() != io::ErrorKind::UnexpectedEof);
    ExchangeFault::Lost { had_begun, was_reset }
}
