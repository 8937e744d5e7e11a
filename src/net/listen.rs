//! Listening sockets that a boot storm does not overflow.

use std::io;
use std::net::SocketAddr;

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
