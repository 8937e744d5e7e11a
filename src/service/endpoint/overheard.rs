//! A connection above TLS, of which whoever watches is told how it ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::service::tap::{Tap, WireEnd, WireMoment};

/// Passes everything on. TLS tells an end that was announced from one that was not: the first is an end
/// of the stream, the second an error.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    number: u64,
    tap: Tap,
    has_ended: bool,
}

impl<S> Overheard<S> {
    pub(super) fn new(stream: S, number: u64, tap: Tap) -> Self {
        Self { stream, number, tap, has_ended: false }
    }

    fn ended(&mut self, end: WireEnd) {
        if self.tap.is_on() && !std::mem::replace(&mut self.has_ended, true) {
            self.tap.tell(self.number, || WireMoment::Ended(end));
        }
    }
}

impl<S> Drop for Overheard<S> {
    fn drop(&mut self) {
        self.ended(WireEnd::ByService);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() == before && buffer.remaining() > 0 => {
                this.ended(WireEnd::Closed);
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                this.ended(WireEnd::Cut);
            }
            Poll::Ready(Err(_)) => this.ended(WireEnd::Broken),
            _ => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
