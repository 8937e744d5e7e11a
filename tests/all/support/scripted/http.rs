//! An HTTPS server that does what a script says, and keeps what it was asked.
//!
//! Every connection has its own list of replies; the last list serves all further connections. A
//! connection whose list is at its end is closed, as an idle one is.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::certificate::Issue;

/// What the server does about one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Sends these bytes.
    Bytes(Vec<u8>),
    /// Hangs up.
    Close,
    /// Says nothing and keeps the connection.
    Silence,
}

/// An answer with a body of known length. `headers` are whole lines.
pub(crate) fn answer(status: u16, headers: &[&str], body: &str) -> Reply {
    let length = format!("Content-Length: {}", body.len());
    let head = [&[length.as_str()], headers].concat().join("\r\n");
    Reply::Bytes(format!("HTTP/1.1 {status} Whatever\r\n{head}\r\n\r\n{body}").into_bytes())
}

/// The same in chunks of a few bytes, as DPS itself answers.
pub(crate) fn chunked(status: u16, headers: &[&str], body: &str) -> Reply {
    let head = [&["Transfer-Encoding: chunked"], headers].concat().join("\r\n");
    let chunks = body
        .as_bytes()
        .chunks(7)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
    let chunks: String = chunks.collect();
    Reply::Bytes(
        format!("HTTP/1.1 {status} Whatever\r\n{head}\r\n\r\n{chunks}0\r\n\r\n").into_bytes(),
    )
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
    /// Method and target.
    pub(crate) line: String,
    /// In lower case up to the colon.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A server that runs until it is dropped.
pub(crate) struct HttpServer {
    address: SocketAddr,
    ca_pem: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl HttpServer {
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Vec<Reply>>) -> Self {
        let certificate = Issue::default().make();
        let ca_pem = certificate.ca_pem().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let scripts = scripts.into_iter().collect();
        let task =
            tokio::spawn(serve(listener, certificate.config.into(), scripts, Arc::clone(&asked)));
        Self { address, ca_pem, asked, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    scripts: Vec<Vec<Reply>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    for connection in 0.. {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let (tls, asked) = (tls.clone(), Arc::clone(&asked));
        let script = scripts[connection.min(scripts.len() - 1)].clone();
        tokio::spawn(async move {
            let Ok(mut stream) = tls.accept(tcp).await else { return };
            for reply in script {
                let Some(request) = hear(&mut stream, connection).await else { return };
                asked.lock().unwrap().push(request);
                match reply {
                    Reply::Bytes(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                        let _ = stream.flush().await;
                    }
                    Reply::Close => break,
                    Reply::Silence => {
                        let _ = stream.read_u8().await;
                        return;
                    }
                }
            }
            let _ = stream.shutdown().await;
            // Both directions are closed only when the device has left.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
    }
}

/// One request; `None` when the device has left.
async fn hear(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    connection: usize,
) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut asked = Asked { connection, line, headers, body: String::new() };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}
