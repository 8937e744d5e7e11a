//! Opens a TLS connection: name, TCP, proxy, TLS, each timed and each with its own error.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tcp::{Reached, reach};
use super::{DialError, Endpoint, Phase, Route, TlsFault};

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
    let Reached { stream: tcp, peer, dns, tcp: connecting, proxy } =
        reach(&target, route, &mut on_phase).await?;

    on_phase(Phase::Tls);
    let through = Instant::now();
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
    let timings = Timings { dns, tcp: connecting, proxy, tls: through.elapsed() };
    Ok(Dialed { stream, peer, timings })
}
