//! Why an exchange brought no answer. No text here repeats an address: its query may hold a key.

use std::time::Duration;

use hyper::http::uri::InvalidUri;
use thiserror::Error;

use super::{ExchangeFault, Origin};
use crate::net::{DialError, EnvironmentError, Phase, TrustError};

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Its path or query can stand in no request.
    #[error("the address cannot be called: {0}")]
    Target(#[from] InvalidUri),
    /// No connection could be opened.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// Nobody is trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The environment's proxy is none.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// There was a connection, and no whole answer.
    #[error("{origin}: {fault}")]
    Exchange {
        /// Whom it led to.
        origin: Origin,
        /// What became of it.
        fault: ExchangeFault,
    },
    /// The deadline passed.
    #[error(
        "no answer from {origin} within {}, which passed {waiting}",
        crate::text::spoken(*.after)
    )]
    Timeout {
        /// Who was asked.
        origin: Origin,
        /// How long was waited, from the first step on.
        after: Duration,
        /// What was waited for in the end.
        waiting: Waiting,
    },
}

/// What an exchange waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Waiting {
    /// The connection.
    #[error("{}", match .0 {
        Phase::Dns => "looking up its address",
        Phase::Tcp => "connecting",
        Phase::Proxy => "waiting for the proxy",
        Phase::Tls => "in the TLS handshake",
    })]
    Connection(
        /// At which step.
        Phase,
    ),
    /// The head of the answer.
    #[error("waiting for the answer")]
    Answer,
    /// The body of the answer.
    #[error("reading the answer")]
    Body,
}
