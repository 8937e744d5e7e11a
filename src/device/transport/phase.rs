//! The steps in which a connection is opened, and how long each takes.

use std::fmt;
use std::time::Instant;

use crate::device::exchange::Notice;
use crate::net::Phase;

/// How far the opening of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectPhase {
    /// Looking up the addresses of the host, or of the proxy in front of it.
    Dns,
    /// Opening the TCP connection, to the proxy where there is one.
    Tcp,
    /// Asking the proxy for a tunnel.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The opening handshake of the WebSocket.
    Upgrade,
    /// Waiting for CONNACK.
    Connack,
    /// Waiting for SUBACK.
    Suback,
}

impl ConnectPhase {
    /// A word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Connack => "connack",
            Self::Suback => "suback",
        }
    }
}

impl From<Phase> for ConnectPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Dns => Self::Dns,
            Phase::Tcp => Self::Tcp,
            Phase::Proxy => Self::Proxy,
            Phase::Tls => Self::Tls,
        }
    }
}

impl fmt::Display for ConnectPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name lookup did not end",
            Self::Tcp => "nothing answered the TCP connection",
            Self::Proxy => "the proxy did not answer CONNECT",
            Self::Tls => {
                "the TCP connection was taken, but the server did not answer the TLS handshake"
            }
            Self::Upgrade => "the server did not answer the WebSocket handshake",
            Self::Connack => "the server did not answer CONNECT",
            Self::Suback => "the service did not answer SUBSCRIBE",
        })
    }
}

/// Tells the observer of each phase when it is over, and its driver which one is under way.
pub(in crate::device) struct Progress<'a> {
    notify: &'a mut (dyn FnMut(Notice) + Send),
    phase: ConnectPhase,
    since: Option<Instant>,
}

impl<'a> Progress<'a> {
    /// Nothing is under way yet.
    pub(in crate::device) fn new(notify: &'a mut (dyn FnMut(Notice) + Send)) -> Self {
        Self { notify, phase: ConnectPhase::Dns, since: None }
    }

    /// `phase` begins, so the one before it is over.
    pub(in crate::device) fn begin(&mut self, phase: ConnectPhase) {
        self.end();
        (self.phase, self.since) = (phase, Some(Instant::now()));
    }

    /// The phase that is under way has come to its end.
    pub(in crate::device) fn end(&mut self) {
        if let Some(since) = self.since.take() {
            (self.notify)(Notice::Reached { phase: self.phase, took: since.elapsed() });
        }
    }

    /// Tells the observer something else.
    pub(super) fn tell(&mut self, notice: Notice) {
        (self.notify)(notice);
    }

    /// The phase that is under way, or was last.
    pub(in crate::device) fn phase(&self) -> ConnectPhase {
        self.phase
    }
}
