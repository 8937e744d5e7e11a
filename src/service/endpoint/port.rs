//! Which port HTTPS gets.
//!
//! Most SDKs can be told no other than 443, so that one is wanted; but on many machines it takes a
//! permission, and a service that has MQTT to offer should not fail for it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use crate::net::listen;
use crate::wire::HTTPS_PORT;

/// Where HTTPS and MQTT over WebSocket are served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HttpsPort {
    /// On this port and no other; 0 picks a free one.
    Exactly(u16),
    /// On 443 or, if that is refused, on a free port, with a warning in the log.
    #[default]
    StandardIfPossible,
}

impl HttpsPort {
    /// The port that is tried first.
    pub fn wanted(self) -> u16 {
        match self {
            Self::Exactly(port) => port,
            Self::StandardIfPossible => HTTPS_PORT,
        }
    }

    pub(in crate::service) fn listen(self, bind: IpAddr) -> io::Result<TcpListener> {
        let wanted = SocketAddr::new(bind, self.wanted());
        match (listen(wanted), self) {
            (Err(refusal), Self::StandardIfPossible) if is_about_port(&refusal) => {
                let listener = listen(SocketAddr::new(bind, 0))?;
                warn_of(wanted, &refusal, listener.local_addr()?);
                Ok(listener)
            }
            (result, _) => result,
        }
    }
}

fn is_about_port(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::AddrInUse)
}

fn warn_of(wanted: SocketAddr, refusal: &io::Error, got: SocketAddr) {
    let (cause, remedy) = if refusal.kind() == io::ErrorKind::AddrInUse {
        ("another program has that port", "stop that program, or --bind another address")
    } else {
        (
            "ports below 1024 need a permission",
            "on Linux `sudo sysctl net.ipv4.ip_unprivileged_port_start=443`, or `sudo setcap cap_net_bind_service=+ep` on this program",
        )
    };
    tracing::warn!(
        "HTTPS and MQTT over WebSocket are at {got}, not at {wanted}: {cause}. Most SDKs dial {HTTPS_PORT} and nothing else; to have it: {remedy}. --https-port 0 is silent about it"
    );
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_port_that_was_asked_for_is_had_or_refused() {
        let first = HttpsPort::Exactly(0).listen(LOOPBACK).unwrap();
        let taken = first.local_addr().unwrap().port();

        let refused = HttpsPort::Exactly(taken).listen(LOOPBACK).unwrap_err();

        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn without_443_there_is_another() {
        // Whether this process may have it or not: afterwards it is refused.
        let _taken = HttpsPort::Exactly(HTTPS_PORT).listen(LOOPBACK);

        let listener = HttpsPort::StandardIfPossible.listen(LOOPBACK).unwrap();

        assert_ne!(listener.local_addr().unwrap().port(), HTTPS_PORT);
    }
}
