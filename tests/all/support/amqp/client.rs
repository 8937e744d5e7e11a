//! A client of raw AMQP: frames out, frames in, and nothing said that a test does not say.

use std::collections::BTreeMap;
use std::sync::Arc;

use provision_sim::amqp::{
    Attach, Begin, Close, Detach, Disposition, End, Failure, Flow, Frame, Kind, Message, Open,
    Outcome, Performative, Protocol, Role, Sasl, SaslCode, Symbol, Terminus, Transfer, next_frame,
};
use provision_sim::net::{WebSocketEnd, WebSocketStream};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::service::setup::TestService;
use crate::support::within;

/// What a client takes in one frame.
const FRAME: usize = 64 * 1024;
/// Whatever a WebSocket message may have.
const WEBSOCKET_MESSAGE: usize = 1 << 20;

/// What carries a connection.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// One connection, of which nothing is said yet.
pub(crate) struct Client {
    stream: Box<dyn Wire>,
    inbox: Vec<u8>,
    kind: Kind,
    /// What the peer lets this side send, by the peer's handles.
    credit: BTreeMap<u32, u32>,
    deliveries: u32,
}

impl Client {
    /// To its AMQP port, over TLS.
    pub(crate) async fn dial(service: &TestService) -> Self {
        Self::dial_with(service, service.tls.clone()).await
    }

    /// The same as whoever has this to show.
    pub(crate) async fn dial_with(service: &TestService, tls: Arc<ClientConfig>) -> Self {
        let tcp = TcpStream::connect(service.amqp_address()).await.expect("a connection");
        tcp.set_nodelay(true).expect("no delay");
        let name = ServerName::try_from("localhost").expect("a name");
        let handshake = TlsConnector::from(tls).connect(name, tcp);
        Self::over(within("the TLS handshake", handshake).await.expect("a handshake"))
    }

    /// To its HTTPS port, over a WebSocket: the target of the upgrade, and lines of its request besides
    /// those that every client has.
    pub(crate) async fn upgrade(
        service: &TestService,
        tls: Arc<ClientConfig>,
        (target, lines): (&str, &str),
    ) -> Self {
        let mut stream = service.https_with(tls).await;
        let request = format!(
            "GET {target} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: AMQPWSB10\r\n{lines}\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the service reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = within("the answer to the upgrade", stream.read_u8()).await;
            head.push(byte.expect("an answer to the upgrade"));
        }
        let head = String::from_utf8(head).expect("HTTP is text").to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("\r\nsec-websocket-protocol: amqpwsb10\r\n"), "{head}");
        let socket =
            WebSocketStream::new(stream, Vec::new(), WebSocketEnd::Client, WEBSOCKET_MESSAGE);
        Self::over(socket.await)
    }

    /// Over whatever is open already.
    pub(crate) fn over(stream: impl Wire + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            inbox: Vec::new(),
            kind: Kind::Amqp,
            credit: BTreeMap::new(),
            deliveries: 0,
        }
    }

    // What is said.

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        within("sending", sent).await.expect("the service reads");
    }

    /// Frames in one piece.
    pub(crate) async fn send(&mut self, frames: impl IntoIterator<Item = Frame>) {
        let mut bytes = Vec::new();
        frames.into_iter().for_each(|frame| frame.write(&mut bytes));
        self.send_raw(&bytes).await;
    }

    /// On channel 0.
    pub(crate) async fn say(&mut self, performative: Performative) {
        self.send([Frame::Amqp(0, performative)]).await;
    }

    /// Sends a message whole on a link; says its number.
    pub(crate) async fn transfer(&mut self, handle: u32, message: Message) -> u32 {
        self.transfer_as(handle, 0, message.write()).await
    }

    /// The same with a message of another format.
    pub(crate) async fn transfer_as(&mut self, handle: u32, format: u32, payload: Vec<u8>) -> u32 {
        let delivery = self.deliveries;
        self.deliveries += 1;
        self.say(Performative::Transfer(Transfer {
            handle,
            delivery_id: Some(delivery),
            delivery_tag: Some(delivery.to_string().into_bytes()),
            message_format: Some(format),
            payload,
            ..Transfer::default()
        }))
        .await;
        delivery
    }

    /// Lets the service send so many messages on a link.
    pub(crate) async fn grant(&mut self, handle: u32, credit: u32) {
        self.say(Performative::Flow(credit_of(handle, credit))).await;
    }

    // What is heard.

    /// The next frame; `None` if the service hung up.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            match next_frame(&self.inbox, self.kind, FRAME) {
                Ok(Some((frame, size))) => {
                    self.inbox.drain(..size);
                    return Some(frame);
                }
                Ok(None) => {}
                Err(violation) => panic!("the service breaks {}: {violation}", violation.rule()),
            }
            if !self.read_more().await {
                assert!(self.inbox.is_empty(), "the service hung up amid a frame");
                return None;
            }
        }
    }

    /// What the next frame on channel 0 says, besides signs of life. Credit is kept in mind, not told.
    pub(crate) async fn heard(&mut self) -> Performative {
        loop {
            match self.next().await.expect("the service closed the connection") {
                Frame::Empty => {}
                Frame::Amqp(0, Performative::Flow(flow)) => {
                    if let (Some(handle), Some(credit)) = (flow.handle, flow.link_credit) {
                        self.credit.insert(handle, credit);
                    }
                }
                Frame::Amqp(0, performative) => return performative,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next that is said on any channel, besides signs of life and credit.
    pub(crate) async fn heard_on_any(&mut self) -> (u16, Performative) {
        loop {
            match self.next().await.expect("the service closed the connection") {
                Frame::Empty | Frame::Amqp(_, Performative::Flow(_)) => {}
                Frame::Amqp(channel, performative) => return (channel, performative),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Whether the service hangs up without another word.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.next().await.is_none()
    }

    /// What the service lets this side send on the link that has this handle with the service: waits
    /// for it.
    pub(crate) async fn credit(&mut self, handle: u32) -> u32 {
        loop {
            if let Some(credit) = self.credit.get(&handle) {
                return *credit;
            }
            match self.next().await.expect("the service closed the connection") {
                Frame::Empty => {}
                Frame::Amqp(0, Performative::Flow(flow)) => {
                    if let (Some(handle), Some(credit)) = (flow.handle, flow.link_credit) {
                        self.credit.insert(handle, credit);
                    }
                }
                other => panic!("no credit, but {other:?}"),
            }
        }
    }

    /// The service's answer to a header.
    pub(crate) async fn read_header(&mut self) -> [u8; Protocol::LENGTH] {
        while self.inbox.len() < Protocol::LENGTH {
            assert!(self.read_more().await, "no header: the service hung up");
        }
        let header = self.inbox.drain(..Protocol::LENGTH).collect::<Vec<_>>();
        header.try_into().expect("eight bytes")
    }

    pub(crate) async fn sasl(&mut self) -> Sasl {
        match self.next().await {
            Some(Frame::Sasl(sasl)) => sasl,
            other => panic!("{other:?}"),
        }
    }

    /// Reads on; whether something came.
    async fn read_more(&mut self) -> bool {
        let read = within("a frame", self.stream.read_buf(&mut self.inbox)).await;
        matches!(read, Ok(count) if count > 0)
    }

    // The steps of a connection, each of which must succeed.

    /// Exchanges headers; what comes then is of this kind.
    pub(crate) async fn begin_protocol(&mut self, protocol: Protocol) {
        self.send_raw(&protocol.bytes()).await;
        self.hear_header(protocol).await;
    }

    /// The service's header, which must be this one.
    pub(crate) async fn hear_header(&mut self, protocol: Protocol) {
        assert_eq!(self.read_header().await, protocol.bytes());
        self.kind = match protocol {
            Protocol::Amqp => Kind::Amqp,
            Protocol::Sasl => Kind::Sasl,
        };
    }

    /// SASL from its header to its outcome; the server asks nothing back.
    pub(crate) async fn sign_in(
        &mut self,
        mechanism: &'static str,
        response: Option<&[u8]>,
    ) -> SaslCode {
        self.begin_protocol(Protocol::Sasl).await;
        let Sasl::Mechanisms(offered) = self.sasl().await else { panic!("no mechanisms") };
        assert!(offered.contains(&Symbol::known(mechanism)), "{offered:?}");
        let init = Sasl::Init {
            mechanism: Symbol::known(mechanism),
            response: response.map(<[u8]>::to_vec),
            hostname: Some("localhost".to_owned()),
        };
        self.send([Frame::Sasl(init)]).await;
        match self.sasl().await {
            Sasl::Outcome(code) => code,
            other => panic!("{other:?}"),
        }
    }

    /// The same with PLAIN, whose outcome is 0.
    pub(crate) async fn sign_in_plainly(&mut self, user: &str, password: &str) {
        let response = format!("\0{user}\0{password}");
        let code = self.sign_in("PLAIN", Some(response.as_bytes())).await;
        assert_eq!(code, SaslCode::Ok, "{user}");
    }

    /// From AMQP's header to a session on channel 0; what the service says of itself.
    pub(crate) async fn open(&mut self, container_id: &str) -> Open {
        self.begin_protocol(Protocol::Amqp).await;
        self.say(Performative::Open(open(container_id))).await;
        let Performative::Open(open) = self.heard().await else { panic!("no open") };
        self.say(Performative::Begin(begin())).await;
        let Performative::Begin(begun) = self.heard().await else { panic!("no begin") };
        assert_eq!(begun.remote_channel, Some(0), "2.7.2: the answer names the channel");
        open
    }

    /// Asks for a link; the answer, or why it was refused. A sender waits for its credit.
    pub(crate) async fn attach(&mut self, attach: Attach) -> Result<Attach, Failure> {
        self.say(Performative::Attach(attach.clone())).await;
        self.attached(&attach).await
    }

    /// The answer to a link that was asked for, which must be the next thing that is said.
    pub(crate) async fn attached(&mut self, asked: &Attach) -> Result<Attach, Failure> {
        let Attach { handle, role, name, .. } = asked;
        let Performative::Attach(answer) = self.heard().await else { panic!("no attach") };
        assert_eq!((&answer.name, answer.role), (name, role.other()), "2.6.3");
        // The service's end of a link that it refuses is left out (2.6.3).
        let end = if *role == Role::Receiver { &answer.source } else { &answer.target };
        if end.is_none() {
            let Performative::Detach(detach) = self.heard().await else { panic!("no detach") };
            assert_eq!((detach.handle, detach.closed), (answer.handle, true));
            self.say(Performative::Detach(Detach { handle: *handle, closed: true, error: None }))
                .await;
            return Err(detach.error.expect("why"));
        }
        if *role == Role::Sender {
            assert!(self.credit(answer.handle).await > 0);
        }
        Ok(answer)
    }

    /// What became of a message of this side's, which must be the next thing that is said.
    pub(crate) async fn outcome(&mut self, delivery: u32) -> Outcome {
        let Performative::Disposition(disposition) = self.heard().await else {
            panic!("no disposition")
        };
        assert_eq!((disposition.role, disposition.first), (Role::Receiver, delivery));
        assert!(disposition.settled, "whoever is the receiver settles first");
        disposition.state.expect("an outcome")
    }

    /// The next message, which must be the next thing that is said; settled.
    pub(crate) async fn message(&mut self) -> (u32, Message) {
        let (delivery, handle, message) = self.message_unsettled().await;
        self.say(Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: delivery,
            last: None,
            settled: true,
            state: Some(Outcome::Accepted),
        }))
        .await;
        (handle, message)
    }

    /// The same, but not settled: its number, the service's handle of its link, and itself.
    pub(crate) async fn message_unsettled(&mut self) -> (u32, u32, Message) {
        let mut bytes = Vec::new();
        let mut delivery = None;
        loop {
            let Performative::Transfer(transfer) = self.heard().await else {
                panic!("no transfer")
            };
            delivery = delivery.or(transfer.delivery_id);
            bytes.extend_from_slice(&transfer.payload);
            if !transfer.more {
                let message = Message::read(&bytes).expect("a message");
                return (delivery.expect("a number (2.7.5)"), transfer.handle, message);
            }
        }
    }

    /// Ends a link; the service answers.
    pub(crate) async fn detach(&mut self, handle: u32) {
        self.say(Performative::Detach(Detach { handle, closed: true, error: None })).await;
        let Performative::Detach(answer) = self.heard().await else { panic!("no detach") };
        assert_eq!((answer.closed, answer.error), (true, None));
    }

    /// Ends session and connection; the service answers both and hangs up.
    pub(crate) async fn close(&mut self) {
        self.say(Performative::End(End::default())).await;
        assert_eq!(self.heard().await, Performative::End(End::default()));
        self.say(Performative::Close(Close::default())).await;
        assert_eq!(self.heard().await, Performative::Close(Close::default()));
        assert!(self.is_closed().await);
    }
}

/// OPEN as Node has it: nothing but names.
pub(crate) fn open(container_id: &str) -> Open {
    Open {
        container_id: container_id.to_owned(),
        hostname: Some("localhost".to_owned()),
        ..Open::default()
    }
}

/// BEGIN with Node's windows.
pub(crate) fn begin() -> Begin {
    Begin {
        next_outgoing_id: 0,
        incoming_window: 2048,
        outgoing_window: u32::MAX,
        ..Begin::default()
    }
}

/// ATTACH of one whose other end is `address` and whose own end has none.
pub(crate) fn attach(handle: u32, role: Role, name: &str, address: &str) -> Attach {
    let (source, target) = match role {
        Role::Receiver => (Terminus::at(address), Terminus::default()),
        Role::Sender => (Terminus::default(), Terminus::at(address)),
    };
    Attach {
        name: name.to_owned(),
        handle,
        role,
        snd_settle_mode: None,
        rcv_settle_mode: None,
        source: Some(source),
        target: Some(target),
        initial_delivery_count: (role == Role::Sender).then_some(0),
        max_message_size: None,
        properties: Vec::new(),
    }
}

/// FLOW that lets the service send so many messages on a link.
pub(crate) fn credit_of(handle: u32, credit: u32) -> Flow {
    Flow {
        next_incoming_id: Some(0),
        incoming_window: 2048,
        next_outgoing_id: 0,
        outgoing_window: u32::MAX,
        handle: Some(handle),
        delivery_count: Some(0),
        link_credit: Some(credit),
        ..Flow::default()
    }
}
