//! The registration of one device as a pure state machine (A.5, A.6, A.8).
//!
//! Every [`Event`] gives exactly one [`Step`]: what the driver must do next. Times are durations
//! since the start and are handed in, so a test can run through an hour in no time, and a driver
//! for MQTT, WebSocket or HTTPS has nothing to decide.

use std::time::Duration;

use super::backoff::Backoff;
use super::challenge::Challenge;
use super::csr::Csr;
use super::error::{Breach, Deadline, Error, NetworkError, Rejection, SaslRefusal, Waiting};
use super::exchange::{
    Answer, ConnectFailure, Event, Notice, Refusal, Registered, Request, RequestKind, Step,
};
use super::phase::ConnectPhase;
use super::reading::{Asker, Reading, read};
use crate::attestation::SignerError;
use crate::text::spoken;
use crate::wire::{ConnectCode, ErrorCode, OperationId, RegistrationId};

/// An unknown ID scope answers CONNACK 3, and so does a service that is down for a moment: it is
/// tried again after these waits, then believed.
const UNAVAILABLE_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// How long the device waits for an answer, as the SDKs for Python and Node.js do. Then it takes the
/// connection for dead, and asks again on a new one (J-326). Each step in which a connection is opened has
/// as long (J-374).
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What it means that a key that is kept elsewhere takes longer to sign (J-400).
pub(super) fn too_late(limit: Duration) -> SignerError {
    SignerError(format!("nothing came of it within {}", spoken(limit)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    Connecting,
    Subscribing,
    Up,
}

#[derive(Debug)]
struct Pending {
    request: Request,
    /// When it was sent.
    at: Duration,
    acknowledged: bool,
}

impl Pending {
    /// When its answer is not waited for any more on this connection.
    fn gives_up_at(&self) -> Duration {
        self.at.saturating_add(PATIENCE)
    }
}

/// The registration of one device: every event gives exactly one step.
#[derive(Debug)]
pub struct Registration {
    registration_id: RegistrationId,
    /// What it asks a certificate for.
    csr: Option<Csr>,
    /// How far it is in proving that it has its TPM, where it has one.
    challenge: Option<Challenge>,
    deadline: Duration,
    backoff: Backoff,
    link: Link,
    /// Whether answers come over links of AMQP, not by a subscription. A matter of words.
    has_links: bool,
    was_accepted: bool,
    connect_tries: u32,
    unavailable: usize,
    last_rid: u32,
    pending: Option<Pending>,
    operation_id: Option<OperationId>,
    forgotten: bool,
    /// Whether it may register, if the service does not know the operation.
    may_register: bool,
    /// The next request, or the next connection, not before this.
    not_before: Duration,
    /// What the device waits for while no packet of its own is unanswered.
    waiting_for: Waiting,
    /// Why the last connection was lost, or could not be opened again.
    lost: Option<String>,
    assigning_answers: u32,
    last_busy: Option<Rejection>,
    /// The wait that the service asked for, if it ends after the deadline.
    asked_to_wait: Option<Duration>,
    foreign_answers: u32,
}

impl Registration {
    /// A registration of this device that must end within `deadline`; `seed` decides the jitter of
    /// waits.
    pub fn new(registration_id: RegistrationId, deadline: Duration, seed: u64) -> Self {
        Self {
            registration_id,
            csr: None,
            challenge: None,
            deadline,
            backoff: Backoff::new(seed),
            link: Link::Down,
            has_links: false,
            was_accepted: false,
            connect_tries: 0,
            unavailable: 0,
            last_rid: 0,
            pending: None,
            operation_id: None,
            forgotten: false,
            may_register: true,
            not_before: Duration::ZERO,
            waiting_for: Waiting::Connect(ConnectPhase::Dns),
            lost: None,
            assigning_answers: 0,
            last_busy: None,
            asked_to_wait: None,
            foreign_answers: 0,
        }
    }

    /// Continues an operation that the service has already accepted, in place of a new register.
    #[must_use]
    pub fn resuming(mut self, operation_id: OperationId) -> Self {
        self.operation_id = Some(operation_id);
        self
    }

    /// Sees an operation through that the service has already accepted, and never registers.
    #[must_use]
    pub fn watching(self, operation_id: OperationId) -> Self {
        Self { may_register: false, ..self.resuming(operation_id) }
    }

    /// The same where a certificate is asked for along with the registration.
    #[must_use]
    pub fn asking_for(self, csr: Option<Csr>) -> Self {
        Self { csr, ..self }
    }

    /// The same for a device with a TPM, which proves itself by requests, as over HTTPS, or along with its
    /// sign-in, [`over_links`](Self::over_links) (B.5).
    #[must_use]
    pub fn with_tpm(self) -> Self {
        let challenge =
            if self.has_links { Challenge::by_sign_in() } else { Challenge::by_requests() };
        Self { challenge: Some(challenge), ..self }
    }

    /// The same over AMQP, where links are asked for in place of a subscription.
    #[must_use]
    pub fn over_links(self) -> Self {
        let has_tpm = self.challenge.is_some();
        let over_links = Self { has_links: true, ..self };
        if has_tpm { over_links.with_tpm() } else { over_links }
    }

    /// What to do after `event`, which happened at `now` (since the start).
    pub fn handle(&mut self, now: Duration, event: Event, notify: &mut dyn FnMut(Notice)) -> Step {
        match self.take(now, event, notify) {
            Ok(None) => self.proceed(now),
            Ok(Some(registered)) => finish(Ok(registered)),
            Err(error) => finish(Err(error)),
        }
    }

    /// Takes in what has happened; `Some` and `Err` end the registration.
    fn take(
        &mut self,
        now: Duration,
        event: Event,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Option<Registered>, Error> {
        match event {
            Event::Start => {}
            Event::Elapsed => self.unsubscribed(now, notify)?,
            Event::Sent => {
                if let Some(pending) = &mut self.pending {
                    pending.at = now;
                }
            }
            Event::Accepted => {
                self.link = Link::Subscribing;
                if !self.was_accepted {
                    self.was_accepted = true;
                    notify(Notice::Connected);
                }
            }
            Event::Subscribed => self.link = Link::Up,
            Event::Acknowledged => {
                if let Some(pending) = &mut self.pending {
                    pending.acknowledged = true;
                }
            }
            Event::Broken(breach) => return Err(breach.into()),
            Event::Refused(refusal) => self.refused(now, &refusal, notify)?,
            Event::ConnectFailed(failure) => self.connect_failed(now, failure, notify)?,
            Event::Lost(loss) => {
                self.lost(now, format!("{loss} {}", self.moment()), notify)?;
            }
            Event::Answer(answer) => {
                if let Some(registered) = self.answered(now, answer, notify)? {
                    return Ok(Some(registered));
                }
            }
            Event::KeyTaken(signer) => {
                let registered = self.challenge.as_mut().and_then(|it| it.taken(signer));
                notify(Notice::KeyTaken { for_hub: registered.is_some() });
                if registered.is_some() {
                    return Ok(registered);
                }
            }
            Event::KeyRefused(error) => return Err(error.into()),
        }
        self.unanswered(now, notify)?;
        Ok(None)
    }

    /// Whether it listens until then because it was told to wait, not for an answer.
    pub(super) fn pauses(&self, until: Duration) -> bool {
        until == self.not_before && matches!(self.link, Link::Down | Link::Up)
    }

    /// Whether it has given up its connection, and has none in its place.
    pub(super) fn is_down(&self) -> bool {
        self.link == Link::Down
    }

    /// What to do, given where everything stands.
    fn proceed(&mut self, now: Duration) -> Step {
        if now >= self.deadline {
            return finish(Err(self.out_of_time()));
        }
        if let Some(key) = self.challenge.as_mut().and_then(Challenge::takes) {
            return Step::TakeKey(key);
        }
        match self.link {
            Link::Down | Link::Up if now < self.not_before => {
                Step::Listen { until: self.not_before }
            }
            Link::Down => {
                self.link = Link::Connecting;
                self.connect_tries += 1;
                Step::Connect
            }
            Link::Connecting => Step::Listen { until: self.deadline },
            Link::Subscribing => Step::Subscribe,
            Link::Up => match &self.pending {
                Some(pending) => Step::Listen { until: self.deadline.min(pending.gives_up_at()) },
                None => Step::Send(self.next_request(now)),
            },
        }
    }

    fn next_request(&mut self, now: Duration) -> Request {
        self.last_rid += 1;
        let kind = match &self.operation_id {
            _ if self.introduces() => RequestKind::Introduce,
            Some(operation_id) => RequestKind::Poll(operation_id.clone()),
            None => RequestKind::Register,
        };
        let request = Request { rid: self.last_rid, kind };
        self.pending = Some(Pending { request: request.clone(), at: now, acknowledged: false });
        request
    }

    fn introduces(&self) -> bool {
        self.challenge.as_ref().is_some_and(Challenge::introduces)
    }

    fn connect_failed(
        &mut self,
        now: Duration,
        failure: ConnectFailure,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        match failure {
            ConnectFailure::Refused(ConnectCode::ServerUnavailable) if !self.was_accepted => {
                self.unavailable(now, notify)
            }
            ConnectFailure::Refused(code) if code != ConnectCode::ServerUnavailable => {
                Err(Error::ConnectRefused { code, tries: self.connect_tries })
            }
            ConnectFailure::Refused(code) => {
                self.lost(now, format!("CONNACK {} ({code})", code as u8), notify)
            }
            ConnectFailure::SaslRefused(code @ SaslRefusal::Temporary) => {
                self.out_of_order(now, format!("SASL outcome {code}"), notify)
            }
            ConnectFailure::SaslRefused(code) => Err(Error::SaslRefused { code }),
            ConnectFailure::TimedOut(phase) => {
                if !self.was_accepted {
                    self.waiting_for = Waiting::Connect(phase);
                }
                self.gave_up(now, phase, notify)
            }
            ConnectFailure::Broken(breach) => Err(breach.into()),
            ConnectFailure::Unsigned(error) => Err(error.into()),
            ConnectFailure::Tpm(error) => Err(error.into()),
            ConnectFailure::Unanswered { tries } => Err(NetworkError::Unanswered { tries }.into()),
            ConnectFailure::Network(error) if self.was_accepted => {
                self.lost(now, error.to_string(), notify)
            }
            ConnectFailure::Network(error) => Err(error.into()),
        }
    }

    fn unavailable(&mut self, now: Duration, notify: &mut dyn FnMut(Notice)) -> Result<(), Error> {
        self.link = Link::Down;
        let refused = Error::ConnectRefused {
            code: ConnectCode::ServerUnavailable,
            tries: self.connect_tries,
        };
        let Some(&wait) = UNAVAILABLE_WAITS.get(self.unavailable) else { return Err(refused) };
        self.unavailable += 1;
        self.not_before = now.saturating_add(wait);
        if self.not_before >= self.deadline {
            return Err(refused);
        }
        let code = ConnectCode::ServerUnavailable;
        self.waiting_for = Waiting::Busy(format!("CONNACK {} ({code})", code as u8));
        notify(Notice::Unavailable { wait });
        Ok(())
    }

    /// A service that says of itself that it is out of order is left alone as after a 5xx (J-358).
    fn out_of_order(
        &mut self,
        now: Duration,
        why: String,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        self.link = Link::Down;
        self.pending = None;
        let wait = self.backoff.after_busy(None);
        self.not_before = now.saturating_add(wait);
        self.waiting_for = Waiting::Busy(why.clone());
        notify(Notice::Lost { why, wait });
        self.in_time()
    }

    /// A step that nobody answered in time is begun anew with another connection, to the end of all time
    /// (J-374): nobody has refused anything.
    fn gave_up(
        &mut self,
        now: Duration,
        phase: ConnectPhase,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        if now >= self.deadline {
            return Err(self.out_of_time());
        }
        if self.was_accepted {
            return self.lost(now, format!("{phase} within {} s", PATIENCE.as_secs()), notify);
        }
        let wait = self.reconnects_after_loss(now);
        notify(Notice::Silent { phase, after: PATIENCE, wait });
        self.in_time()
    }

    /// SUBSCRIBE, or the request for links, was not answered in time.
    fn unsubscribed(&mut self, now: Duration, notify: &mut dyn FnMut(Notice)) -> Result<(), Error> {
        match self.link {
            Link::Subscribing if self.has_links => self.gave_up(now, ConnectPhase::Attach, notify),
            Link::Subscribing => self.gave_up(now, ConnectPhase::Suback, notify),
            _ => Ok(()),
        }
    }

    /// The connection is of no use any more; when the service is busy, the next one is opened after the
    /// wait that it asks for.
    fn refused(
        &mut self,
        now: Duration,
        refusal: &Refusal,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        self.link = Link::Down;
        self.pending = None;
        let rejection = Rejection::read(refusal.status, &refusal.body);
        match refusal.status {
            401 => Err(Error::Unauthorized(rejection)),
            429 | 500..=599 => self.busy(now, rejection, refusal.retry_after, notify),
            400..=499 => Err(Error::Rejected(rejection)),
            status => Err(Breach::StatusCode { status }.into()),
        }
    }

    /// A request under way is asked again on the next connection; a poll that was not yet due
    /// stays not due.
    fn lost(
        &mut self,
        now: Duration,
        why: String,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        let wait = self.reconnects_after_loss(now);
        self.lost = Some(why.clone());
        notify(Notice::Lost { why, wait });
        self.in_time()
    }

    /// There is no connection any more; the wait before the next.
    fn reconnects_after_loss(&mut self, now: Duration) -> Duration {
        self.link = Link::Down;
        self.pending = None;
        let wait = self.backoff.after_loss();
        self.not_before = self.not_before.max(now.saturating_add(wait));
        wait
    }

    /// A connection on which an answer does not come is given up. When all time is up, that is told instead.
    fn unanswered(&mut self, now: Duration, notify: &mut dyn FnMut(Notice)) -> Result<(), Error> {
        let overdue = self.pending.as_ref().filter(|pending| now >= pending.gives_up_at());
        match overdue.filter(|_| now < self.deadline) {
            None => Ok(()),
            Some(pending) => {
                let (kind, patience) = (pending.request.kind.name(), PATIENCE.as_secs());
                let why =
                    format!("the service did not answer the {kind} request within {patience} s");
                self.lost(now, why, notify)
            }
        }
    }

    /// What the device was waiting for when the connection went: two services that hang up at
    /// different moments have different troubles.
    fn moment(&self) -> String {
        match &self.pending {
            Some(pending) => {
                format!("before it answered the {} request", pending.request.kind.name())
            }
            None if self.link == Link::Subscribing && self.has_links => {
                "before the links stood".to_owned()
            }
            None if self.link == Link::Subscribing => "before it answered SUBSCRIBE".to_owned(),
            None => "before the next request was due".to_owned(),
        }
    }

    /// As [`in_time`](Self::in_time), for a wait that the service may have asked for.
    fn in_time_after(&mut self, asked: Option<Duration>) -> Result<(), Error> {
        self.asked_to_wait = asked.filter(|_| self.not_before >= self.deadline);
        self.in_time()
    }

    /// Waits that would end after the deadline need not be waited for.
    fn in_time(&self) -> Result<(), Error> {
        if self.not_before < self.deadline { Ok(()) } else { Err(self.out_of_time()) }
    }

    fn answered(
        &mut self,
        now: Duration,
        answer: Answer,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Option<Registered>, Error> {
        let Some(pending) =
            self.pending.take_if(|pending| answer.rid == pending.request.rid.to_string())
        else {
            if !self.was_sent(&answer.rid) {
                self.foreign_answers = self.foreign_answers.saturating_add(1);
                notify(Notice::ForeignAnswer { rid: answer.rid });
            }
            return Ok(None);
        };
        let reading = match self.read(&answer) {
            Err(Error::Unauthorized(_)) if self.was_key_forgotten(&pending.request.kind) => {
                notify(Notice::KeyForgotten);
                return Ok(None);
            }
            reading => reading?,
        };
        if matches!(reading, Reading::Assigned(..) | Reading::Assigning(_)) {
            self.believed(&pending.request.kind, answer.status)?;
        }
        match (reading, &mut self.challenge) {
            (Reading::Assigned(registered, Some(key)), Some(challenge)) => {
                challenge.assigned(registered, key);
            }
            (Reading::Assigned(registered, _), _) => return Ok(Some(registered)),
            (Reading::Challenge(key), Some(challenge)) => challenge.given(key)?,
            // Nobody else is told of one.
            (Reading::Challenge(_), None) => {}
            (Reading::Assigning(operation_id), _) => {
                self.assigning(now, operation_id, answer.retry_after, notify)?;
            }
            (Reading::Busy(rejection), _) => {
                self.busy(now, rejection, answer.retry_after, notify)?
            }
            (Reading::Rejected(rejection), _) => {
                self.rejected(now, &pending.request.kind, rejection, notify)?;
            }
        }
        Ok(None)
    }

    fn read(&self, answer: &Answer) -> Result<Reading, Error> {
        let asker = Asker {
            id: &self.registration_id,
            operation: self.operation_id.as_ref(),
            csr: self.csr.as_ref(),
            has_tpm: self.challenge.is_some(),
        };
        read(answer, asker)
    }

    /// Whether a poll is not believed because the service gave the TPM's key up (J-381, J-401).
    fn was_key_forgotten(&mut self, kind: &RequestKind) -> bool {
        matches!(kind, RequestKind::Poll(_))
            && self.challenge.as_mut().is_some_and(Challenge::was_forgotten)
    }

    /// The service takes the device for the one that it says it is, which must have been proved.
    fn believed(&mut self, kind: &RequestKind, status: u16) -> Result<(), Breach> {
        if *kind == RequestKind::Introduce {
            return Err(Breach::Unchallenged { status });
        }
        if let Some(challenge) = &mut self.challenge {
            challenge.believed();
        }
        Ok(())
    }

    /// Whether the `$rid` was the device's own once: a late second answer is no riddle.
    fn was_sent(&self, rid: &str) -> bool {
        rid.parse::<u32>().is_ok_and(|rid| (1..=self.last_rid).contains(&rid))
    }

    fn assigning(
        &mut self,
        now: Duration,
        operation_id: OperationId,
        retry_after: Option<Duration>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        let wait = self.backoff.after_assigning(retry_after);
        self.assigning_answers += 1;
        self.waiting_for = Waiting::Assignment { answers: self.assigning_answers };
        self.last_busy = None;
        self.operation_id = Some(operation_id.clone());
        self.not_before = now.saturating_add(wait);
        notify(Notice::Assigning { operation_id, wait });
        self.in_time_after(retry_after)
    }

    fn busy(
        &mut self,
        now: Duration,
        rejection: Rejection,
        retry_after: Option<Duration>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        let wait = self.backoff.after_busy(retry_after);
        self.waiting_for = Waiting::Busy(rejection.to_string());
        self.last_busy = Some(rejection.clone());
        self.not_before = now.saturating_add(wait);
        notify(Notice::Busy { rejection, wait });
        self.in_time_after(retry_after)
    }

    fn rejected(
        &mut self,
        now: Duration,
        kind: &RequestKind,
        rejection: Rejection,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(), Error> {
        let code = rejection.error.as_ref().map(|error| error.error_code);
        let is_forgotten =
            matches!(kind, RequestKind::Poll(_)) && code == Some(ErrorCode::OPERATION_NOT_FOUND);
        if !is_forgotten || !self.may_register {
            return Err(Error::Rejected(rejection));
        }
        if self.forgotten {
            return Err(Breach::ForgotTwice.into());
        }
        self.forgotten = true;
        self.operation_id = None;
        self.not_before = now;
        notify(Notice::Forgotten);
        Ok(())
    }

    fn out_of_time(&self) -> Error {
        let waiting_for = match (self.link, &self.pending, &self.lost) {
            (Link::Up, Some(pending), _) => Waiting::Answer {
                request: pending.request.kind.name(),
                acknowledged: pending.acknowledged,
            },
            (Link::Subscribing, ..) if self.has_links => Waiting::Attach,
            (Link::Subscribing, ..) => Waiting::Suback,
            (Link::Down | Link::Connecting, _, Some(why)) => Waiting::Reconnect(why.clone()),
            _ => self.waiting_for.clone(),
        };
        Error::Deadline(Box::new(Deadline {
            after: self.deadline,
            waiting_for,
            operation_id: self.operation_id.clone(),
            last_busy: self.last_busy.clone(),
            asked_to_wait: self.asked_to_wait,
            foreign_answers: self.foreign_answers,
        }))
    }
}

fn finish(result: Result<Registered, Error>) -> Step {
    Step::Finish(Box::new(result))
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "registration_tpm_tests.rs"]
mod tpm_tests;
