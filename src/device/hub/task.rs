//! What the handle and the task behind it say to each other. The task has the connection, so that signs
//! of life and acknowledgements go out whatever the device is doing.

use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::error::{HubBreach, HubError};
use super::question::{Answer, Heard, Question};
use super::twin::DesiredChange;
use crate::attestation::SignerError;
use crate::device::error::Breach;
use crate::device::exchange::Loss;

/// The byte streams that a session may go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A question, and where its answer goes.
pub(super) struct Command {
    pub(super) question: Question,
    pub(super) answer: Waiter,
}

pub(super) type Waiter = oneshot::Sender<Result<Answer, HubError>>;

/// Why the session ended, for all who ask from then on.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// The connection was lost.
    Lost(Loss),
    /// The hub broke the protocol.
    Broken(Breach),
    /// The token could not be renewed.
    Unsigned(SignerError),
}

impl From<End> for HubError {
    fn from(end: End) -> Self {
        match end {
            End::Lost(loss) => Self::Lost(loss),
            End::Unsigned(error) => error.into(),
            End::Broken(breach) => Self::Breach(HubBreach::Protocol(breach)),
        }
    }
}

/// The task's end of what leads to the handle.
pub(super) struct Ways {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) changes: broadcast::Sender<DesiredChange>,
    pub(super) end: Arc<OnceLock<End>>,
}

impl Ways {
    /// Passes on what the hub says.
    pub(super) fn tell(&self, heard: Heard<Waiter>) {
        match heard {
            Heard::Answer(waiter, answer) => {
                let _ = waiter.send(answer);
            }
            // Nobody may be listening.
            Heard::Desired(change) => drop(self.changes.send(change)),
            Heard::Stray => tracing::debug!("hub: it sent what nobody waits for"),
        }
    }
}
