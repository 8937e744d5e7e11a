//! A TLS connection that sends when it is told to, and not with every write.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Collects what is written until it is flushed or shut down, so that last words and the goodbye of
/// TLS are one segment and not two.
#[derive(Debug)]
pub(in crate::device) struct BufferedTls(pub(super) TlsStream<TcpStream>);

impl AsyncRead for BufferedTls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for BufferedTls {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            // Takes less than all, or nothing, when much is waiting to be sent.
            let taken = self.0.get_mut().1.writer().write(bytes)?;
            if taken > 0 || bytes.is_empty() {
                return Poll::Ready(Ok(taken));
            }
            ready!(Pin::new(&mut self.0).poll_flush(context))?;
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TCP's own end comes with the end of the socket, which is near: it would be one more call.
        self.0.get_mut().1.send_close_notify();
        Pin::new(&mut self.0).poll_flush(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::ServerConfig;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::net::{Route, Trust, client_config, crypto, dial};

    /// More than is collected, and more than the sockets of a loopback connection take.
    const MUCH: usize = 16 << 20;

    #[tokio::test]
    async fn nothing_is_lost_however_much_is_written_at_once() {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (der, key) = (issued.cert.der().clone(), issued.signing_key.serialize_der());
        let key = rustls::pki_types::PrivateKeyDer::try_from(key).unwrap();
        let mut server = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .unwrap();
        // A socket that ends with something unread resets the connection.
        server.send_tls13_tickets = 0;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("localhost:{}", listener.local_addr().unwrap().port());
        let reading = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut tls = TlsAcceptor::from(Arc::new(server)).accept(tcp).await.unwrap();
            let mut all = Vec::new();
            // Ends without an error only where the goodbye of TLS came.
            tls.read_to_end(&mut all).await.unwrap();
            all
        });
        let trust = client_config(&Trust::Pem(issued.cert.pem())).unwrap();
        let endpoint = endpoint.parse().unwrap();
        let dialed = dial(&endpoint, 0, &Route::default(), trust, |_| {}).await.unwrap();

        let mut stream = BufferedTls(dialed.stream);
        stream.write_all(&vec![7; MUCH]).await.unwrap();
        stream.write_all(b"last words").await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);

        let all = reading.await.unwrap();
        assert_eq!(all.len(), MUCH + 10);
        assert!(all.ends_with(b"\x07last words"));
    }
}
