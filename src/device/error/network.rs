//! Why no session could be opened.

use std::time::Duration;

use thiserror::Error;

use crate::device::phase::ConnectPhase;
use crate::net::{DialError, UpgradeError};

/// Why no session could be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No TLS connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// TLS stood, and then the service hung up without a word.
    #[error("the server closed the connection instead of answering CONNECT")]
    ClosedBeforeConnack,
    /// TLS stood, and then the service hung up before AMQP's connection stood.
    #[error("the server closed the connection instead of answering {0}")]
    ClosedBeforeOpen(
        /// What was waited for.
        &'static str,
    ),
    /// TLS stood on this side, and then the service said what it does not like about it. In TLS 1.3
    /// a client certificate is judged so late.
    #[error("the server ended the TLS session with the alert `{alert}`")]
    Alert {
        /// Its name.
        alert: String,
    },
    /// TLS stood, and then no WebSocket was opened.
    #[error("the server opened no WebSocket: {0}")]
    Upgrade(#[from] UpgradeError),
    /// TLS stood, and the service hung up on the first request, again and again.
    #[error(
        "the server closed the connection {tries} times instead of answering the first request"
    )]
    Unanswered {
        /// How often it was tried.
        tries: u32,
    },
    /// It took too long, where others are still to be tried.
    #[error("{phase} within {}", crate::text::spoken(*.after))]
    NoAnswer {
        /// What it was waiting for.
        phase: ConnectPhase,
        /// How long.
        after: Duration,
    },
}
