//! Listening sockets that a boot storm does not overflow.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted. The usual 128 overflows when some hundred devices
/// start at once, and each overflow shows as a lone latency of a second (a SYN sent again).
pub const BACKLOG: u32 = 4096;

/// Listens on `address`; port 0 picks a free one.
///
/// # Errors
///
/// As `bind` and `listen` give them: in use, not permitted, no such address.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted service must not wait for the connections of the old one to time out.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where a listener is dialled from this machine: one that listens everywhere, on loopback.
pub fn from_here(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_dialled_on_loopback_and_all_else_where_it_is() {
        for (listening, dialled) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("10.0.0.1:3", "10.0.0.1:3"),
            ("[::1]:4", "[::1]:4"),
        ] {
            assert_eq!(from_here(listening.parse().unwrap()).to_string(), dialled);
        }
    }
}
