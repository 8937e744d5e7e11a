//! What a server does on one connection.

use std::time::Duration;

use rumqttc::{ConnAck, ConnectReturnCode, Packet, QoS, SubscribeReasonCode};

/// What the server does on one connection, in order. At the end it reads on without a word until
/// the device leaves; so the empty script is a server that is silent after TLS.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(super) tls: Handshake,
    /// How long the server thinks before TLS, and before it opens the WebSocket.
    pub(super) before_tls: Duration,
    pub(super) before_upgrade: Duration,
    pub(super) acts: Vec<Act>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Handshake {
    #[default]
    Tls,
    /// Leaves it to the script to read and write plain bytes.
    Plain,
    /// TLS, and a WebSocket in it that carries the packets.
    WebSocket,
}

#[derive(Clone)]
pub(super) enum Act {
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
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    /// `None`: the request's own.
    pub(super) rid: Option<String>,
    pub(super) body: String,
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
