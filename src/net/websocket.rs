//! A WebSocket as a byte stream, so that what speaks over TLS can speak over a WebSocket too.
//!
//! Only binary messages carry bytes, and where one message ends and the next begins means nothing
//! (Node's SDK sends every field of a packet as its own). The opening handshake is HTTP's affair: a
//! server needs [`websocket_accept`] for it, a client [`open_websocket`](super::open_websocket).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// How much is read at once. The library's own 128 KiB are reserved for every connection, which a
/// fleet would notice.
const READ_BUFFER: usize = 4 * 1024;

/// Which end of a WebSocket this is: a client masks what it sends, a server does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketEnd {
    /// The end that dialled.
    Client,
    /// The end that was dialled.
    Server,
}

/// The bytes of a WebSocket's binary messages, in both directions; each write is one message.
///
/// A peer that breaks the rules of WebSocket, or sends text, makes reading fail. The close frame
/// that says so goes out with [`shutdown`](tokio::io::AsyncWriteExt::shutdown), which waits until
/// the peer has hung up, and so wants a deadline.
#[derive(Debug)]
pub struct WebSocketStream<S> {
    inner: tokio_tungstenite::WebSocketStream<S>,
    /// What is left of the last message.
    unread: Bytes,
    has_ended: bool,
    farewell: CloseCode,
    closing: Closing,
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotYet,
    Flushing,
    /// The close frame is out; now nothing more is sent.
    Ending,
    /// What the peer still has on the way is thrown away, or its arrival would reset the
    /// connection and with it the close frame.
    Draining,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// Takes over `stream` after the opening handshake. `early` is what was read beyond it, `limit`
    /// the longest message that is taken, in bytes.
    pub async fn new(stream: S, early: Vec<u8>, end: WebSocketEnd, limit: usize) -> Self {
        let role = match end {
            WebSocketEnd::Client => Role::Client,
            WebSocketEnd::Server => Role::Server,
        };
        let inner = tokio_tungstenite::WebSocketStream::from_partially_read(
            stream,
            early,
            role,
            Some(config(limit)),
        );
        Self::opened(inner.await)
    }

    /// Takes over a WebSocket whose opening handshake was done elsewhere.
    pub(super) fn opened(inner: tokio_tungstenite::WebSocketStream<S>) -> Self {
        Self {
            inner,
            unread: Bytes::new(),
            has_ended: false,
            farewell: CloseCode::Normal,
            closing: Closing::NotYet,
        }
    }

    /// Reads on until there are bytes or none will come.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An empty message is no end of the stream, so it is passed over like a ping.
        while self.unread.is_empty() && !self.has_ended {
            match ready!(Pin::new(&mut self.inner).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    self.farewell = CloseCode::Unsupported;
                    let reason = "it sends WebSocket text messages; only binary ones carry MQTT";
                    return Poll::Ready(Err(invalid(reason)));
                }
                Some(Ok(Message::Close(_))) | None => self.has_ended = true,
                Some(Err(error)) => return Poll::Ready(self.fail(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What the peer is told of the mistake, and what the caller is.
    fn fail(&mut self, error: Error) -> io::Result<()> {
        self.has_ended = true;
        self.farewell = match &error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Ok(()),
            Error::Capacity(_) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            _ => CloseCode::Protocol,
        };
        Err(io_error(error))
    }

    fn send_close(&mut self) {
        let frame = CloseFrame { code: self.farewell, reason: "".into() };
        // Refused where the peer's own close frame is being answered, or nothing can be sent any
        // more; the flush that follows finds out which.
        let _ = Pin::new(&mut self.inner).start_send(Message::Close(Some(frame)));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocketStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_message(context))?;
        let length = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocketStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = Pin::new(&mut self.get_mut().inner);
        // One message waits at most: the next is taken only when this one is out.
        ready!(inner.as_mut().poll_ready(context)).map_err(io_error)?;
        inner.start_send(Message::Binary(Bytes::copy_from_slice(bytes))).map_err(io_error)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context).map_err(io_error)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.closing {
                Closing::NotYet => {
                    this.send_close();
                    this.closing = Closing::Flushing;
                }
                Closing::Flushing => {
                    ready!(Pin::new(&mut this.inner).poll_flush(context)).map_err(io_error)?;
                    this.closing = Closing::Ending;
                }
                Closing::Ending => {
                    ready!(Pin::new(this.inner.get_mut()).poll_shutdown(context))?;
                    this.closing = Closing::Draining;
                }
                Closing::Draining => {
                    let mut scratch = [0; 512];
                    let mut scratch = ReadBuf::new(&mut scratch);
                    ready!(Pin::new(this.inner.get_mut()).poll_read(context, &mut scratch))?;
                    if scratch.filled().is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

/// `limit` is the longest message that is taken, in bytes.
pub(super) fn config(limit: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::BrokenPipe.into(),
        Error::Protocol(error) => invalid(&format!("it breaks the WebSocket protocol: {error}")),
        other => invalid(&other.to_string()),
    }
}

/// What a server answers to the `Sec-WebSocket-Key` of a client, in `Sec-WebSocket-Accept`
/// (RFC 6455, section 4.2.2).
pub fn websocket_accept(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const LIMIT: usize = 1024;

    async fn server(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
        WebSocketStream::new(stream, Vec::new(), WebSocketEnd::Server, LIMIT).await
    }

    /// What a server makes of raw frames, and the code with which it closes.
    async fn closed_after(frames: &[u8]) -> (io::Result<Vec<u8>>, u16) {
        let (mut raw, end) = duplex(4096);
        raw.write_all(frames).await.unwrap();
        let serving = tokio::spawn(async move {
            let mut server = server(end).await;
            let mut bytes = Vec::new();
            let read = server.read_to_end(&mut bytes).await.map(|_| bytes);
            let _ = server.shutdown().await;
            read
        });
        let mut header = [0; 4];
        raw.read_exact(&mut header).await.unwrap();
        assert_eq!(header[0], 0x88, "a close frame, not masked: {header:?}");
        drop(raw);
        (serving.await.unwrap(), u16::from_be_bytes([header[2], header[3]]))
    }

    #[test]
    fn the_example_of_rfc_6455() {
        assert_eq!(websocket_accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn bytes_go_both_ways_whatever_the_messages() {
        let (a, b) = duplex(64);
        let mut client = WebSocketStream::new(a, Vec::new(), WebSocketEnd::Client, LIMIT).await;
        let mut server = server(b).await;

        let (sent, heard) = tokio::join!(
            async {
                for byte in b"hello" {
                    client.write_all(&[*byte]).await.unwrap();
                    client.write_all(b"").await.unwrap();
                }
                client.flush().await.unwrap();
                client.write_all(&[7; 500]).await.unwrap();
                client.flush().await.unwrap();
                client
            },
            async {
                let mut heard = vec![0; 505];
                server.read_exact(&mut heard).await.unwrap();
                heard
            }
        );
        assert!(heard.starts_with(b"hello\x07") && heard.len() == 505);
        let mut client = sent;
        let (_, end) = tokio::join!(client.shutdown(), async {
            let end = server.read(&mut [0; 1]).await;
            let _ = server.shutdown().await;
            drop(server);
            end
        });
        assert_eq!(end.unwrap(), 0, "a close frame is the end of the stream");
    }

    #[tokio::test]
    async fn what_was_read_with_the_handshake_comes_first() {
        let (_raw, end) = duplex(64);
        let early = vec![0x82, 0x81, 0, 0, 0, 0, b'x'];
        let mut server = WebSocketStream::new(end, early, WebSocketEnd::Server, LIMIT).await;

        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn fragments_are_one_stream_and_pings_may_stand_between() {
        let frames = [
            &[0x02, 0x81, 0, 0, 0, 0, b'a'][..],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x00, 0x80, 0, 0, 0, 0],
            &[0x80, 0x81, 0, 0, 0, 0, b'b'],
        ]
        .concat();
        let (mut raw, end) = duplex(4096);
        raw.write_all(&frames).await.unwrap();
        let mut server = server(end).await;
        let mut heard = [0; 2];

        server.read_exact(&mut heard).await.unwrap();

        assert_eq!(&heard, b"ab");
    }

    #[tokio::test]
    async fn each_mistake_has_its_close_code() {
        for (what, frames, code) in [
            ("text", &[0x81, 0x81, 0, 0, 0, 0, b'x'][..], 1003),
            ("unmasked", &[0x82, 0x01, b'x'], 1002),
            ("a continuation of nothing", &[0x80, 0x81, 0, 0, 0, 0, b'x'], 1002),
            (
                "a message within another",
                &[0x02, 0x81, 0, 0, 0, 0, b'x', 0x82, 0x81, 0, 0, 0, 0, b'y'],
                1002,
            ),
            ("reserved bits", &[0xc2, 0x81, 0, 0, 0, 0, b'x'], 1002),
            ("too long", &[0x82, 0xfe, 0x04, 0x01, 0, 0, 0, 0], 1009),
        ] {
            let (read, closed) = closed_after(frames).await;

            assert_eq!(closed, code, "{what}");
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}");
        }
    }

    #[tokio::test]
    async fn a_close_frame_is_answered_with_its_code() {
        let (read, code) = closed_after(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await;

        assert_eq!((read.unwrap(), code), (Vec::new(), 1000));
    }
}
