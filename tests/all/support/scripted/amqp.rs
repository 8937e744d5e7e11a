//! An AMQP server that does what a script says, and keeps what it was asked.
//!
//! Every connection has its own [`Script`]; the last one serves all further connections. Frames,
//! sessions and links are the engine's; what becomes of links and messages is the script's.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use provision_sim::amqp::engine::{Connection, Event, Limits, LinkId};
use provision_sim::amqp::{
    Body, Failure, Frame, Kind, MIN_MAX_FRAME, Message, Open, Outcome, Properties, Protocol, Role,
    Sasl, SaslCode, Symbol, Value, next_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::certificate::Issue;

type Stream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

/// What the server does about one message.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Accepts it and answers.
    Answer { retry_after: Option<i32>, body: &'static str },
    /// Refuses it.
    Rejected { condition: &'static str, retry_after: Option<i32>, description: &'static str },
    /// Lets it go without a word.
    Released,
    /// Hangs up.
    Close,
    /// Says nothing and keeps the connection.
    Silence,
}

/// How a connection is served.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// In place of the header.
    pub(crate) greeting: Option<&'static [u8]>,
    /// In place of PLAIN.
    pub(crate) mechanism: Option<&'static str>,
    /// In place of 0.
    pub(crate) outcome: Option<SaslCode>,
    /// Says nothing in place of `open`.
    pub(crate) is_silent_at_open: bool,
    /// Hangs up in place of `open`.
    pub(crate) closes_at_open: bool,
    /// With what the first link is refused: condition, description.
    pub(crate) refuses: Option<(&'static str, &'static str)>,
    /// Never answers a link.
    pub(crate) is_silent_at_attach: bool,
    /// What becomes of messages; behind the last, the connection is closed.
    pub(crate) replies: Vec<Reply>,
}

impl Script {
    pub(crate) fn of(replies: Vec<Reply>) -> Self {
        Self { replies, ..Self::default() }
    }
}

/// A server that runs until it is dropped.
pub(crate) struct AmqpServer {
    address: SocketAddr,
    ca_pem: String,
    asked: Arc<Mutex<Vec<(usize, Message)>>>,
    task: JoinHandle<()>,
}

impl AmqpServer {
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let certificate = Issue::default().make();
        let ca_pem = certificate.ca_pem().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let scripts = scripts.into_iter().collect();
        let tls = certificate.config.into();
        let task = tokio::spawn(accept(listener, tls, scripts, Arc::clone(&asked)));
        Self { address, ca_pem, asked, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What it was asked so far: the number of the connection, the operation, and its ID.
    pub(crate) fn asked(&self) -> Vec<(usize, String, Option<String>)> {
        let text = |message: &Message, name: &str| {
            message.application(name).and_then(Value::as_text).map(str::to_owned)
        };
        let asked = self.asked.lock().unwrap();
        let told = asked.iter().map(|(connection, message)| {
            let operation = text(message, "iotdps-operation-type").unwrap_or_default();
            (*connection, operation, text(message, "iotdps-operation-id"))
        });
        told.collect()
    }
}

impl Drop for AmqpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    scripts: Vec<Script>,
    asked: Arc<Mutex<Vec<(usize, Message)>>>,
) {
    for connection in 0.. {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let (tls, asked) = (tls.clone(), Arc::clone(&asked));
        let script = scripts[connection.min(scripts.len() - 1)].clone();
        tokio::spawn(async move {
            let Ok(mut stream) = tls.accept(tcp).await else { return };
            let mut told = |message| asked.lock().unwrap().push((connection, message));
            if serve(&mut stream, script, &mut told).await == Some(End::Silent) {
                // Until the device has left.
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                return;
            }
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Silent,
    Closed,
}

async fn serve(
    stream: &mut Stream,
    script: Script,
    told: &mut (dyn FnMut(Message) + Send),
) -> Option<End> {
    let mut header = [0; Protocol::LENGTH];
    stream.read_exact(&mut header).await.ok()?;
    if let Some(greeting) = script.greeting {
        say(stream, greeting).await?;
        return Some(End::Closed);
    }
    let mut inbox = Vec::new();
    say(stream, &header).await?;
    if Protocol::of(header) == Some(Protocol::Sasl) {
        let mut out = Vec::new();
        let mechanism = Symbol::known(script.mechanism.unwrap_or("PLAIN"));
        Frame::Sasl(Sasl::Mechanisms(vec![mechanism])).write(&mut out);
        say(stream, &out).await?;
        loop {
            if let Some((_, size)) = next_frame(&inbox, Kind::Sasl, MIN_MAX_FRAME).unwrap() {
                inbox.drain(..size);
                break;
            }
            read(stream, &mut inbox).await?;
        }
        let mut out = Vec::new();
        let outcome = script.outcome.unwrap_or(SaslCode::Ok);
        Frame::Sasl(Sasl::Outcome(outcome)).write(&mut out);
        say(stream, &out).await?;
        if outcome != SaslCode::Ok {
            return Some(End::Closed);
        }
        while inbox.len() < Protocol::LENGTH {
            read(stream, &mut inbox).await?;
        }
        let header: Vec<u8> = inbox.drain(..Protocol::LENGTH).collect();
        say(stream, &header).await?;
    }
    if script.is_silent_at_open || script.closes_at_open {
        return Some(if script.closes_at_open { End::Closed } else { End::Silent });
    }
    links(stream, inbox, script, told).await
}

async fn links(
    stream: &mut Stream,
    mut inbox: Vec<u8>,
    script: Script,
    told: &mut (dyn FnMut(Message) + Send),
) -> Option<End> {
    let own = Open { container_id: "scripted".to_owned(), ..Open::default() };
    let mut engine = Connection::new(own, Limits::default());
    let mut replies = script.replies.into_iter();
    let mut answers = None;
    loop {
        engine.read(&mut inbox).expect("frames of the standard");
        while let Some(event) = engine.next_event() {
            match event {
                Event::Asked(..) if script.is_silent_at_attach => {}
                Event::Asked(link, attach) => match script.refuses {
                    Some((condition, text)) => engine.refuse(link, Failure::new(condition, text)),
                    None => {
                        engine.accept(link, Vec::new());
                        match attach.role {
                            Role::Receiver => answers = Some(link),
                            Role::Sender => engine.grant(link, 100),
                        }
                    }
                },
                Event::Message(link, delivery, message) => {
                    told(message.clone());
                    let outcome = match replies.next() {
                        Some(Reply::Silence) => return Some(End::Silent),
                        Some(Reply::Close) | None => return Some(End::Closed),
                        Some(Reply::Answer { retry_after, body }) => {
                            engine.settle(link, delivery, Outcome::Accepted);
                            answer(&mut engine, answers?, &message, retry_after, body);
                            continue;
                        }
                        Some(Reply::Released) => Outcome::Released,
                        Some(Reply::Rejected { condition, retry_after, description }) => {
                            let mut failure = Failure::new(condition, description);
                            failure.info = wait(retry_after);
                            Outcome::Rejected(Some(failure))
                        }
                    };
                    engine.settle(link, delivery, outcome);
                }
                Event::Closed(_) => {
                    say(stream, &engine.output()).await?;
                    return Some(End::Closed);
                }
                _ => {}
            }
        }
        say(stream, &engine.output()).await?;
        read(stream, &mut inbox).await?;
    }
}

fn answer(
    engine: &mut Connection,
    link: LinkId,
    request: &Message,
    retry_after: Option<i32>,
    body: &str,
) {
    let correlation_id = request.properties.correlation_id.clone();
    let message = Message {
        properties: Properties { correlation_id, ..Properties::default() },
        application: wait(retry_after),
        body: Body::Data(body.as_bytes().to_vec()),
        ..Message::default()
    };
    engine.send(link, message, false).unwrap();
}

fn wait(retry_after: Option<i32>) -> Vec<(Value, Value)> {
    retry_after.map(|wait| (Value::text("Retry-After"), Value::Int(wait))).into_iter().collect()
}

async fn say(stream: &mut Stream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}

async fn read(stream: &mut Stream, inbox: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(inbox).await {
        Ok(1..) => Some(()),
        _ => None,
    }
}
