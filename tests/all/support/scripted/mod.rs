//! A server that does what a script says: real TCP, real TLS, real MQTT packets, and as rude as a
//! test wants it to be.
//!
//! Every connection has its own [`Script`]; the last one serves all further connections. What the
//! device sent is kept, connection by connection. A script waits for the device by expecting its
//! packets, never by sleeping; it sleeps only where a slow server is what the test is about.

pub(crate) mod amqp;
mod connection;
pub(crate) mod http;
mod script;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use provision_sim::net::{WebSocketEnd, WebSocketStream, websocket_accept};
use rumqttc::Packet;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use self::connection::{Connection, Record};
use self::script::Handshake;
pub(crate) use self::script::Script;
use super::certificate::{Certificate, Issue};

/// More than any device sends.
const MAX_PACKET: usize = 1 << 20;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    ca_pem: String,
    heard: Heard,
    task: JoinHandle<()>,
    all_closed: mpsc::Receiver<()>,
}

type Heard = Arc<Mutex<Vec<Vec<Packet>>>>;

/// Held by everything that may still hear something.
type Open = mpsc::Sender<()>;

impl Server {
    /// Starts it on a free port of 127.0.0.1 with a certificate that is all right.
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self::start_as(Issue::default().make(), scripts).await
    }

    /// Starts it with this certificate.
    pub(crate) async fn start_as(
        certificate: Certificate,
        scripts: impl IntoIterator<Item = Script>,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that a device whose server does not read comes to feel it soon.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Heard::default();
        let scripts: Vec<_> = scripts.into_iter().collect();
        let (open, all_closed) = mpsc::channel(1);
        let ca_pem = certificate.ca_pem().to_owned();
        let task =
            tokio::spawn(serve(listener, certificate.config.into(), scripts, heard.clone(), open));
        Self { address, ca_pem, heard, task, all_closed }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who vouches for it.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The packets that it has got, connection by connection, when every device has left.
    pub(crate) async fn heard(mut self) -> Vec<Vec<Packet>> {
        self.task.abort();
        while self.all_closed.recv().await.is_some() {}
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    scripts: Vec<Script>,
    heard: Heard,
    open: Open,
) {
    for index in 0.. {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let script = scripts[index.min(scripts.len() - 1)].clone();
        heard.lock().unwrap().push(Vec::new());
        let record = Record { heard: heard.clone(), index, _open: open.clone() };
        let tls = tls.clone();
        // A device may leave whenever it likes: no error here is one of the test.
        tokio::spawn(async move {
            tokio::time::sleep(script.before_tls).await;
            let _ = match script.tls {
                Handshake::Plain => Connection::new(tcp, record).play(&script.acts).await,
                Handshake::WebSocket => match tls.accept(tcp).await {
                    Ok(stream) => match open_web_socket(stream, script.before_upgrade).await {
                        Ok(stream) => Connection::new(stream, record).play(&script.acts).await,
                        Err(error) => Err(error),
                    },
                    Err(error) => Err(error),
                },
                Handshake::Tls => match tls.accept(tcp).await {
                    Ok(stream) => Connection::new(stream, record).play(&script.acts).await,
                    Err(error) => Err(error),
                },
            };
        });
    }
}

/// The server's end of the opening handshake, with the subprotocol that DPS has.
async fn open_web_socket<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    pause: Duration,
) -> io::Result<WebSocketStream<S>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    tokio::time::sleep(pause).await;
    let head = String::from_utf8_lossy(&head);
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
    });
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        websocket_accept(key.unwrap_or_default().as_bytes())
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    Ok(WebSocketStream::new(stream, Vec::new(), WebSocketEnd::Server, MAX_PACKET).await)
}
