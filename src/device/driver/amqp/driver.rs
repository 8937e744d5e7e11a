//! Drives the state machine with messages over one kind of byte stream.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::line::{Greeting, Line, LineFault, SPOKEN};
use super::links::{Links, Question};
use super::sign_in::{prove, sign_in, token};
use crate::amqp::{Open, Value};
use crate::attestation::SasToken;
use crate::device::driver::attempt::attempt;
use crate::device::driver::carrier::Carrier;
use crate::device::driver::clock::Clock;
use crate::device::driver::drive::{self, Notify};
use crate::device::driver::progress::Progress;
use crate::device::driver::proof::Proof;
use crate::device::exchange::{ConnectFailure, Event, Loss, Notice, Request};
use crate::device::phase::ConnectPhase;
use crate::device::settings::Settings;
use crate::device::traffic::Signed;
use crate::device::wrapped_key::WrappedKey;
use crate::wire::{LINK_API_VERSION, LINK_CLIENT_VERSION, RegistrationAddress};

/// How long the end of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Drives a registration over one kind of byte stream.
pub(in crate::device::driver) struct Driver<'a, C: Carrier> {
    settings: &'a Settings,
    proof: Proof<'a>,
    clock: Clock,
    open: Option<Opened<C::Stream>>,
}

/// A connection that stands, and the links on it.
pub(super) struct Opened<S> {
    pub(super) line: Line<S>,
    pub(super) links: Links,
}

impl<'a, C: Carrier> Driver<'a, C> {
    /// A driver that is not connected.
    pub(in crate::device::driver) fn new(proof: Proof<'a>, clock: Clock) -> Self {
        Self { settings: proof.settings(), proof, clock, open: None }
    }
}

/// Opens a connection as the device.
pub(super) async fn open<C: Carrier>(
    proof: &mut Proof<'_>,
    clock: &Clock,
    token: Option<SasToken>,
    progress: &mut Progress<'_>,
) -> Result<Opened<C::Stream>, ConnectFailure> {
    let settings = proof.settings();
    let address = address(settings);
    let hostname = settings.endpoint.host();
    let sign_in = sign_in(proof, token.as_ref(), &address, hostname.clone());
    let container_id = uuid(settings, "container");
    let own = Open { container_id, hostname: Some(hostname), ..Open::default() };
    let mut greeting = Greeting::new(own, sign_in).proven_by(prove(proof, clock));
    let first = greeting.first();
    let stream = C::open(settings.destination(), SPOKEN, &first, progress).await?;
    if let Some(signed) = token.as_ref().and_then(Signed::of) {
        progress.tell(Notice::Signed(signed));
    }
    let line = Line::open(stream, greeting, progress).await?;
    let links = Links::new(uuid(settings, "link"), address.to_string(), link_properties(settings));
    Ok(Opened { line, links })
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Opened<S> {
    /// What happens next that means something, or `Elapsed` at `until`. Shows that the device lives
    /// while nothing else is said.
    pub(super) async fn listen(&mut self, until: Instant, notify: Notify<'_>) -> Event {
        loop {
            match timeout_at(until.min(self.line.next_beat()), self.line.next()).await {
                Ok(Ok(event)) => {
                    let happened = self.links.take(event, &mut self.line.engine, notify);
                    if let Some(happened) = happened {
                        return happened;
                    }
                }
                Ok(Err(fault)) => return fault.into(),
                Err(_) if Instant::now() >= until => return Event::Elapsed,
                Err(_) => {
                    if let Err(loss) = self.line.beat().await {
                        return Event::Lost(loss);
                    }
                }
            }
        }
    }

    /// Asks for the links, and waits for them.
    pub(super) async fn attach(&mut self, until: Instant, notify: Notify<'_>) -> Event {
        self.links.begin(&mut self.line.engine, notify);
        loop {
            match self.listen(until, notify).await {
                // Nothing was asked on these links, so it answers nothing.
                Event::Answer(_) | Event::Acknowledged => {}
                event => return event,
            }
        }
    }

    /// Asks, under this name.
    pub(super) async fn ask(
        &mut self,
        settings: &Settings,
        question: &Question<'_>,
        rid: String,
        notify: Notify<'_>,
    ) -> Result<(), Loss> {
        let names = (rid, uuid(settings, "correlation"));
        let body = || settings.register_body(None);
        self.links.ask(question, names, body, &mut self.line.engine, notify)?;
        self.line.flush().await
    }

    /// Leaves in order.
    pub(super) async fn close(&mut self, notify: Notify<'_>) {
        self.links.leave(&mut self.line.engine, notify);
        let _ = timeout(CLOSE_TIMEOUT, self.line.close()).await;
    }
}

impl<C: Carrier> drive::Driver for Driver<'_, C> {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn connect(&mut self, notify: Notify<'_>) -> Event {
        self.open = None;
        let token = match token(&self.proof, &self.clock).await {
            Ok(token) => token,
            Err(error) => return Event::ConnectFailed(error.into()),
        };
        let limit = self.clock.connect_limit();
        let mut progress = Progress::new(notify, &self.settings.sources.clock);
        let under_way = progress.under_way();
        // Boxed: what the handshake needs is given back when the connection stands.
        let opening = open::<C>(&mut self.proof, &self.clock, token, &mut progress);
        let opening = Box::pin(opening);
        match attempt(&self.clock, limit, &under_way, opening).await {
            Ok(opened) => {
                self.open = Some(opened);
                Event::Accepted
            }
            Err(failure) => Event::ConnectFailed(failure),
        }
    }

    async fn subscribe(&mut self, notify: Notify<'_>) -> Event {
        let patience_ends = self.clock.patience_ends();
        let until = self.clock.real(patience_ends);
        let Some(open) = &mut self.open else { return Event::Lost(Loss::Closed) };
        let mut progress = Progress::new(notify, &self.settings.sources.clock);
        progress.begin(ConnectPhase::Attach);
        let mut tell = |notice| progress.tell(notice);
        let attaching = self.clock.until(patience_ends, open.attach(until, &mut tell));
        let event = attaching.await.unwrap_or(Event::Elapsed);
        if matches!(event, Event::Subscribed) {
            progress.end();
        }
        event
    }

    async fn send(&mut self, request: Request, notify: Notify<'_>) -> Event {
        let patience_ends = self.clock.patience_ends();
        let Some(open) = &mut self.open else { return Event::Lost(Loss::Closed) };
        let question = Question::Request(&request.kind);
        let asking = open.ask(self.settings, &question, request.rid.to_string(), notify);
        match self.clock.until(patience_ends, asking).await {
            Some(Ok(())) => Event::Sent,
            Some(Err(loss)) => Event::Lost(loss),
            None => Event::Elapsed,
        }
    }

    async fn take_key(&mut self, key: WrappedKey) -> Event {
        self.proof.take_key(key, &self.clock).await
    }

    async fn listen(&mut self, until: Duration, notify: Notify<'_>) -> Event {
        let (until, deadline) = (self.clock.at(until), self.clock.deadline());
        match &mut self.open {
            // The line writes while it listens (dispositions, signs of life), and a peer that reads
            // nothing can hold up a write; only at the deadline may a frame be cut in two.
            Some(open) => {
                let listening = open.listen(self.clock.real(until), notify);
                self.clock.until(deadline, listening).await.unwrap_or(Event::Elapsed)
            }
            None => {
                self.clock.sleep_until(until).await;
                Event::Elapsed
            }
        }
    }

    fn forget(&mut self) {
        self.open = None;
    }

    async fn close(&mut self) {
        if let Some(open) = &mut self.open {
            open.close(&mut |_| {}).await;
        }
    }
}

impl From<LineFault> for Event {
    fn from(fault: LineFault) -> Self {
        match fault {
            LineFault::Lost(loss) => Self::Lost(loss),
            LineFault::Broken(breach) => Self::Broken(breach),
        }
    }
}

/// How the device is named, by SASL and by its links.
fn address(settings: &Settings) -> RegistrationAddress {
    let Settings { id_scope, registration_id, .. } = settings;
    RegistrationAddress { id_scope: id_scope.clone(), registration_id: registration_id.clone() }
}

fn link_properties(settings: &Settings) -> Vec<(Value, Value)> {
    let version = Value::text(settings.api_version.to_string());
    let client = Value::text(settings.product());
    vec![(Value::symbol(LINK_API_VERSION), version), (Value::symbol(LINK_CLIENT_VERSION), client)]
}

fn uuid(settings: &Settings, what: &'static str) -> String {
    settings.sources.chance.uuid(what, settings.registration_id.as_str()).to_string()
}
