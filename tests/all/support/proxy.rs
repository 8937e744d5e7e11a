//! An HTTP proxy that opens tunnels with CONNECT, or does worse.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it answers CONNECT.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Opens the tunnel to whoever is named, or only with this `Proxy-Authorization`.
    Open(Option<&'static str>),
    /// Opens a tunnel to this port only.
    OnlyTo(u16),
    /// Opens every tunnel, but thinks so long before it.
    Slow(Duration),
    /// Sends this and hangs up.
    Say(&'static str),
    /// Takes the connection and says nothing.
    Silent,
}

/// A proxy that runs until it is dropped.
pub(crate) struct ConnectProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl ConnectProxy {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (manner, heard) = (manner.clone(), Arc::clone(&heard));
                tokio::spawn(async move { serve(stream, manner, &heard).await });
            }
        });
        Self { address, asked, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, heard: &Mutex<Vec<String>>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    heard.lock().unwrap().push(head.clone());
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap();
    let is_allowed = match &manner {
        Manner::Open(Some(wanted)) => head.contains(&format!("Proxy-Authorization: {wanted}\r\n")),
        Manner::OnlyTo(port) => target.ends_with(&format!(":{port}")),
        _ => true,
    };
    let answer = match manner {
        Manner::Open(_) if !is_allowed => "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n",
        Manner::OnlyTo(_) if !is_allowed => "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        Manner::Open(_) | Manner::OnlyTo(_) | Manner::Slow(_) => {
            if let Manner::Slow(pause) = manner {
                tokio::time::sleep(pause).await;
            }
            let mut server = TcpStream::connect(target).await.ok()?;
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
            copy_bidirectional(&mut stream, &mut server).await.ok()?;
            return Some(());
        }
        Manner::Say(answer) => answer,
        Manner::Silent => {
            stream.read_u8().await.ok()?;
            return None;
        }
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()?;
    // What the device still sends must not reset the connection.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok()?;
    Some(())
}
