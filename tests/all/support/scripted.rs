//! A server that does what a script says: real TCP, real TLS, real MQTT packets, and as rude as a
//! test wants it to be.
//!
//! Every connection has its own [`Script`]; the last one serves all further connections. What the
//! device sent is kept, connection by connection. A script waits for the device by expecting its
//! packets, never by sleeping; it sleeps only where a slow server is what the test is about.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use provision_sim::net::{WebSocketEnd, WebSocketStream, crypto, websocket_accept};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{
    ConnAck, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// More than any device sends.
const MAX_PACKET: usize = 1 << 20;

/// What the server does on one connection, in order. At the end it reads on without a word until
/// the device leaves; so the empty script is a server that is silent after TLS.
#[derive(Clone, Default)]
pub(crate) struct Script {
    tls: Handshake,
    /// How long the server thinks before TLS, and before it opens the WebSocket.
    before_tls: Duration,
    before_upgrade: Duration,
    acts: Vec<Act>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Handshake {
    #[default]
    Tls,
    /// Leaves it to the script to read and write plain bytes.
    Plain,
    /// TLS, and a WebSocket in it that carries the packets.
    WebSocket,
}

#[derive(Clone)]
enum Act {
    /// Waits for CONNECT.
    Connect,
    /// Waits for SUBSCRIBE.
    Subscribe,
    /// Waits for a PUBLISH; later replies answer it.
    Request,
    Send(Packet),
    Suback(SubscribeReasonCode),
    /// Grants QoS 1 to every filter of the last SUBSCRIBE.
    GrantAll,
    Puback,
    Answer(Answer),
    Bytes(Vec<u8>),
    Pause(Duration),
    /// Repeats the acts from here on for good.
    Forever(Vec<Act>),
    Close,
}

/// An answer to the last request.
#[derive(Clone)]
struct Answer {
    status: u16,
    retry_after: Option<String>,
    /// `None`: the request's own.
    rid: Option<String>,
    body: String,
}

impl Script {
    /// Takes the connection and does the TLS handshake.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the connection and does no TLS.
    pub(crate) fn plain() -> Self {
        Self { tls: Handshake::Plain, ..Self::default() }
    }

    /// Takes the connection, and opens a WebSocket after the TLS handshake.
    pub(crate) fn web_socket() -> Self {
        Self { tls: Handshake::WebSocket, ..Self::default() }
    }

    /// The same acts over a WebSocket.
    pub(crate) fn over_web_socket(self) -> Self {
        Self { tls: Handshake::WebSocket, ..self }
    }

    /// Thinks so long before the TLS handshake.
    pub(crate) fn slow_tls(self, before_tls: Duration) -> Self {
        Self { before_tls, ..self }
    }

    /// Thinks so long before it opens the WebSocket.
    pub(crate) fn slow_upgrade(self, before_upgrade: Duration) -> Self {
        Self { before_upgrade, ..self }
    }

    /// Thinks so long before it goes on.
    pub(crate) fn pause(self, pause: Duration) -> Self {
        self.act(Act::Pause(pause))
    }

    /// As far as SUBACK, with nothing to complain about.
    pub(crate) fn subscribed() -> Self {
        Self::new().connack(ConnectReturnCode::Success).suback()
    }

    fn act(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    /// Waits for CONNECT.
    pub(crate) fn connect(self) -> Self {
        self.act(Act::Connect)
    }

    /// Waits for CONNECT and answers it.
    pub(crate) fn connack(self, code: ConnectReturnCode) -> Self {
        self.connect().packet(Packet::ConnAck(ConnAck::new(code, false)))
    }

    /// Waits for SUBSCRIBE.
    pub(crate) fn subscribe(self) -> Self {
        self.act(Act::Subscribe)
    }

    /// Waits for SUBSCRIBE and grants QoS 1.
    pub(crate) fn suback(self) -> Self {
        self.subscribe().grant()
    }

    /// Grants QoS 1 to the last SUBSCRIBE.
    pub(crate) fn grant(self) -> Self {
        self.act(Act::Suback(SubscribeReasonCode::Success(QoS::AtLeastOnce)))
    }

    /// Grants QoS 1 to every filter of the last SUBSCRIBE.
    pub(crate) fn grant_all(self) -> Self {
        self.act(Act::GrantAll)
    }

    /// Waits for SUBSCRIBE and refuses it.
    pub(crate) fn suback_refused(self) -> Self {
        self.subscribe().act(Act::Suback(SubscribeReasonCode::Failure))
    }

    /// Waits for a request and does not even acknowledge it.
    pub(crate) fn request(self) -> Self {
        self.act(Act::Request)
    }

    /// Waits for a request and acknowledges it.
    pub(crate) fn puback(self) -> Self {
        self.request().act(Act::Puback)
    }

    /// Waits for a request, acknowledges it and answers it at QoS 1, in this order.
    pub(crate) fn answer(self, status: u16, retry_after: Option<&str>, body: &str) -> Self {
        self.request().acknowledge_and_answer(status, retry_after, body)
    }

    /// Acknowledges and answers the last request.
    pub(crate) fn acknowledge_and_answer(
        self,
        status: u16,
        retry_after: Option<&str>,
        body: &str,
    ) -> Self {
        self.act(Act::Puback).act(Act::Answer(Answer {
            status,
            retry_after: retry_after.map(str::to_owned),
            rid: None,
            body: body.to_owned(),
        }))
    }

    /// Like [`answer`](Self::answer), but to a request that was never sent.
    pub(crate) fn answer_to(self, rid: &str, status: u16, body: &str) -> Self {
        let (rid, body) = (Some(rid.to_owned()), body.to_owned());
        self.puback().act(Act::Answer(Answer { status, retry_after: None, rid, body }))
    }

    /// Sends a packet without waiting for anything.
    pub(crate) fn packet(self, packet: Packet) -> Self {
        self.act(Act::Send(packet))
    }

    /// Sends these bytes without waiting for anything.
    pub(crate) fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.act(Act::Bytes(bytes.into()))
    }

    /// Does what `rest` does again and again.
    pub(crate) fn forever(self, rest: Script) -> Self {
        self.act(Act::Forever(rest.acts))
    }

    /// Hangs up.
    pub(crate) fn close(self) -> Self {
        self.act(Act::Close)
    }
}

/// The server's certificate and the authority that signed it.
pub(crate) struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    ca_pem: String,
}

/// How to make a [`Certificate`].
pub(crate) struct Issue {
    /// The authority's own name.
    pub(crate) ca_name: &'static str,
    /// The names that the certificate is for.
    pub(crate) names: Vec<&'static str>,
    /// The first year in which it is not valid any more.
    pub(crate) not_after: i32,
}

impl Default for Issue {
    fn default() -> Self {
        Self { ca_name: "scripted test CA", names: vec!["localhost", "127.0.0.1"], not_after: 4096 }
    }
}

impl Certificate {
    /// The authority, as a device trusts it.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Issue {
    /// A certificate and a new authority of its own.
    pub(crate) fn make(self) -> Certificate {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, self.ca_name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();

        let names: Vec<_> = self.names.into_iter().map(str::to_owned).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        leaf.not_after = date_time_ymd(self.not_after, 1, 1);
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &ca).unwrap();

        let config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        Certificate { config: Arc::new(config), ca_pem: ca.pem() }
    }
}

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
        let task =
            tokio::spawn(serve(listener, certificate.config.into(), scripts, heard.clone(), open));
        Self { address, ca_pem: certificate.ca_pem, heard, task, all_closed }
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

/// Where one connection's packets are kept.
struct Record {
    heard: Heard,
    index: usize,
    _open: Open,
}

struct Connection<S> {
    stream: S,
    inbox: BytesMut,
    record: Record,
    /// The last SUBSCRIBE's or PUBLISH's packet ID, and the latter's topic.
    packet_id: u16,
    /// How many filters the last SUBSCRIBE has.
    filters: usize,
    topic: String,
    next_packet_id: u16,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S, record: Record) -> Self {
        let inbox = BytesMut::new();
        let topic = String::new();
        Self { stream, inbox, record, packet_id: 0, filters: 0, topic, next_packet_id: 100 }
    }

    async fn play(mut self, acts: &[Act]) -> io::Result<()> {
        self.play_all(acts).await?;
        loop {
            self.hear().await?;
        }
    }

    async fn play_all(&mut self, acts: &[Act]) -> io::Result<()> {
        for act in acts {
            match act {
                Act::Forever(acts) => loop {
                    Box::pin(self.play_all(acts)).await?;
                },
                act => self.play_one(act).await?,
            }
        }
        Ok(())
    }

    async fn play_one(&mut self, act: &Act) -> io::Result<()> {
        match act {
            Act::Connect => self.hear_until(|packet| matches!(packet, Packet::Connect(_))).await,
            Act::Subscribe => {
                self.hear_until(|packet| matches!(packet, Packet::Subscribe(_))).await
            }
            Act::Request => self.hear_until(|packet| matches!(packet, Packet::Publish(_))).await,
            Act::Send(packet) => self.say(packet).await,
            Act::Suback(code) => {
                self.say(&Packet::SubAck(SubAck::new(self.packet_id, vec![*code]))).await
            }
            Act::GrantAll => {
                let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
                let granted = vec![granted; self.filters];
                self.say(&Packet::SubAck(SubAck::new(self.packet_id, granted))).await
            }
            Act::Puback => self.say(&Packet::PubAck(PubAck::new(self.packet_id))).await,
            Act::Answer(answer) => {
                let mut publish =
                    Publish::new(self.topic_of(answer), QoS::AtLeastOnce, answer.body.as_bytes());
                publish.pkid = self.next_packet_id;
                self.next_packet_id += 1;
                self.say(&Packet::Publish(publish)).await
            }
            Act::Bytes(bytes) => self.write(bytes).await,
            Act::Pause(pause) => {
                tokio::time::sleep(*pause).await;
                Ok(())
            }
            // Both directions are closed only when the device has left, so that nothing of what
            // was said is lost in a TCP reset.
            Act::Close => self.stream.shutdown().await,
            Act::Forever(_) => unreachable!("played by play_all"),
        }
    }

    fn topic_of(&self, answer: &Answer) -> String {
        let own = self.topic.split("$rid=").nth(1).unwrap_or_default();
        let own = own.split('&').next().unwrap_or_default();
        let rid = answer.rid.as_deref().unwrap_or(own);
        let wait = answer.retry_after.as_ref().map(|wait| format!("&retry-after={wait}"));
        format!("$dps/registrations/res/{}/?$rid={rid}{}", answer.status, wait.unwrap_or_default())
    }

    async fn say(&mut self, packet: &Packet) -> io::Result<()> {
        let mut outbox = BytesMut::new();
        packet.write(&mut outbox, MAX_PACKET).unwrap();
        self.write(&outbox).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Reads and keeps packets up to one that is wanted.
    async fn hear_until(&mut self, is_wanted: impl Fn(&Packet) -> bool) -> io::Result<()> {
        while !is_wanted(&self.hear().await?) {}
        Ok(())
    }

    async fn hear(&mut self) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.inbox, MAX_PACKET) {
                Ok(packet) => {
                    match &packet {
                        Packet::Subscribe(subscribe) => {
                            self.packet_id = subscribe.pkid;
                            self.filters = subscribe.filters.len();
                        }
                        Packet::Publish(publish) => {
                            self.packet_id = publish.pkid;
                            self.topic.clone_from(&publish.topic);
                        }
                        _ => {}
                    }
                    let mut heard = self.record.heard.lock().unwrap();
                    heard[self.record.index].push(packet.clone());
                    return Ok(packet);
                }
                Err(CodecError::InsufficientBytes(_)) => {
                    if self.stream.read_buf(&mut self.inbox).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                // A TLS ClientHello, say, on a connection that is to stay plain.
                Err(_) => self.inbox.clear(),
            }
        }
    }
}
