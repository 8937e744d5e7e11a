//! The socket below everything that is said on a connection, and how it can end otherwise than in order.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A socket of a client.
#[derive(Debug)]
pub(super) struct Line {
    tcp: TcpStream,
    cord: RipCord,
    limit: Option<Box<Limit>>,
}

/// How much may be said on it, and how fast.
#[derive(Debug, Default)]
struct Limit {
    /// How many bytes are left until it ends.
    left: Option<usize>,
    /// How many bytes a second.
    rate: Option<u32>,
    /// Until when nothing more may be said.
    pause: Option<Pin<Box<Sleep>>>,
}

/// Has a connection end with a TCP reset once it is dropped: whatever was sent and not read is lost.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct RipCord(Arc<AtomicBool>);

impl RipCord {
    /// From now on.
    pub(super) fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Line {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, cord: RipCord::default(), limit: None }
    }

    /// Ends it once so many bytes were said.
    pub(super) fn cut_after(&mut self, bytes: u32) {
        let left = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.limit.get_or_insert_default().left = Some(left);
    }

    /// Says no more than so many bytes a second.
    pub(super) fn slow_down(&mut self, rate: u32) {
        self.limit.get_or_insert_default().rate = Some(rate.max(1));
    }

    /// How it can be made to end.
    pub(super) fn cord(&self) -> RipCord {
        self.cord.clone()
    }
}

impl Limit {
    /// How many of so many bytes may be said now.
    fn poll_allowed(
        &mut self,
        context: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.left == Some(0) && wanted > 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        // A tenth of a second's bytes at a time, so that slow is not in bursts.
        let at_once =
            self.rate.map_or(usize::MAX, |rate| usize::try_from(rate / 10).unwrap_or(1).max(1));
        Poll::Ready(Ok(wanted.min(at_once).min(self.left.unwrap_or(usize::MAX))))
    }

    fn said(&mut self, bytes: usize) {
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        if let Some(rate) = self.rate {
            let pause = Duration::from_secs_f64(bytes as f64 / f64::from(rate));
            self.pause = Some(Box::pin(sleep(pause)));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.cord.0.load(Ordering::Relaxed) {
            // A socket that is gone already needs no reset.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { tcp, limit, .. } = self.get_mut();
        let Some(limit) = limit else { return Pin::new(tcp).poll_write(context, bytes) };
        let allowed = ready!(limit.poll_allowed(context, bytes.len()))?;
        let written = ready!(Pin::new(tcp).poll_write(context, &bytes[..allowed]))?;
        limit.said(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.limit.is_some() {
            let first = bytes.iter().find(|it| !it.is_empty()).map_or(&[] as &[u8], |it| &it[..]);
            return self.poll_write(context, first);
        }
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
