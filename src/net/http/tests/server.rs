//! A server that follows a script, byte by byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::net::crypto;
use crate::net::http::Origin;

/// What the server does when it has read a request.
#[derive(Clone, Copy)]
pub(super) enum Act {
    /// Sends this and waits for the next request.
    Say(&'static str),
    /// Sends this, waits for nothing more and says nothing.
    SayAndHold(&'static str),
}

/// What has happened at the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A request: on which connection, its head and its body.
    Request(usize, String),
    /// It closed this connection.
    Closed(usize),
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
    _server: JoinSet<()>,
}

/// The certificate of a server, and who signed it: itself.
pub(super) struct Identity {
    pub(super) pem: String,
    tls: TlsAcceptor,
}

impl Identity {
    pub(super) fn new(name: &str, not_after: i32) -> Self {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(not_after, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self { pem: certificate.pem(), tls: TlsAcceptor::from(Arc::new(tls)) }
    }
}

impl Server {
    /// Follows the first line of `script` on the first connection, and so on; a connection is closed at
    /// the end of its line, and taken and closed where there is no line for it.
    pub(super) async fn start(script: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self::serve(script, None).await
    }

    /// The same over TLS.
    pub(super) async fn start_tls(
        script: impl IntoIterator<Item = Vec<Act>>,
        identity: &Identity,
    ) -> Self {
        Self::serve(script, Some(identity.tls.clone())).await
    }

    async fn serve(script: impl IntoIterator<Item = Vec<Act>>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, seen) = mpsc::unbounded_channel();
        let mut script: Vec<_> = script.into_iter().collect();
        script.reverse();
        let mut server = JoinSet::new();
        server.spawn(async move {
            for number in 0.. {
                let (tcp, _) = listener.accept().await.unwrap();
                let (line, tell, tls) =
                    (script.pop().unwrap_or_default(), tell.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => follow(tcp, line, number, &tell).await,
                        // A client that does not trust us hangs up here.
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => follow(stream, line, number, &tell).await,
                            Err(_) => None,
                        },
                    };
                    let _ = tell.send(Seen::Closed(number));
                });
            }
        });
        Self { address, seen, _server: server }
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::http(&self.address.to_string().parse().unwrap())
    }

    /// The same over TLS, by this name.
    pub(super) fn origin_tls(&self, name: &str) -> Origin {
        Origin::https(&format!("{name}:{}", self.address.port()).parse().unwrap())
    }

    /// The next thing that happens there.
    pub(super) async fn next(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// The next request: on which connection it came, and its text.
    pub(super) async fn request(&mut self) -> (usize, String) {
        match self.next().await {
            Seen::Request(number, text) => (number, text),
            other => panic!("{other:?}"),
        }
    }
}

/// `None` when the client is gone.
async fn follow(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    line: Vec<Act>,
    number: usize,
    tell: &mpsc::UnboundedSender<Seen>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    for act in line {
        let _ = tell.send(Seen::Request(number, read(&mut stream).await?));
        match act {
            Act::Say(text) => stream.write_all(text.as_bytes()).await.ok()?,
            Act::SayAndHold(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                stream.read_u8().await.ok()?;
            }
        }
        stream.flush().await.ok()?;
    }
    stream.shutdown().await.ok()
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        if stream.read_line(&mut text).await.ok()? == 0 {
            return None;
        }
    }
    let length = text.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length: ").and_then(|length| length.parse().ok())
    });
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body).await.ok()?;
    text.push_str(std::str::from_utf8(&body).ok()?);
    Some(text)
}
