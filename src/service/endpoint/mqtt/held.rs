//! What is said later than it was meant to be, because a fault on demand wants it so.

use bytes::BytesMut;
use tokio::time::Instant;

use crate::service::faults::HangUp;

/// What is held back on one connection. Most have nothing of the kind.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Until the next answer.
    late: BytesMut,
    /// In the order in which it came.
    delayed: Vec<Delayed>,
}

/// What is due at a time.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) at: Instant,
    pub(super) bytes: BytesMut,
    pub(super) then: Option<HangUp>,
}

impl Held {
    /// Holds an answer back until the next one.
    pub(super) fn until_next(&mut self, bytes: BytesMut) {
        self.late.extend_from_slice(&bytes);
    }

    /// What waits for this answer.
    pub(super) fn take_late(&mut self) -> BytesMut {
        std::mem::take(&mut self.late)
    }

    pub(super) fn until(&mut self, delayed: Delayed) {
        self.delayed.push(delayed);
    }

    /// When something is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.iter().map(|it| it.at).min()
    }

    /// What is due first.
    pub(super) fn take_due(&mut self) -> Option<Delayed> {
        let first = self.delayed.iter().enumerate().min_by_key(|(_, it)| it.at)?.0;
        Some(self.delayed.remove(first))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_in_its_order() {
        let (now, mut held) = (Instant::now(), Held::default());
        assert_eq!(held.next_due(), None);
        for (seconds, text) in [(2, "c"), (1, "a"), (1, "b")] {
            let at = now + Duration::from_secs(seconds);
            held.until(Delayed { at, bytes: BytesMut::from(text), then: None });
        }

        assert_eq!(held.next_due(), Some(now + Duration::from_secs(1)));
        let taken: Vec<_> = std::iter::from_fn(|| held.take_due()).map(|it| it.bytes).collect();
        assert_eq!(taken, ["a", "b", "c"]);
    }
}
