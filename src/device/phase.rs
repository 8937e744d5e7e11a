//! The steps in which a connection is opened.

use std::fmt;

use crate::net::Phase;

/// How far the opening of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectPhase {
    /// Looking up the addresses of the host, or of the proxy in front of it.
    Dns,
    /// Opening the TCP connection, to the proxy where there is one.
    Tcp,
    /// Asking the proxy for a tunnel.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The opening handshake of the WebSocket.
    Upgrade,
    /// Waiting for CONNACK.
    Connack,
    /// Waiting for SUBACK.
    Suback,
    /// Signing in by SASL, in front of AMQP.
    Sasl,
    /// Waiting for AMQP's `open`.
    Open,
    /// Waiting for AMQP's session and its links.
    Attach,
}

impl ConnectPhase {
    /// A word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Connack => "connack",
            Self::Suback => "suback",
            Self::Sasl => "sasl",
            Self::Open => "open",
            Self::Attach => "attach",
        }
    }
}

impl From<Phase> for ConnectPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Dns => Self::Dns,
            Phase::Tcp => Self::Tcp,
            Phase::Proxy => Self::Proxy,
            Phase::Tls => Self::Tls,
        }
    }
}

impl fmt::Display for ConnectPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name lookup did not end",
            Self::Tcp => "nothing answered the TCP connection",
            Self::Proxy => "the proxy did not answer CONNECT",
            Self::Tls => {
                "the TCP connection was taken, but the server did not answer the TLS handshake"
            }
            Self::Upgrade => "the server did not answer the WebSocket handshake",
            Self::Connack => "the server did not answer CONNECT",
            Self::Suback => "the service did not answer SUBSCRIBE",
            Self::Sasl => "the server did not answer the sign-in by SASL",
            Self::Open => "the server did not answer AMQP's `open`",
            Self::Attach => "the service did not answer `attach`",
        })
    }
}
