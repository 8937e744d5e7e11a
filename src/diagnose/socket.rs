//! Names and TCP connections: all addresses, each on its own.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::finding::Finding;
use super::subject::{Known, Port, Reach, Subject};
use crate::device::{ConnectPhase, Error, NetworkError};
use crate::net::{DialError, ProxyFault, plain};

/// Looks up all addresses of the host, or of whom the device dials in its place.
pub(super) async fn dns(subject: &Subject, known: &mut Known) -> Finding {
    let mut told: Vec<(String, Result<String, Error>)> = Vec::new();
    for &port in subject.ports() {
        let host = subject.next_hop(port).host();
        if told.iter().any(|(name, _)| *name == host) {
            continue;
        }
        let found = look_up(subject, port, &host).await.map(|addresses| {
            let text = list(&host, &addresses);
            known.addresses.push((host.clone(), addresses));
            text
        });
        told.push((host, found));
    }
    let found: Vec<_> = told.iter().filter_map(|(_, found)| found.as_deref().ok()).collect();
    let found = found.join("; ");
    match told.iter().find_map(|(_, found)| found.as_ref().err()) {
        None => Finding::ok(found),
        Some(error) => {
            let finding = Finding::of_error(error, &subject.context);
            // With --connect-to each port may be another host.
            if found.is_empty() {
                return finding;
            }
            Finding { finding: format!("{}; but {found}", finding.finding), ..finding }.softened()
        }
    }
}

async fn look_up(subject: &Subject, port: Port, host: &str) -> Result<Vec<IpAddr>, Error> {
    let unknown = |reason: String| {
        Error::Network(NetworkError::Dial(match subject.proxy(port) {
            Some(proxy) => DialError::Proxy {
                proxy: proxy.endpoint().clone(),
                fault: ProxyFault::Resolve(reason),
            },
            None => DialError::Resolve { host: host.to_owned(), reason },
        }))
    };
    let found = timeout(subject.check_timeout(), lookup_host((host, 0))).await;
    let found = found.map_err(|_| subject.late(ConnectPhase::Dns))?.map_err(|error| {
        unknown(plain(&error).replace("failed to lookup address information: ", ""))
    })?;
    // A resolver may name one address for each kind of socket.
    let mut seen = HashSet::new();
    let addresses: Vec<_> =
        found.map(|address| address.ip()).filter(|address| seen.insert(*address)).collect();
    if addresses.is_empty() { Err(unknown("it has none".to_owned())) } else { Ok(addresses) }
}

fn list(host: &str, addresses: &[IpAddr]) -> String {
    let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    if list == [host] {
        return format!("{host} is an address, so no name is looked up");
    }
    format!("{host}: {}", list.join(", "))
}

/// Opens a TCP connection to each address.
pub(super) async fn tcp(subject: &Subject, known: &mut Known, port: Port) -> Finding {
    let hop = subject.next_hop(port);
    let addresses = known.addresses(&hop.host());
    if addresses.is_empty() {
        return Finding::skip("needs the address of the host");
    }
    let mut tries = Vec::new();
    for &address in addresses {
        let peer = SocketAddr::new(address, hop.port().unwrap_or_default());
        let error = match timeout(subject.check_timeout(), TcpStream::connect(peer)).await {
            Ok(Ok(_)) => None,
            Ok(Err(source)) => Some(refused(subject, port, peer, source)),
            Err(_) => Some(subject.late(ConnectPhase::Tcp)),
        };
        tries.push((peer, error));
    }
    if tries.iter().any(|(_, error)| error.is_none()) {
        *known.reach(port) = Reach::Tcp;
    }
    let is_mqtt_reached = known.mqtt > Reach::Nothing;
    let finding =
        judge(&tries, &stand_in(subject, port), |error| Finding::of_error(error, &subject.context));
    let is_needed = subject.needs(port, is_mqtt_reached);
    if !is_needed {
        finding.softened()
    } else if port == Port::Https && !is_mqtt_reached && finding.advice.is_none() {
        finding.advice("devices that speak HTTPS, or MQTT or AMQP over WebSocket, can register through this port: --transport auto")
    } else {
        finding
    }
}

fn refused(subject: &Subject, port: Port, peer: SocketAddr, source: std::io::Error) -> Error {
    Error::Network(NetworkError::Dial(match subject.proxy(port) {
        Some(proxy) => DialError::Proxy {
            proxy: proxy.endpoint().clone(),
            fault: ProxyFault::Connect { peer, source },
        },
        None => DialError::Connect { host: subject.endpoint(port), peer, source },
    }))
}

/// Who is dialled in the service's place, in brackets.
fn stand_in(subject: &Subject, port: Port) -> String {
    let endpoint = subject.endpoint(port);
    match subject.proxy(port) {
        Some(proxy) => format!(" (the proxy {proxy})"),
        None if subject.next_hop(port) != endpoint => format!(" (in the place of {endpoint})"),
        None => String::new(),
    }
}

/// One address that answers is enough.
fn judge(
    tries: &[(SocketAddr, Option<Error>)],
    stand_in: &str,
    explained: impl Fn(&Error) -> Finding,
) -> Finding {
    let (open, closed): (Vec<_>, Vec<_>) = tries.iter().partition(|(_, error)| error.is_none());
    let list = |tries: &[&(SocketAddr, Option<Error>)]| {
        tries.iter().map(|(peer, _)| peer.to_string()).collect::<Vec<_>>().join(", ")
    };
    let Some((_, Some(error))) = closed.first() else {
        return Finding::ok(format!("{}{stand_in} takes connections", list(&open)));
    };
    if !open.is_empty() {
        return Finding::warn(format!(
            "{}{stand_in} takes connections, but not {}: {error}",
            list(&open),
            list(&closed)
        ))
        .advice("a device that tries the dead address first waits for it in vain");
    }
    let finding = explained(error);
    match closed.len() {
        1 => finding,
        _ => Finding { finding: format!("{}: {}", list(&closed), finding.finding), ..finding },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;
    use crate::device::Class;

    fn tried(address: &str, is_open: bool) -> (SocketAddr, Option<Error>) {
        let peer = address.parse().unwrap();
        let error = DialError::Connect {
            host: "localhost:1".parse().unwrap(),
            peer,
            source: std::io::ErrorKind::ConnectionRefused.into(),
        };
        (peer, (!is_open).then_some(Error::Network(NetworkError::Dial(error))))
    }

    fn judged(tries: &[(SocketAddr, Option<Error>)], stand_in: &str) -> Finding {
        judge(tries, stand_in, |error| Finding::fail(error.class(), "closed"))
    }

    #[test]
    fn one_dead_address_of_two_is_a_warning() {
        let tries = [tried("[::1]:1", false), tried("127.0.0.1:1", true)];

        let finding = judged(&tries, "");

        assert_eq!(finding.status, Status::Warn);
        assert!(finding.finding.starts_with("127.0.0.1:1 takes connections, but not [::1]:1: "));
    }

    #[test]
    fn all_dead_is_a_failure_and_who_stands_in_is_named() {
        let dead = [tried("[::1]:1", false), tried("127.0.0.1:1", false)];
        let through = judged(&[tried("127.0.0.1:1", true)], " (the proxy http://p:1)");

        assert_eq!(judged(&dead, "").class, Some(Class::Network));
        assert_eq!(judged(&dead, "").finding, "[::1]:1, 127.0.0.1:1: closed");
        assert_eq!(through.finding, "127.0.0.1:1 (the proxy http://p:1) takes connections");
    }
}
