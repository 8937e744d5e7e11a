//! Opens a TCP connection: name, addresses, and a tunnel where a proxy is in the way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream, lookup_host};

use super::race::race;
use super::{DialError, Endpoint, Phase, Proxy, ProxyFault, Route, plain, tunnel};

/// What is said of a name without addresses.
const NONE: &str = "it has none";

/// Opens a TCP connection to `target`, whose port is given, by the direct way.
///
/// # Errors
///
/// If it has no address, or none of them takes the connection.
pub async fn connect_directly(target: &Endpoint) -> Result<TcpStream, DialError> {
    reach(target, &Route::default(), &mut |_| {}).await.map(|reached| reached.stream)
}

/// An open TCP connection, or a tunnel that is as good as one.
pub(super) struct Reached {
    pub(super) stream: TcpStream,
    /// The address that answered: the server's, or the proxy's.
    pub(super) peer: SocketAddr,
    pub(super) dns: Duration,
    pub(super) tcp: Duration,
    /// `None` where there is no proxy.
    pub(super) proxy: Option<Duration>,
}

/// Connects to `target`, whose port is given, by `route`. `on_phase` is told of each step as it begins.
pub(super) async fn reach(
    target: &Endpoint,
    route: &Route,
    on_phase: &mut impl FnMut(Phase),
) -> Result<Reached, DialError> {
    let destination = route.destination(target);
    let proxy = route.proxy_for(target);
    let next_hop = proxy.map_or(&destination, Proxy::endpoint);
    let started = Instant::now();

    on_phase(Phase::Dns);
    let addresses = resolve(next_hop).await.map_err(|reason| match proxy {
        Some(_) => proxy_error(next_hop, ProxyFault::Resolve(reason)),
        None => DialError::Resolve { host: next_hop.host(), reason },
    })?;
    let resolved = Instant::now();

    on_phase(Phase::Tcp);
    let (mut stream, peer) =
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
        let opened = tunnel::open(&mut stream, proxy, &destination).await;
        opened.map_err(|fault| proxy_error(next_hop, fault))?;
    }
    Ok(Reached {
        stream,
        peer,
        dns: resolved - started,
        tcp: connected - resolved,
        proxy: proxy.map(|_| connected.elapsed()),
    })
}

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
