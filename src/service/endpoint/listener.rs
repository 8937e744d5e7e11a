//! Accepts connections, and ends them all when the service stops.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::repeats::Repeats;

/// Hands each connection to `serve` until `stop` says so, then drops them all.
pub(super) async fn accept_all<F, S>(
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    serve: F,
) where
    F: Fn(TcpStream, SocketAddr) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut failures = Repeats::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => {
                    connections.spawn(serve(tcp, peer));
                }
                // Out of descriptors, mostly: others end, and then it goes on.
                Err(error) => {
                    if failures.may_log(Instant::now()) {
                        let more = match failures.take_counted() {
                            Some(counted) => format!(", and {counted} times more since the last of these lines"),
                            None => String::new(),
                        };
                        tracing::warn!("cannot accept a connection: {error}{more}");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the service is gone, which is a stop too.
    let _ = stop.wait_for(|stopped| *stopped).await;
}
