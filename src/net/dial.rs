//! Opens a TLS connection: name, TCP, TLS, each timed and each with its own error.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsFault, plain};

/// How long one address of several may take before the next is tried. A name often has an IPv6
/// address that leads nowhere; with a single address only the caller's deadline counts.
const PATIENCE_PER_ADDRESS: Duration = Duration::from_secs(5);

/// A host and, where one was given, a port: `HOST[:PORT]`, IPv6 addresses in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: url::Host<String>,
    port: Option<u16>,
}

impl Endpoint {
    /// The host as a client verifies it: a name, or an address without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            url::Host::Domain(name) => name.clone(),
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The port, if one was given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same host, with `port` unless one was given.
    #[must_use]
    pub fn or_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port: Some(self.port.unwrap_or(port)) }
    }
}

/// Why a text is no `HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected HOST[:PORT] such as localhost:8883 or [::1]:8883, without a scheme or path: {0}")]
pub struct EndpointError(String);

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.contains("://") {
            return Err(EndpointError(format!("{text:?} has a scheme")));
        }
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of a bracketed IPv6 address stands inside the brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port
            .map(|port| port.parse().map_err(|_| EndpointError(format!("{port:?} is no port"))))
            .transpose()?;
        let host = url::Host::parse(host).map_err(|error| EndpointError(error.to_string()))?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// A step on the way to a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the host's addresses.
    Dns,
    /// Opening the TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
}

/// How long each step took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Name lookup.
    pub dns: Duration,
    /// TCP handshake, failed addresses included.
    pub tcp: Duration,
    /// TLS handshake.
    pub tls: Duration,
}

/// An open TLS connection.
#[derive(Debug)]
pub struct Dialed {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// The address that answered.
    pub peer: SocketAddr,
    /// How long it took.
    pub timings: Timings,
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
    /// The TLS handshake failed.
    #[error("no TLS connection to {host}: {fault}")]
    Tls {
        /// The name.
        host: Endpoint,
        /// Why it failed.
        fault: TlsFault,
    },
}

/// Connects to `endpoint`, whose host is also the name verified and sent as SNI. `on_phase` is told
/// of each step as it begins, so that a caller who gives up can say at which.
///
/// # Errors
///
/// By step, see [`DialError`]. There is no deadline in here; the caller drops the future.
pub async fn dial(
    endpoint: &Endpoint,
    port: u16,
    config: Arc<ClientConfig>,
    mut on_phase: impl FnMut(Phase),
) -> Result<Dialed, DialError> {
    let target = endpoint.or_port(port);
    let host = target.host();
    let started = Instant::now();

    on_phase(Phase::Dns);
    let addresses = resolve(&host, target.port.unwrap_or(port)).await?;
    let resolved = Instant::now();

    on_phase(Phase::Tcp);
    let (tcp, peer) = connect(&target, &addresses).await?;
    let connected = Instant::now();

    on_phase(Phase::Tls);
    let tls_error = |fault| DialError::Tls { host: target.clone(), fault };
    let name = ServerName::try_from(host.clone())
        .map_err(|error| tls_error(TlsFault::Other(error.to_string())))?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    let stream = handshake.await.map_err(|error| tls_error(error.into()))?;

    let timings =
        Timings { dns: resolved - started, tcp: connected - resolved, tls: connected.elapsed() };
    Ok(Dialed { stream, peer, timings })
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let error = |reason: String| DialError::Resolve { host: host.to_owned(), reason };
    let addresses: Vec<_> = lookup_host((host, port))
        .await
        .map_err(|source| {
            error(plain(&source).replace("failed to lookup address information: ", ""))
        })?
        .collect();
    if addresses.is_empty() { Err(error("it has none".to_owned())) } else { Ok(addresses) }
}

async fn connect(
    host: &Endpoint,
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut failure = None;
    for (index, &peer) in addresses.iter().enumerate() {
        let attempt = TcpStream::connect(peer);
        let is_last = index + 1 == addresses.len();
        let connected = if is_last {
            attempt.await
        } else {
            timeout(PATIENCE_PER_ADDRESS, attempt)
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
        };
        // Without TCP_NODELAY every small packet may wait 40 ms for the delayed acknowledgement
        // of the one before.
        match connected.and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp)) {
            Ok(tcp) => return Ok((tcp, peer)),
            Err(source) => failure = Some((peer, source)),
        }
    }
    match failure {
        Some((peer, source)) => Err(DialError::Connect { host: host.clone(), peer, source }),
        None => Err(DialError::Resolve { host: host.host(), reason: "it has none".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_host_and_optional_port() {
        let parse = |text: &str| text.parse::<Endpoint>();

        for (text, host, port) in [
            (
                "global.azure-devices-provisioning.net",
                "global.azure-devices-provisioning.net",
                None,
            ),
            ("localhost:18883", "localhost", Some(18883)),
            ("127.0.0.1:0", "127.0.0.1", Some(0)),
            ("[::1]:8883", "::1", Some(8883)),
            ("[::1]", "::1", None),
        ] {
            let endpoint = parse(text).unwrap();
            assert_eq!((endpoint.host().as_str(), endpoint.port()), (host, port), "{text}");
            assert_eq!(endpoint.to_string(), text);
        }
        for bad in
            ["", ":8883", "host:", "host:port", "host:99999", "https://host", "a b", "host/path"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
