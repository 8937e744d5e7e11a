//! What carries a registration: each transport drives the one state machine.

pub(super) mod mqtt;

use std::fmt;

use crate::net::Phase;

/// How far the opening of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectPhase {
    /// Looking up the host's addresses.
    Dns,
    /// Opening the TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// Waiting for CONNACK.
    Connack,
}

impl From<Phase> for ConnectPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Dns => Self::Dns,
            Phase::Tcp => Self::Tcp,
            Phase::Tls => Self::Tls,
        }
    }
}

impl fmt::Display for ConnectPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name lookup did not end",
            Self::Tcp => "nothing answered the TCP connection",
            Self::Tls => {
                "the TCP connection was taken, but the server did not answer the TLS handshake"
            }
            Self::Connack => "the server did not answer CONNECT",
        })
    }
}
