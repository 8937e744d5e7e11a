//! A byte stream on which what is said is collected, and goes out at the latest before it is listened to.

use std::io;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::device::error::NetworkError;
use crate::device::exchange::Loss;
use crate::net::TlsFault;

/// The stream, and what was said on it.
pub(super) struct Pipe<S> {
    pub(super) stream: S,
    /// Said, but not handed to the stream yet.
    outbox: BytesMut,
    /// Whether something was said since the stream was last flushed.
    has_news: bool,
    last_sent: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, outbox: BytesMut::new(), has_news: false, last_sent: Instant::now() }
    }

    /// Where more is said.
    pub(super) fn say(&mut self) -> &mut BytesMut {
        self.has_news = true;
        &mut self.outbox
    }

    /// When something was last sent.
    pub(super) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// Waits for the beginning of an answer, and fails with `closed` if there is none. This is also where a
    /// server that speaks TLS 1.3 says what it thinks of the client's certificate.
    pub(super) async fn first_bytes(
        &mut self,
        inbox: &mut impl BufMut,
        closed: NetworkError,
    ) -> Result<(), NetworkError> {
        match self.stream.read_buf(inbox).await {
            Ok(0) => Err(closed),
            Ok(_) => Ok(()),
            Err(error) => Err(match TlsFault::from(error) {
                TlsFault::Alert(alert) => NetworkError::Alert { alert },
                _ => closed,
            }),
        }
    }

    /// Sends what was said. May be dropped, and goes on where it was.
    pub(super) async fn flush(&mut self) -> Result<(), Loss> {
        if !self.has_news {
            return Ok(());
        }
        self.stream.write_all_buf(&mut self.outbox).await.map_err(|_| Loss::Reset)?;
        self.stream.flush().await.map_err(|_| Loss::Reset)?;
        // A device that waits should not hold on to the buffer of its last request.
        self.outbox = BytesMut::new();
        self.has_news = false;
        self.last_sent = Instant::now();
        Ok(())
    }

    /// Reads what there is, after everything was said.
    pub(super) async fn fill(&mut self, inbox: &mut impl BufMut) -> Result<(), Loss> {
        self.flush().await?;
        match self.stream.read_buf(inbox).await {
            Ok(0) => Err(Loss::Closed),
            Ok(_) => Ok(()),
            // Peers that leave without close_notify are met daily; a reset is something else.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Loss::Closed),
            Err(_) => Err(Loss::Reset),
        }
    }

    /// Ends the stream. What was said and not flushed goes out with the goodbye of TLS.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        let _ = self.stream.write_all_buf(&mut self.outbox).await;
        self.stream.shutdown().await
    }
}
