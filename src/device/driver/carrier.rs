//! The byte streams that carry a protocol of packets or frames: TLS, or a WebSocket over it.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::buffered::BufferedTls;
use super::progress::Progress;
use super::tls::open_tls;
use crate::device::destination::Destination;
use crate::device::error::{Breach, NetworkError};
use crate::device::exchange::{ConnectFailure, Notice};
use crate::device::phase::ConnectPhase;
use crate::device::traffic::{Received, Sent};
use crate::device::transport::Ports;
use crate::net::{UpgradeError, WebSocketStream, open_websocket};

/// The path that Microsoft's SDKs for C, Python and Node take (A.1), for MQTT and for AMQP.
const PATH: &str = "/$iothub/websocket";

/// What is spoken over a byte stream.
#[derive(Debug, Clone, Copy)]
pub(in crate::device) struct Spoken {
    /// Its own port, right over TLS.
    pub(in crate::device) port: fn(Ports) -> u16,
    /// Its name in the opening handshake of a WebSocket.
    pub(in crate::device) subprotocol: &'static str,
    /// The longest message of a WebSocket that is taken, in bytes.
    pub(in crate::device) longest: usize,
}

/// Opens a byte stream to the service, or to a hub.
pub(in crate::device) trait Carrier {
    /// The byte stream.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// Opens one for what is `spoken` and says `first`; `progress` is told of every phase as it begins.
    async fn open(
        to: Destination<'_>,
        spoken: Spoken,
        first: &[u8],
        progress: &mut Progress<'_>,
    ) -> Result<Self::Stream, ConnectFailure>;
}

/// Right over TLS.
pub(in crate::device) struct OverTls;

impl Carrier for OverTls {
    type Stream = BufferedTls;

    async fn open(
        to: Destination<'_>,
        spoken: Spoken,
        first: &[u8],
        progress: &mut Progress<'_>,
    ) -> Result<Self::Stream, ConnectFailure> {
        open_tls(to, (spoken.port)(to.ports), first, progress).await.map(BufferedTls)
    }
}

/// Over a WebSocket over TLS.
pub(in crate::device) struct OverWebSocket;

impl Carrier for OverWebSocket {
    type Stream = WebSocketStream<TlsStream<TcpStream>>;

    async fn open(
        to: Destination<'_>,
        spoken: Spoken,
        first: &[u8],
        progress: &mut Progress<'_>,
    ) -> Result<Self::Stream, ConnectFailure> {
        let stream = open_tls(to, to.ports.https, &[], progress).await?;
        progress.begin(ConnectPhase::Upgrade);
        let host = to.host_header();
        let (path, subprotocol) = (PATH, spoken.subprotocol);
        progress.tell(Notice::Sent(Sent::Upgrade { host: host.to_string(), path, subprotocol }));
        let opened = open_websocket(stream, &host, PATH, subprotocol, spoken.longest).await;
        let mut stream = opened.map_err(|error| match error {
            UpgradeError::NotHttp(reason) => ConnectFailure::Broken(Breach::NotHttp { reason }),
            error => ConnectFailure::Network(NetworkError::Upgrade(error)),
        })?;
        progress.tell(Notice::Received(Received::Upgraded));
        // Where writing fails, the reason may still be there to be read.
        if stream.write_all(first).await.is_ok() {
            let _ = stream.flush().await;
        }
        Ok(stream)
    }
}
