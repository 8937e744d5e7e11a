//! What comes of asking once for a registration, whatever the transport.

use std::time::Duration;

use crate::device::error::{Error, Waiting};
use crate::device::exchange::Notice;
use crate::device::phase::ConnectPhase;

/// An answer.
pub(super) struct Found {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Why one question has no answer.
pub(super) enum Stop {
    /// The service hung up on it.
    Lost,
    /// Nobody said anything for as long as the device is patient (J-326, J-374).
    Silent,
    /// And it is not worth another.
    Ended(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Ended(error.into())
    }
}

/// Tells the observer of the opening of a connection, and keeps what is waited for.
pub(super) fn opening<'a>(
    waiting_for: &'a mut Waiting,
    notify: &'a mut (dyn FnMut(Notice) + Send),
) -> impl FnMut(Notice) + Send + 'a {
    move |notice| {
        if let Notice::Reached { phase, .. } = &notice {
            *waiting_for = Waiting::Connect(next_phase(*phase));
        }
        notify(notice);
    }
}

/// What is waited for when this has ended.
fn next_phase(ended: ConnectPhase) -> ConnectPhase {
    match ended {
        ConnectPhase::Dns => ConnectPhase::Tcp,
        ConnectPhase::Sasl => ConnectPhase::Open,
        ConnectPhase::Open => ConnectPhase::Attach,
        _ => ConnectPhase::Tls,
    }
}
