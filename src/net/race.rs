//! Happy Eyeballs (RFC 8305): tries the addresses of a name side by side, so that a family that
//! leads nowhere costs a quarter of a second and not a timeout.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an address has the field to itself (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// The families in turn, beginning with that of the first address; within a family the resolver's
/// order stays.
fn in_turn(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let first_is_v6 = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (VecDeque<_>, VecDeque<_>) =
        addresses.partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = VecDeque::new();
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return order;
        }
        order.extend([pair.0, pair.1].into_iter().flatten());
    }
}

/// Connects to the address that answers first. A new one is tried when another has failed, or has
/// not answered within its head start; the rest are dropped when there is a winner.
///
/// # Errors
///
/// When all have failed: the last to fail, and why. `None` if there are no addresses.
pub(super) async fn race<T, F>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<(T, SocketAddr), Option<(SocketAddr, io::Error)>>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut waiting = in_turn(addresses);
    if waiting.len() == 1
        && let Some(peer) = waiting.pop_front()
    {
        // Nothing to race against: no task of its own.
        let attempt = connect(peer).await;
        return attempt.map(|connected| (connected, peer)).map_err(|error| Some((peer, error)));
    }
    let mut running = JoinSet::new();
    let mut failure = None;
    loop {
        if let Some(peer) = waiting.pop_front() {
            let attempt = connect(peer);
            running.spawn(async move { (peer, attempt.await) });
        }
        let next = running.join_next();
        let ended = if waiting.is_empty() {
            next.await
        } else {
            match timeout(HEAD_START, next).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok((peer, Ok(connected)))) => return Ok((connected, peer)),
            Some(Ok((peer, Err(error)))) => failure = Some((peer, error)),
            // An attempt neither panics nor is cancelled while the race is on.
            Some(Err(_)) => {}
            None => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::{Arc, Mutex};

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_alternate_and_the_first_one_begins() {
        let order = |list: &[&str]| {
            in_turn(list.iter().map(|text| address(text)))
                .into_iter()
                .map(|address| address.to_string())
                .collect::<Vec<_>>()
        };

        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]
        );
        assert_eq!(order(&["1.1.1.1:1", "[::1]:1"]), ["1.1.1.1:1", "[::1]:1"]);
        assert!(order(&[]).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_leads_nowhere_does_not_hold_up_the_next() {
        let addresses = [address("[::1]:1"), address("1.1.1.1:1")];

        let (winner, peer) = race(addresses, |peer| async move {
            if peer.is_ipv6() { pending().await } else { Ok(peer.port()) }
        })
        .await
        .unwrap();

        assert_eq!((winner, peer), (1, addresses[1]));
    }

    #[tokio::test]
    async fn a_slow_address_still_wins_if_the_others_fail() {
        let addresses = [address("[::1]:1"), address("1.1.1.1:1")];
        let (failed, has_failed) = tokio::sync::oneshot::channel::<()>();
        let ends = Arc::new(Mutex::new((Some(failed), Some(has_failed))));

        let (_, peer) = race(addresses, |peer| {
            let ends = Arc::clone(&ends);
            async move {
                if peer.is_ipv6() {
                    let other = ends.lock().unwrap().1.take().unwrap();
                    let _ = other.await;
                    Ok(())
                } else {
                    drop(ends.lock().unwrap().0.take());
                    Err(io::ErrorKind::ConnectionRefused.into())
                }
            }
        })
        .await
        .unwrap();

        assert_eq!(peer, addresses[0]);
    }

    #[tokio::test]
    async fn when_all_fail_the_last_failure_is_told() {
        let addresses = [address("[::1]:1"), address("1.1.1.1:1")];

        let failed =
            race(addresses, |_| async { Err::<(), _>(io::ErrorKind::ConnectionRefused.into()) });
        let none = race([], |_| async { Ok(()) });

        let (peer, error) = failed.await.unwrap_err().unwrap();
        assert_eq!((peer, error.kind()), (addresses[1], io::ErrorKind::ConnectionRefused));
        assert!(none.await.unwrap_err().is_none());
    }
}
