//! Opens a TLS connection: name, TCP, proxy, TLS, each timed and each with its own error.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::race::race;
use super::{Endpoint, Proxy, ProxyFault, Route, TlsFault, plain, tunnel};

/// A step on the way to a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How long each step took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Name lookup.
    pub dns: Duration,
    /// TCP handshake, failed addresses included.
    pub tcp: Duration,
    /// The proxy's answer to CONNECT; `None` where there is no proxy.
    pub proxy: Option<Duration>,
    /// TLS handshake.
    pub tls: Duration,
}

/// An open TLS connection.
#[derive(Debug)]
pub struct Dialed {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// The address that answered: the server's, or the proxy's.
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

/// Connects to `endpoint` by `route`; its host is also the name verified and sent as SNI, whoever is
/// dialled in its place. `on_phase` is told of each step as it begins, so that a caller who gives up
/// can say at which.
///
/// # Errors
///
/// By step, see [`DialError`]. There is no deadline in here; the caller drops the future.
pub async fn dial(
    endpoint: &Endpoint,
    port: u16,
    route: &Route,
    config: Arc<ClientConfig>,
    on_phase: impl FnMut(Phase),
) -> Result<Dialed, DialError> {
    dial_saying(endpoint, port, route, config, &[], on_phase).await
}

/// As [`dial`], with something to say to the server: it goes out together with the last message of
/// the handshake, when the server has shown who it is, and so costs no segment of its own.
///
/// # Errors
///
/// As for [`dial`].
pub async fn dial_saying(
    endpoint: &Endpoint,
    port: u16,
    route: &Route,
    config: Arc<ClientConfig>,
    first: &[u8],
    mut on_phase: impl FnMut(Phase),
) -> Result<Dialed, DialError> {
    let target = endpoint.or_port(port);
    let destination = route.destination(&target);
    let proxy = route.proxy_for(&target);
    let next_hop = proxy.map_or(&destination, Proxy::endpoint);
    let started = Instant::now();

    on_phase(Phase::Dns);
    let addresses = resolve(next_hop).await.map_err(|reason| match proxy {
        Some(_) => proxy_error(next_hop, ProxyFault::Resolve(reason)),
        None => DialError::Resolve { host: next_hop.host(), reason },
    })?;
    let resolved = Instant::now();

    on_phase(Phase::Tcp);
    let (mut tcp, peer) =
        race(addresses, |peer| connect(peer, route.source)).await.map_err(|failure| {
            match (failure, proxy) {
                (Some((peer, source)), Some(_)) => {
                    proxy_error(next_hop, ProxyFault::Connect { peer, source })
                }
                (Some((peer, source)), None) => {
                    DialError::Connect { host: target.clone(), peer, source }
                }
                (None, _) => DialError::Resolve { host: next_hop.host(), reason: NONE.to_owned() },
            }
        })?;
    let connected = Instant::now();

    if let Some(proxy) = proxy {
        on_phase(Phase::Proxy);
        let opened = tunnel::open(&mut tcp, proxy, &destination).await;
        opened.map_err(|fault| proxy_error(next_hop, fault))?;
    }
    let through = Instant::now();

    on_phase(Phase::Tls);
    let tls_error = |fault| DialError::Tls { host: target.clone(), fault };
    let name = ServerName::try_from(target.host())
        .map_err(|error| tls_error(TlsFault::Other(error.to_string())))?;
    let mut said = 0;
    let handshake = TlsConnector::from(config).connect_with(name, tcp, |tls| {
        // Kept until there are keys; what is too much for its buffer is left over.
        said = tls.writer().write(first).unwrap_or_default();
    });
    let mut stream = handshake.await.map_err(|error| tls_error(error.into()))?;
    if said < first.len() {
        let rest = stream.write_all(&first[said..]).await;
        rest.map_err(|error| tls_error(error.into()))?;
    }

    let timings = Timings {
        dns: resolved - started,
        tcp: connected - resolved,
        proxy: proxy.map(|_| through - connected),
        tls: through.elapsed(),
    };
    Ok(Dialed { stream, peer, timings })
}

/// What is said of a name without addresses.
const NONE: &str = "it has none";

fn proxy_error(proxy: &Endpoint, fault: ProxyFault) -> DialError {
    DialError::Proxy { proxy: proxy.clone(), fault }
}

async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let port = endpoint.port().unwrap_or_default();
    let found = lookup_host((endpoint.host(), port)).await;
    let addresses: Vec<_> = found
        .map_err(|error| plain(&error).replace("failed to lookup address information: ", ""))?
        .collect();
    if addresses.is_empty() { Err(NONE.to_owned()) } else { Ok(addresses) }
}

async fn connect(peer: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let tcp = match source {
        None => TcpStream::connect(peer).await?,
        Some(source) => connect_from(source, peer).await?,
    };
    // Without TCP_NODELAY every small packet may wait 40 ms for the delayed acknowledgement of the
    // one before.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn connect_from(source: IpAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    if source.is_ipv4() != peer.is_ipv4() {
        let text = format!("the source address {source} is of another family");
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, text));
    }
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    choose_port_when_connecting(&socket)?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(peer).await
}

/// A port that is chosen by `bind` is taken for all destinations, and for a minute after the end; one
/// that is chosen by `connect`, only for this one.
#[cfg(target_os = "linux")]
fn choose_port_when_connecting(socket: &TcpSocket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
    Ok(setsockopt(socket, IpBindAddressNoPort, &true)?)
}

#[cfg(not(target_os = "linux"))]
fn choose_port_when_connecting(_: &TcpSocket) -> io::Result<()> {
    Ok(())
}
