//! One AMQP connection over any byte stream, to the service or to a hub.
//!
//! What is to be said is collected, and goes out at the latest before the line listens.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::opening::{Opening, SignIn, Turn, hung_up};
use super::refusal::is_of_the_protocol;
use super::told::{self, received, sent};
use crate::amqp::engine::{Connection, Event, Limits};
use crate::amqp::{Failure, Open};
use crate::attestation::{Asked, SasToken};
use crate::device::driver::carrier::Spoken;
use crate::device::driver::pipe::Pipe;
use crate::device::driver::progress::Progress;
use crate::device::error::{Breach, NetworkError};
use crate::device::exchange::{ConnectFailure, Loss, Notice};
use crate::device::phase::ConnectPhase;
use crate::device::traffic::{AmqpFrame, Signed};
use crate::wire::AMQP_SUBPROTOCOL;

/// AMQP, to those who carry it.
pub(in crate::device) const SPOKEN: Spoken =
    Spoken { port: |ports| ports.amqp, subprotocol: AMQP_SUBPROTOCOL, longest: 256 * 1024 };

/// After how much silence the device shows that it lives, whatever the peer asks for (J-355).
const BEAT_AFTER: Duration = Duration::from_secs(50);

/// Lets the device's TPM take the key of a blob, and sign a token with it.
pub(super) type Prove<'a> =
    Box<dyn FnOnce(Vec<u8>) -> Asked<'a, SasToken, ConnectFailure> + Send + 'a>;

/// What is said before anything is heard.
pub(in crate::device) struct Greeting<'a> {
    engine: Connection,
    opening: Opening,
    own: Open,
    prove: Option<Prove<'a>>,
}

impl<'a> Greeting<'a> {
    /// `own` is what the device says of itself in `open`.
    pub(in crate::device) fn new(own: Open, sign_in: Option<SignIn>) -> Self {
        let engine = Connection::new(own.clone(), Limits::default());
        Self { engine, opening: Opening::new(sign_in), own, prove: None }
    }

    /// The same for a device whose TPM does this once it is given a key.
    pub(super) fn proven_by(self, prove: Prove<'a>) -> Self {
        Self { prove: Some(prove), ..self }
    }

    /// What can be said with the first bytes: where there is no SASL, `open` goes along.
    pub(in crate::device) fn first(&mut self) -> Vec<u8> {
        let mut first = self.opening.header().bytes().to_vec();
        if !self.opening.signs_in() {
            self.engine.open();
            first.extend(self.engine.output());
        }
        first
    }
}

/// An open AMQP connection.
pub(in crate::device) struct Line<S> {
    pipe: Pipe<S>,
    /// The connection; what it has to say goes out before the line listens.
    pub(in crate::device) engine: Connection,
    inbox: Vec<u8>,
    last_heard: Instant,
    /// After how much silence the peer is to hear that the device lives.
    beat_after: Duration,
}

/// Why nothing more can be read.
pub(in crate::device) enum LineFault {
    /// The connection ended.
    Lost(Loss),
    /// What came breaks a rule.
    Broken(Breach),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Waits until the connection stands, on a stream on which the first bytes of the greeting were
    /// said.
    pub(in crate::device) async fn open(
        stream: S,
        greeting: Greeting<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<Self, ConnectFailure> {
        let Greeting { engine, mut opening, own, mut prove } = greeting;
        let signs_in = opening.signs_in();
        progress.begin(if signs_in { ConnectPhase::Sasl } else { ConnectPhase::Open });
        let mut line = Self {
            pipe: Pipe::new(stream),
            engine,
            inbox: Vec::with_capacity(512),
            last_heard: Instant::now(),
            beat_after: BEAT_AFTER,
        };
        progress.tell(sent(AmqpFrame::Header { sasl: signs_in }));
        if !signs_in {
            progress.tell(sent(open_frame(&own)));
        }
        let Self { pipe, inbox, .. } = &mut line;
        let first = pipe.first_bytes(inbox, NetworkError::ClosedBeforeOpen("AMQP's header")).await;
        first.map_err(ConnectFailure::Network)?;
        loop {
            let mut said = Vec::new();
            let turn = opening.take(&mut line.inbox, &mut said, &mut |told| progress.tell(told))?;
            line.put(&said);
            match turn {
                Turn::More => match line.fill().await {
                    Ok(()) => {}
                    Err(_) => return Err(hung_up(opening.awaits())),
                },
                Turn::Sign(blob) => {
                    // The exchange comes to this once.
                    let Some(prove) = prove.take() else { return Err(hung_up(opening.awaits())) };
                    let token = prove(blob).await?;
                    progress.tell(Notice::KeyTaken { for_hub: false });
                    if let Some(signed) = Signed::of(&token) {
                        progress.tell(Notice::Signed(signed));
                    }
                    let mut said = Vec::new();
                    opening.signed(token.as_str(), &mut said, &mut |told| progress.tell(told));
                    line.put(&said);
                }
                Turn::SignedIn => {
                    progress.begin(ConnectPhase::Open);
                    line.engine.open();
                    progress.tell(sent(open_frame(&own)));
                }
                Turn::Done => break,
            }
        }
        line.opened(progress).await?;
        progress.end();
        Ok(line)
    }

    async fn opened(&mut self, progress: &mut Progress<'_>) -> Result<(), ConnectFailure> {
        match self.next().await {
            Ok(Event::Opened(open)) => {
                progress.tell(received(open_frame(&open)));
                let asked = open.idle_time_out.map(|millis| Duration::from_millis(millis.into()));
                self.beat_after = asked.map_or(BEAT_AFTER, |asked| BEAT_AFTER.min(asked / 2));
                Ok(())
            }
            Ok(_) | Err(LineFault::Lost(_)) => Err(hung_up("`open`")),
            Err(LineFault::Broken(breach)) => Err(ConnectFailure::Broken(breach)),
        }
    }

    /// What has happened next. May be dropped while waiting: what has been read stays in the inbox, what
    /// is not sent yet in the outbox.
    pub(in crate::device) async fn next(&mut self) -> Result<Event, LineFault> {
        loop {
            if let Some(event) = self.engine.next_event() {
                return Ok(event);
            }
            if self.engine.is_over() {
                return Err(LineFault::Lost(Loss::Closed));
            }
            if let Err(violation) = self.engine.read(&mut self.inbox) {
                // The peer hears which rule it broke, if it still listens.
                let _ = self.flush().await;
                let reason = violation.cited();
                return Err(LineFault::Broken(Breach::Packet { reason }));
            }
            if let Some(event) = self.engine.next_event() {
                return Ok(event);
            }
            self.fill().await.map_err(LineFault::Lost)?;
        }
    }

    /// When [`beat`](Self::beat) is due, if nothing is said until then.
    pub(in crate::device) fn next_beat(&self) -> Instant {
        self.pipe.last_sent() + self.beat_after
    }

    /// Since when nothing came, not even a sign of life.
    pub(in crate::device) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Shows that the device lives (part 2, section 2.4.5).
    pub(in crate::device) async fn beat(&mut self) -> Result<(), Loss> {
        self.engine.beat();
        self.flush().await
    }

    /// Ends the connection, and waits until the peer has ended it too.
    pub(in crate::device) async fn close(&mut self) -> io::Result<()> {
        self.engine.close(None);
        while self.flush().await.is_ok() && !self.engine.is_over() {
            if self.next().await.is_err() {
                break;
            }
        }
        self.pipe.close().await
    }

    fn put(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.pipe.say().extend_from_slice(bytes);
        }
    }

    /// Sends what was said. May be dropped, and goes on where it was.
    pub(in crate::device) async fn flush(&mut self) -> Result<(), Loss> {
        let said = self.engine.output();
        self.put(&said);
        self.pipe.flush().await
    }

    /// Reads what there is, after everything was said.
    async fn fill(&mut self) -> Result<(), Loss> {
        self.flush().await?;
        self.pipe.fill(&mut self.inbox).await?;
        self.last_heard = Instant::now();
        Ok(())
    }
}

fn open_frame(open: &Open) -> AmqpFrame {
    AmqpFrame::Open {
        container_id: open.container_id.clone(),
        hostname: open.hostname.clone(),
        idle_time_out: open.idle_time_out.map(|millis| Duration::from_millis(millis.into())),
    }
}

/// What it means that the peer has closed the connection, where its error does not refuse the device.
pub(in crate::device) fn closed(failure: Option<&Failure>) -> LineFault {
    match failure.filter(|failure| is_of_the_protocol(failure)) {
        Some(failure) => {
            let (condition, description) =
                (failure.condition.to_string(), failure.description.clone());
            LineFault::Broken(Breach::Ended { condition, description })
        }
        None => LineFault::Lost(Loss::Closed),
    }
}

/// What an observer is told of the end of the connection.
pub(in crate::device) fn close_frame(failure: Option<&Failure>) -> AmqpFrame {
    AmqpFrame::Close { error: told::error(failure) }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
