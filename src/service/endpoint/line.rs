//! The socket below everything that is said on a connection, and how it can end otherwise than in order.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket of a client.
#[derive(Debug)]
pub(super) struct Line {
    tcp: TcpStream,
    cord: RipCord,
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
        Self { tcp, cord: RipCord::default() }
    }

    /// How it can be made to end.
    pub(super) fn cord(&self) -> RipCord {
        self.cord.clone()
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
        Pin::new(&mut self.get_mut().tcp).poll_write(context, bytes)
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
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
