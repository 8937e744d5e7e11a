//! A connection whose other end must read what it is told (J-204).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may read nothing while there is something for it to read.
const UNREAD: Duration = Duration::from_secs(30);

/// Fails with a time-out what cannot be written for [`UNREAD`]. Below TLS and HTTP, so that the rule
/// is the same for every listener, whatever is written and by whom.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    unread: Duration,
    /// Until when the other end has to read; none while it does.
    until: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, unread: UNREAD, until: None }
    }

    /// What has come of a write, or that it has taken too long.
    fn judged<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(self.unread)));
        match until.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                // Whoever tries again all the same is told the same at once.
                until.as_mut().reset(Instant::now());
                let reason = format!("it has read nothing for {} s", self.unread.as_secs());
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, reason)))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.judged(context, written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Done at once by a socket; it must not end the wait of a write.
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
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.judged(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn j_204_an_answer_that_nobody_reads_is_given_up() {
        let (near, _far) = duplex(16);
        let mut patient = Patient { unread: Duration::ZERO, ..Patient::new(near) };

        let error = patient.write_all(&[0; 64]).await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let again = patient.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn j_204_whoever_reads_has_the_whole_time_again() {
        let (near, mut far) = duplex(16);
        let mut patient = Patient::new(near);
        let reading = tokio::spawn(async move { far.read_exact(&mut [0; 64]).await.map(|_| far) });

        patient.write_all(&[0; 64]).await.unwrap();

        assert!(patient.until.is_none());
        reading.await.unwrap().unwrap();
    }
}
