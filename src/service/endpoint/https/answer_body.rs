//! The body of an answer, which breaks off where a fault on demand wants it to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// A body that is there as a whole.
#[derive(Debug, Default)]
pub(in crate::service::endpoint) struct AnswerBody {
    left: Option<Bytes>,
    /// How many bytes are promised behind `left` that never come.
    missing: u64,
    /// It is about to break off.
    is_ending: bool,
}

impl AnswerBody {
    /// All of it.
    pub(super) fn new(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { left: (!body.is_empty()).then_some(body), missing: 0, is_ending: false }
    }

    /// The first bytes of it alone; whether there are others that are missing now.
    pub(super) fn cut(&mut self, length: usize) -> bool {
        let Some(body) = self.left.take().filter(|body| body.len() > length) else { return false };
        self.missing = (body.len() - length) as u64;
        self.left = (length > 0).then(|| body.slice(..length));
        true
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match self.left.take() {
            Some(body) => Some(Ok(Frame::data(body))),
            // What there is must have gone out before.
            None if self.missing > 0 && !std::mem::replace(&mut self.is_ending, true) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            None if self.missing > 0 => Some(Err(io::ErrorKind::ConnectionAborted.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && self.missing == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.as_ref().map_or(0, Bytes::len) as u64 + self.missing)
    }
}
