//! Drives the state machine with requests over one connection that is kept open.

use std::time::Duration;

use super::connection::{Connection, Fault, InFlight, MAX_UNANSWERED};
use super::observed::{received, sent};
use super::request;
use crate::device::driver::attempt::attempt;
use crate::device::driver::clock::Clock;
use crate::device::driver::drive::{self, Notify};
use crate::device::driver::progress::Progress;
use crate::device::driver::proof::Proof;
use crate::device::driver::tls::open_tls;
use crate::device::exchange::{Answer, ConnectFailure, Event, Loss, Notice, Request, RequestKind};
use crate::device::settings::Settings;
use crate::device::stranger::stranger;
use crate::device::traffic::Signed;
use crate::device::wrapped_key::WrappedKey;

/// Drives a registration over HTTPS.
pub(in crate::device::driver) struct Driver<'a> {
    settings: &'a Settings,
    proof: Proof<'a>,
    clock: Clock,
    connection: Option<Connection>,
    under_way: Option<UnderWay>,
    was_answered: bool,
    /// Connections that ended before anything was answered.
    unanswered: u32,
}

/// A request without an answer so far.
struct UnderWay {
    request: Request,
    answer: InFlight,
    /// It went out on a connection that had been used before, which the server may have closed
    /// just then.
    was_reused: bool,
}

impl<'a> Driver<'a> {
    /// A driver that is not connected.
    pub(in crate::device::driver) fn new(proof: Proof<'a>, clock: Clock) -> Self {
        Self {
            settings: proof.settings(),
            proof,
            clock,
            connection: None,
            under_way: None,
            was_answered: false,
            unanswered: 0,
        }
    }

    async fn open(&mut self, notify: Notify<'_>) -> Result<(), ConnectFailure> {
        self.connection = None;
        let limit = self.clock.connect_limit();
        let mut progress = Progress::new(notify, &self.settings.sources.clock);
        let under_way = progress.under_way();
        let opening = async {
            let stream = open_tls(
                self.settings.destination(),
                self.settings.ports.https,
                &[],
                &mut progress,
            )
            .await?;
            Connection::new(stream, &self.settings.sources.clock)
                .await
                .map_err(ConnectFailure::Broken)
        };
        self.connection = Some(attempt(&self.clock, limit, &under_way, opening).await?);
        Ok(())
    }

    /// TLS alone does not show that this is the service, so a peer that only ever hangs up is not
    /// tried until the deadline.
    fn lost(&mut self, loss: Loss) -> Event {
        if !self.was_answered {
            self.unanswered += 1;
        }
        if self.unanswered < MAX_UNANSWERED {
            return Event::Lost(loss);
        }
        Event::ConnectFailed(ConnectFailure::Unanswered { tries: self.unanswered })
    }

    /// Sends over the open connection, or over a new one where the server has closed it.
    async fn request(&mut self, request: Request, notify: Notify<'_>) -> Event {
        let patience_ends = self.clock.patience_ends();
        let is_open = match &mut self.connection {
            Some(connection) => {
                match self.clock.until(patience_ends, connection.is_ready()).await {
                    Some(is_ready) => is_ready,
                    None => return Event::Elapsed,
                }
            }
            None => false,
        };
        if !is_open && let Err(failure) = self.open(notify).await {
            return Event::ConnectFailed(failure);
        }
        let Some(connection) = &mut self.connection else { return Event::Lost(Loss::Closed) };
        let token = match request.kind {
            RequestKind::Introduce => None,
            RequestKind::Register | RequestKind::Poll(_) => {
                match self.proof.token(&self.clock).await {
                    Ok(token) => token,
                    Err(error) => return Event::ConnectFailed(error.into()),
                }
            }
        };
        if let Some(signed) = token.as_ref().and_then(Signed::of) {
            notify(Notice::Signed(signed));
        }
        let body = match request.kind {
            RequestKind::Introduce | RequestKind::Register => {
                self.settings.register_body(self.proof.keys())
            }
            RequestKind::Poll(_) => Vec::new(),
        };
        let message = request::build(self.settings, &request.kind, body.clone(), token.as_ref());
        let Some(message) = message else { return Event::Lost(Loss::Reset) };
        notify(sent(&message, body));
        let was_reused = connection.was_used();
        let answer = connection.send(message);
        self.under_way = Some(UnderWay { request, answer, was_reused });
        Event::Sent
    }
}

impl drive::Driver for Driver<'_> {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn connect(&mut self, notify: Notify<'_>) -> Event {
        match self.open(notify).await {
            Ok(()) => Event::Accepted,
            Err(failure) => Event::ConnectFailed(failure),
        }
    }

    /// Answers come with the requests; there is nothing to subscribe to.
    async fn subscribe(&mut self, _: Notify<'_>) -> Event {
        Event::Subscribed
    }

    async fn send(&mut self, request: Request, notify: Notify<'_>) -> Event {
        self.under_way = None;
        self.request(request, notify).await
    }

    async fn take_key(&mut self, key: WrappedKey) -> Event {
        self.proof.take_key(key, &self.clock).await
    }

    async fn listen(&mut self, until: Duration, notify: Notify<'_>) -> Event {
        let until = self.clock.at(until);
        loop {
            let Some(under_way) = &mut self.under_way else {
                self.clock.sleep_until(until).await;
                return Event::Elapsed;
            };
            let Some(ended) = self.clock.until(until, &mut under_way.answer).await else {
                return Event::Elapsed;
            };
            let Some(UnderWay { request, was_reused, .. }) = self.under_way.take() else {
                return Event::Elapsed;
            };
            match ended {
                Ok(reply) => {
                    (self.was_answered, self.unanswered) = (true, 0);
                    notify(received(reply.status, &reply.headers, &reply.body));
                    if let Some(breach) = stranger(reply.status, &reply.headers, &reply.body) {
                        return Event::Broken(breach);
                    }
                    return Event::Answer(Answer {
                        status: reply.status,
                        rid: request.rid.to_string(),
                        retry_after: reply.retry_after,
                        body: reply.body,
                    });
                }
                Err(Fault::Broken(breach)) => return Event::Broken(breach),
                // An idle connection may be closed at any time. Both requests are idempotent, so
                // this one is sent once more (RFC 9110, section 9.2.2).
                Err(Fault::Lost(_)) if was_reused => {
                    self.connection = None;
                    match self.request(request, notify).await {
                        Event::Sent => {}
                        event => return event,
                    }
                }
                Err(Fault::Lost(loss)) => return self.lost(loss),
            }
        }
    }

    fn forget(&mut self) {
        self.connection = None;
        self.under_way = None;
    }

    async fn close(&mut self) {
        self.under_way = None;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}
