//! The steps to a connection, and how each of them fails.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use super::{Endpoint, ProxyFault, TlsFault, plain};

/// A step on the way to a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the addresses of the host, or of the proxy in front of it.
    Dns,
    /// Opening the TCP connection, to the proxy where there is one.
    Tcp,
    /// Asking the proxy for a tunnel.
    Proxy,
    /// The TLS handshake.
    Tls,
}

/// Why no connection could be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address.
    #[error("cannot find the address of {host}: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// No address took the TCP connection; the last failure is told.
    #[error("cannot connect to {host} ({peer}): {}", plain(.source))]
    Connect {
        /// The name.
        host: Endpoint,
        /// The address tried last.
        peer: SocketAddr,
        /// Why it failed.
        source: io::Error,
    },
    /// The proxy in front of it opened no tunnel.
    #[error("the proxy {proxy}: {fault}")]
    Proxy {
        /// The proxy, without credentials.
        proxy: Endpoint,
        /// Why not.
        fault: ProxyFault,
    },
    /// The TLS handshake failed.
    #[error("no TLS connection to {host}: {fault}")]
    Tls {
        /// The name.
        host: Endpoint,
        /// Why it failed.
        fault: TlsFault,
    },
}
