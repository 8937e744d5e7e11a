//! Which port a listener gets.
//!
//! Most SDKs can be told no other than 8883, 443 and 5671, and a page is looked for where it always is, so
//! these are wanted. But on many machines 443 takes a permission, and a second service finds them all
//! taken: a service that has the rest to offer should not fail for it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use super::kind::EndpointKind;
use crate::net::listen;

/// Where a listener is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Port {
    /// On this port and no other; 0 picks a free one.
    Exactly(u16),
    /// On the endpoint's own port ([`EndpointKind::own_port`]) or, where that is taken or refused, on
    /// a free one, with a warning in the log.
    #[default]
    OwnIfPossible,
}

impl Port {
    /// The port that is tried first.
    pub(in crate::service) fn wanted(self, endpoint: EndpointKind) -> u16 {
        match self {
            Self::Exactly(port) => port,
            Self::OwnIfPossible => endpoint.own_port(),
        }
    }

    /// The port that it was told to have.
    pub(in crate::service) fn asked(self) -> Option<u16> {
        match self {
            Self::Exactly(0) | Self::OwnIfPossible => None,
            Self::Exactly(port) => Some(port),
        }
    }

    /// Listens. The own port is left alone if another was `asked` to have it.
    pub(in crate::service) fn listen(
        self,
        endpoint: EndpointKind,
        bind: IpAddr,
        asked: &[u16],
    ) -> io::Result<TcpListener> {
        let wanted = SocketAddr::new(bind, self.wanted(endpoint));
        let obstacle = match self {
            Self::OwnIfPossible if asked.contains(&wanted.port()) => Obstacle::Asked,
            Self::OwnIfPossible => match listen(wanted) {
                Ok(listener) => return Ok(listener),
                Err(error) => Obstacle::of(error)?,
            },
            Self::Exactly(_) => return listen(wanted),
        };
        let listener = listen(SocketAddr::new(bind, 0))?;
        let line = elsewhere(endpoint, wanted, obstacle, listener.local_addr()?);
        tracing::warn!("{line}");
        Ok(listener)
    }
}

/// Why a listener does not have its own port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// Another listener of the service was asked to have it.
    Asked,
    Taken,
    NotPermitted,
}

impl Obstacle {
    /// What an error has to do with the port; gives back one that has nothing to do with it.
    fn of(error: io::Error) -> io::Result<Self> {
        match error.kind() {
            io::ErrorKind::AddrInUse => Ok(Self::Taken),
            io::ErrorKind::PermissionDenied => Ok(Self::NotPermitted),
            _ => Err(error),
        }
    }
}

/// Says that a listener is not where it is looked for, why, and what to do.
fn elsewhere(
    endpoint: EndpointKind,
    wanted: SocketAddr,
    obstacle: Obstacle,
    got: SocketAddr,
) -> String {
    let (flag, own) = (endpoint.flag(), wanted.port());
    let (subject, others) = match endpoint {
        EndpointKind::Mqtt => ("MQTT is", "Most SDKs dial"),
        EndpointKind::Https => ("HTTPS and WebSockets are", "Most SDKs dial"),
        EndpointKind::Amqp => ("AMQP is", "Most SDKs that speak it dial"),
        EndpointKind::Gateway => ("the gateway is", "Whoever was told of it looks for it at"),
        EndpointKind::Management => {
            ("the management listener is", "Whoever knows it looks for it at")
        }
    };
    let (cause, remedy) = match obstacle {
        Obstacle::Asked => {
            ("another listener was given that port", "give that one another port".to_owned())
        }
        Obstacle::Taken => (
            "another program, perhaps another `provision-sim serve`, has that port",
            "stop that program, or --bind another address".to_owned(),
        ),
        Obstacle::NotPermitted => (
            "ports below 1024 need a permission",
            format!(
                "on Linux `sudo sysctl net.ipv4.ip_unprivileged_port_start={own}`, or `sudo setcap cap_net_bind_service=+ep` on this program"
            ),
        ),
    };
    format!(
        "{subject} at {got}, not at {wanted}: {cause}. {others} {own} and nothing else; to have it: {remedy}. {flag} 0 is silent about it"
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ALL: [EndpointKind; 4] =
        [EndpointKind::Mqtt, EndpointKind::Https, EndpointKind::Amqp, EndpointKind::Management];

    #[tokio::test]
    async fn j_210_a_port_that_was_asked_for_is_had_or_refused() {
        for endpoint in ALL {
            let first = Port::Exactly(0).listen(endpoint, LOOPBACK, &[]).unwrap();
            let taken = first.local_addr().unwrap().port();

            let refused = Port::Exactly(taken).listen(endpoint, LOOPBACK, &[taken]).unwrap_err();

            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[tokio::test]
    async fn j_210_where_its_own_port_cannot_be_had_a_listener_gets_another() {
        for endpoint in ALL {
            let own = endpoint.own_port();
            // Whether this process may have it or not: afterwards it is refused.
            let _taken = Port::Exactly(own).listen(endpoint, LOOPBACK, &[]);

            let listener = Port::OwnIfPossible.listen(endpoint, LOOPBACK, &[]).unwrap();

            assert_ne!(listener.local_addr().unwrap().port(), own);
        }
    }

    #[tokio::test]
    async fn j_210_a_port_that_another_was_asked_to_have_is_left_to_it() {
        let own = EndpointKind::Mqtt.own_port();

        let listener = Port::OwnIfPossible.listen(EndpointKind::Mqtt, LOOPBACK, &[own]).unwrap();

        assert_ne!(listener.local_addr().unwrap().port(), own);
    }

    #[test]
    fn who_is_elsewhere_says_where_and_why_and_what_to_do() {
        let got: SocketAddr = "127.0.0.1:40001".parse().unwrap();
        for endpoint in ALL {
            let wanted = SocketAddr::new(LOOPBACK, endpoint.own_port());
            for (obstacle, why) in [
                (Obstacle::Asked, "another listener was given that port".to_owned()),
                (Obstacle::Taken, "another program, perhaps another".to_owned()),
                (Obstacle::NotPermitted, format!("port_start={}`", endpoint.own_port())),
            ] {
                let said = elsewhere(endpoint, wanted, obstacle, got);

                assert!(said.contains(&format!("at {got}, not at {wanted}: ")), "{said}");
                assert!(said.contains(&why), "{said}");
                assert!(said.ends_with(&format!("{} 0 is silent about it", endpoint.flag())));
            }
        }
    }

    #[test]
    fn an_error_that_is_not_about_the_port_stays_one() {
        assert_eq!(Obstacle::of(io::ErrorKind::AddrInUse.into()).unwrap(), Obstacle::Taken);
        assert!(Obstacle::of(io::ErrorKind::AddrNotAvailable.into()).is_err());
    }
}
