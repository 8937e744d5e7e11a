//! The gateway's connections.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::reply::{Dialect, Outcome};
use super::request::{Conversation, MAX_HEAD, Step};
use super::routes::{Listening, Routes, Way};
use super::target::{Host, Target};
use crate::net::plain;
use crate::service::endpoint::listener::accept_all;
use crate::service::endpoint::names::Names;
use crate::service::endpoint::patience::Patient;
use crate::service::endpoint::repeats::Repeats;
use crate::service::lock::lock;

/// How long a client may take to say what it wants, and the way there to open (J-194).
const OPENING: Duration = Duration::from_secs(30);
/// How long it is listened to a client that was refused, so that it can read why.
const LINGER: Duration = Duration::from_secs(2);

/// What the gateway needs to know.
#[derive(Debug)]
pub(in crate::service) struct Gateway {
    routes: Routes,
    refusals: Mutex<Repeats>,
}

impl Gateway {
    /// One that leads `names` to what is `listening`, and, if it `is_open`, all others to where they are.
    pub(in crate::service) fn new(listening: Listening, names: Names, is_open: bool) -> Self {
        Self { routes: Routes::new(listening, names, is_open), refusals: Mutex::default() }
    }

    /// Tells of a refusal; of many at once only of some.
    fn tell(&self, peer: SocketAddr, why: &dyn std::fmt::Display) {
        let mut refusals = lock(&self.refusals);
        if refusals.may_log(Instant::now()) {
            let more = match refusals.take_counted() {
                Some(counted) => format!(" (and {counted} more since the last of these lines)"),
                None => String::new(),
            };
            tracing::warn!("gateway: {peer}: {why}{more}");
        }
    }
}

/// Accepts connections until `stop` says so, then drops them all.
pub(in crate::service) async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    stop: watch::Receiver<bool>,
) {
    let gateway = Arc::new(gateway);
    accept_all(listener, stop, |tcp, peer| {
        let gateway = gateway.clone();
        async move {
            if let Err(error) = run(tcp, peer, &gateway).await {
                tracing::debug!("gateway: {peer}: {}", plain(&error));
            }
        }
    })
    .await;
}

async fn run(tcp: TcpStream, peer: SocketAddr, gateway: &Gateway) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut client = Patient::new(tcp);
    let until = Instant::now() + OPENING;
    // Boxed: what it needs is given back before the tunnel is.
    let opened = Box::pin(timeout_at(until, open(&mut client, peer, gateway))).await;
    let Ok(opened) = opened else {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "it has not said in time what it wants",
        ));
    };
    if let Some(mut server) = opened? {
        // The end of one direction is passed on, and the other goes on.
        copy_bidirectional(&mut client, &mut server).await?;
    }
    Ok(())
}

/// The other end of the tunnel that the client asks for; none if it was refused one.
async fn open(
    client: &mut Patient<TcpStream>,
    peer: SocketAddr,
    gateway: &Gateway,
) -> io::Result<Option<Patient<TcpStream>>> {
    let mut heard = BytesMut::with_capacity(512);
    let mut conversation = Conversation::default();
    let (dialect, target) = loop {
        match conversation.next(&mut heard) {
            Step::Read => {
                let room = MAX_HEAD.saturating_sub(heard.len()).max(1) as u64;
                if client.take(room).read_buf(&mut heard).await? == 0 {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "closed before it said what it wants",
                    ));
                }
            }
            Step::Say(answer) => client.write_all(&answer).await?,
            Step::Open(dialect, target) => break (dialect, target),
            Step::Refuse(answer, fault) => {
                gateway.tell(peer, &fault);
                refuse(client, &answer).await?;
                return Ok(None);
            }
        }
    };
    let mut server = match lead(gateway, peer, dialect, &target).await {
        Ok(server) => server,
        Err((outcome, sentence)) => {
            gateway.tell(peer, &sentence);
            refuse(client, &dialect.denied(outcome, &sentence)).await?;
            return Ok(None);
        }
    };
    client.write_all(&dialect.granted()).await?;
    // What the client has said already, without waiting.
    server.write_all(&heard).await?;
    Ok(Some(server))
}

/// Dials what the target leads to.
async fn lead(
    gateway: &Gateway,
    peer: SocketAddr,
    dialect: Dialect,
    target: &Target,
) -> Result<Patient<TcpStream>, (Outcome, String)> {
    let (dialed, to) = match gateway.routes.way(target) {
        Way::Nowhere(denial) => return Err((denial.outcome(), denial.to_string())),
        Way::Here(kind, address) => (TcpStream::connect(address).await, kind.to_string()),
        Way::Elsewhere => (elsewhere(target).await, "elsewhere".to_owned()),
    };
    let connected = dialed.and_then(|tcp| {
        tcp.set_nodelay(true)?;
        Ok((tcp.local_addr()?, tcp))
    });
    let (from, tcp) = connected.map_err(|error| {
        let outcome = match error.kind() {
            io::ErrorKind::ConnectionRefused => Outcome::Refused,
            _ => Outcome::Unreachable,
        };
        (outcome, format!("{target}: {}", plain(&error)))
    })?;
    // Further on the client is known by the address from which the gateway dials.
    tracing::debug!("gateway: {peer} ({dialect}) {target} -> {to}, from {from}");
    Ok(Patient::new(tcp))
}

async fn elsewhere(target: &Target) -> io::Result<TcpStream> {
    match &target.host {
        Host::Name(name) => TcpStream::connect((name.as_str(), target.port)).await,
        Host::Address(address) => TcpStream::connect((*address, target.port)).await,
    }
}

/// Says why, and listens a little: a connection that is closed with something unread is reset, and
/// the client would not hear it.
async fn refuse(client: &mut Patient<TcpStream>, answer: &[u8]) -> io::Result<()> {
    client.write_all(answer).await?;
    client.shutdown().await?;
    let mut unread = [0; 1024];
    let drained = async { while client.read(&mut unread).await.is_ok_and(|length| length > 0) {} };
    let _ = timeout(LINGER, drained).await;
    Ok(())
}
