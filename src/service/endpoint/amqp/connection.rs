//! One AMQP connection over any stream of bytes: what comes and goes, deadlines, and the end of it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer::{answer, failure};
use super::held::{Held, Saying};
use super::hub_connection::{HubConnection, HubHeard};
use super::hub_conversation::{HubConversation, HubQuestion};
use super::opening::{Opened, Opening};
use super::provisioning::{Provisioning, Question, Refusal, Took};
use super::request::What;
use super::sign_in::{Denied, SignIn};
use super::struck_sasl::strike_sasl;
use super::told::{begun, moment};
use crate::amqp::engine::{self, Delivery, Event, Limits, LinkId};
use crate::amqp::{Failure, Message, Open, Outcome, SaslCode, Violation};
use crate::attestation::KeyBlob;
use crate::service::connection::ClientConnection;
use crate::service::endpoint::line::RipCord;
use crate::service::endpoint::outgoing::send;
use crate::service::fault_rule::{Deed, FaultPlace};
use crate::service::faults::{HangUp, Strike};
use crate::service::registrar::{Asked, Registrar};
use crate::service::reply::error_reply;
use crate::text::Foreign;
use crate::wire::{RegistrationAddress, TpmKeys};

/// How long a client has for the TLS handshake, SASL and `open` together.
pub(in crate::service) const OPENING: Duration = Duration::from_secs(30);
/// The longest silence (J-330).
const LONGEST_SILENCE: Duration = Duration::from_secs(240);
/// After how long a client should say something: half of that, as the standard advises (part 2, section
/// 2.4.5).
const IDLE_TIME_OUT: Duration = Duration::from_secs(120);
/// A client that asks for more signs of life than this gets so many (J-330).
const SHORTEST_BEAT: Duration = Duration::from_millis(500);
/// How long the end of a connection may take.
const PARTING: Duration = Duration::from_secs(1);
/// What is read at once, at first and at most.
const READ: (usize, usize) = (512, 16 * 1024);

/// Serves one connection to its end; `open` must be there by `opened_by`. Whatever a client does, only its
/// own connection ends.
pub(in crate::service) async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(
    (mut stream, cord): (S, RipCord),
    client: ClientConnection,
    certificates: Vec<CertificateDer<'static>>,
    registrar: Arc<Registrar>,
    opened_by: Instant,
) {
    let (peer, number) = (client.peer, client.number);
    let mut inbox = Vec::new();
    let end = match open(&mut stream, &mut inbox, opened_by, (&registrar, &client)).await {
        Ok(sign_in) => {
            let provisioning = Provisioning::new(client, sign_in, certificates);
            let mut connection =
                Connection::new((&mut stream, inbox), number, provisioning, registrar, opened_by);
            let end = connection.serve().await;
            connection.provisioning.warn_of_more();
            log(&connection.name(), peer, &end);
            end
        }
        Err(end) => {
            log("a client", peer, &end);
            match end {
                End::Denied(denied) => {
                    let reason = denied.reason.clone();
                    if let Some(who) = Provisioning::turned_away(client, denied) {
                        registrar.refused_sasl(who);
                    }
                    End::Refused(reason)
                }
                end => end,
            }
        }
    };
    if let End::Struck(HangUp::Reset) = end {
        return cord.pull();
    }
    // Also of a connection that is lost: a WebSocket says only now what was wrong.
    let _ = timeout_at(Instant::now() + PARTING, stream.shutdown()).await;
}

/// What the service says of itself.
fn own_open() -> Open {
    Open {
        container_id: "provision-sim".to_owned(),
        idle_time_out: u32::try_from(IDLE_TIME_OUT.as_millis()).ok(),
        ..Open::default()
    }
}

pub(super) struct Connection<'a, S> {
    stream: &'a mut S,
    number: u64,
    inbox: Vec<u8>,
    pub(super) outbox: Vec<u8>,
    pub(super) engine: engine::Connection,
    pub(super) provisioning: Provisioning,
    /// The devices that have links to their hubs, if there are any.
    pub(super) hub: Option<Box<HubConnection>>,
    /// By when the client must have said something: who it is, and later anything at all.
    until: Instant,
    has_opened: bool,
    /// How long it may say nothing then.
    silence: Duration,
    /// How often the client wants a sign of life, and when the next one is due.
    beat: Option<(Duration, Instant)>,
    /// What faults on demand have said later.
    pub(super) held: Option<Box<Held>>,
    pub(super) registrar: Arc<Registrar>,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client said goodbye, perhaps with an error.
    Closed(Option<Failure>),
    /// The client was refused; the text is for the log.
    Refused(String),
    /// SASL did not let it in.
    Denied(Denied),
    /// It broke a rule of AMQP.
    Violated(Violation),
    Silent,
    /// The text is for the log.
    Lost(String),
    /// A fault on demand wants it, and was logged.
    Struck(HangUp),
}

/// What a connection waits for.
enum Heard {
    Bytes,
    /// A sign of life is due.
    Beat,
    /// Something happened at a hub.
    Hub(HubHeard),
    /// Something that was held back is due.
    Due(Saying),
}

impl<'a, S> Connection<'a, S> {
    /// A connection of which nothing is known but what came before AMQP; `inbox` is what was read already.
    fn new(
        (stream, inbox): (&'a mut S, Vec<u8>),
        number: u64,
        provisioning: Provisioning,
        registrar: Arc<Registrar>,
        opened_by: Instant,
    ) -> Self {
        Self {
            stream,
            number,
            inbox,
            outbox: Vec::new(),
            engine: engine::Connection::new(own_open(), Limits::default()),
            provisioning,
            hub: None,
            until: opened_by,
            has_opened: false,
            silence: LONGEST_SILENCE,
            beat: None,
            held: None,
            registrar,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn serve(&mut self) -> End {
        loop {
            let read = self.engine.read(&mut self.inbox);
            while let Some(event) = self.engine.next_event() {
                if let Err(end) = self.take(event).await {
                    let _ = self.flush().await;
                    return end;
                }
            }
            if let Err(end) = self.flush().await {
                return end;
            }
            if let Err(violation) = read {
                return End::Violated(violation);
            }
            if self.inbox.is_empty() {
                // Not `clear`: an idle device should not hold on to what its last message needed.
                self.inbox = Vec::new();
            }
            match self.hear().await {
                Ok(Heard::Bytes) => {}
                Ok(Heard::Beat) => self.engine.beat(),
                Ok(Heard::Hub(heard)) => {
                    if let Some(hub) = &mut self.hub {
                        hub.tell(heard, &mut self.engine);
                    }
                }
                Ok(Heard::Due(saying)) => {
                    if let Err(end) = self.say_now(saying).await {
                        let _ = self.flush().await;
                        return end;
                    }
                }
                Err(End::Silent) => {
                    let what = "nothing was heard for too long".to_owned();
                    self.engine.close(Some(Failure::new("amqp:resource-limit-exceeded", what)));
                    let _ = self.flush().await;
                    return End::Silent;
                }
                Err(end) => return end,
            }
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), End> {
        let tap = &self.registrar.tap;
        if tap.is_on()
            && let Some(moment) = moment(&event)
        {
            tap.tell(self.number, || moment);
        }
        match event {
            Event::Opened(open) => {
                self.has_opened = true;
                self.until = Instant::now() + self.silence;
                self.beat = open.idle_time_out.filter(|wait| *wait > 0).map(|wait| {
                    let every = (Duration::from_millis(wait.into()) / 2).max(SHORTEST_BEAT);
                    (every, Instant::now() + every)
                });
                self.provisioning.opened(&open);
                Ok(())
            }
            Event::Closed(error) => Err(End::Closed(error)),
            event => {
                let places = self.places_of(&event);
                if places.is_empty() {
                    return self.pass_on(event).await;
                }
                // Boxed: what only faults need is no burden to all others.
                match Box::pin(self.strike(event, places)).await? {
                    Some(event) => self.pass_on(event).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// What happens on a link to a hub is the hub's, and all else is the service's that provisions. A session
    /// may have links of both kinds.
    pub(super) async fn pass_on(&mut self, event: Event) -> Result<(), End> {
        let Self { engine, provisioning, hub, registrar, .. } = self;
        if hub.is_none() && HubConversation::is_meant_by(&event) {
            let (client, certificate) = provisioning.client();
            let hubs = registrar.hubs().clone();
            *hub = Some(Box::new(HubConnection::new(hubs, client, certificate)));
        }
        match hub {
            Some(hub) if hub.owns(&event) => {
                for question in hub.questions(event, engine) {
                    self.ask_hub(question).await?;
                }
                return Ok(());
            }
            Some(hub) if matches!(event, Event::Ended { .. }) => {
                for question in hub.questions(event.clone(), engine) {
                    self.ask_hub(question).await?;
                }
            }
            _ => {}
        }
        self.provision(event).await
    }

    async fn ask_hub(&mut self, question: HubQuestion) -> Result<(), End> {
        let is_twins = matches!(question, HubQuestion::Twin { .. } | HubQuestion::Report { .. });
        if is_twins && self.registrar.faults.are_at(FaultPlace::Twin) {
            return Box::pin(self.answer_twin(question)).await;
        }
        if let Some(hub) = &mut self.hub {
            hub.answer(question, &mut self.engine).await;
        }
        Ok(())
    }

    /// A name for who is there, in logs.
    fn name(&self) -> String {
        let devices = || self.hub.iter().flat_map(|hub| hub.devices());
        match (devices().next(), devices().count()) {
            (None, _) => self.provisioning.name().to_owned(),
            (Some(device), 1) => device.as_str().to_owned(),
            (Some(device), all) => format!("{device} and {} more", all - 1),
        }
    }

    async fn provision(&mut self, event: Event) -> Result<(), End> {
        let Self { engine, provisioning, registrar, .. } = self;
        match provisioning.take(event, engine, &registrar.instance().id_scope) {
            Took::Nothing => Ok(()),
            Took::Ask(question) => self.ask(question).await,
            Took::Refuse(link, refusal) => {
                self.refuse_link(link, *refusal);
                Ok(())
            }
            Took::Reject(link, delivery, refusal) => {
                let Refusal { code, message, reason, turned_away } = *refusal;
                self.provisioning.warn(format_args!("refused with {code}: {reason}"));
                let reply = error_reply(&self.registrar.sources, code, message);
                self.answer((link, delivery), answer(reply, None));
                if let Some(who) = turned_away {
                    self.registrar.refused_request(who, code);
                }
                Ok(())
            }
        }
    }

    fn refuse_link(&mut self, link: LinkId, refusal: Refusal) {
        let Refusal { code, message, reason, turned_away } = refusal;
        self.provisioning.warn(format_args!("refused with {code}: {reason}"));
        let reply = error_reply(&self.registrar.sources, code, message);
        self.engine.refuse(link, failure(reply, None));
        if let Some(who) = turned_away {
            self.registrar.refused_attach(who, code);
        }
    }

    /// Asks the registrar. Signs of life go out meanwhile.
    async fn ask(&mut self, question: Question) -> Result<(), End> {
        let Self { stream, outbox, engine, provisioning, beat, registrar, .. } = self;
        let Some(device) = provisioning.device() else { return Ok(()) };
        let asked = match &question.what {
            What::Register(body) => Asked::Register(body),
            What::Poll(operation_id) => Asked::Poll(operation_id),
            What::Lookup(body) => Asked::Lookup(body),
        };
        let verdict = {
            let mut asking = pin!(registrar.answer(device, asked));
            loop {
                tokio::select! {
                    biased;
                    verdict = &mut asking => break verdict,
                    () = due(beat.as_ref()) => {
                        engine.beat();
                        outbox.append(&mut engine.output());
                        write(*stream, outbox).await?;
                        renew(beat);
                    }
                }
            }
        };
        self.carry_out(question, verdict).await
    }

    /// Says what became of a request, and its answer if there is one.
    pub(super) fn answer(
        &mut self,
        (link, delivery): (LinkId, Delivery),
        (outcome, message): (Outcome, Option<Message>),
    ) {
        if delivery.is_settled() && matches!(outcome, Outcome::Rejected(_)) {
            self.provisioning.warn(format_args!(
                "sends its requests settled, and so does not hear that they are refused"
            ));
        }
        self.engine.settle(link, delivery, outcome);
        let Some(message) = message else { return };
        let Some((back, is_settled)) = self.provisioning.answers_on(link) else {
            return self.provisioning.warn(format_args!(
                "has no link on which it receives, and will not hear the answer"
            ));
        };
        if let Err(refused) = self.engine.send(back, message, is_settled) {
            self.provisioning.warn(format_args!("cannot be answered: {refused}"));
        }
    }

    /// Waits for bytes, for something to happen at a hub, or for the time of a sign of life.
    async fn hear(&mut self) -> Result<Heard, End> {
        let Self { stream, inbox, hub, beat, until, silence, held, .. } = self;
        tokio::select! {
            read = read_until(*stream, inbox, *until) => {
                read?;
                if self.has_opened {
                    *until = Instant::now() + *silence;
                }
                Ok(Heard::Bytes)
            }
            () = due(beat.as_ref()) => {
                renew(beat);
                Ok(Heard::Beat)
            }
            heard = hear_of(hub.as_deref_mut()) => Ok(Heard::Hub(heard)),
            saying = due_of(held.as_deref_mut()) => Ok(Heard::Due(saying)),
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        self.outbox.append(&mut self.engine.output());
        write(self.stream, &mut self.outbox).await
    }
}

/// When the next sign of life is due.
async fn due(beat: Option<&(Duration, Instant)>) {
    match beat {
        Some((_, at)) => sleep_until(*at).await,
        None => std::future::pending().await,
    }
}

/// What was held back, once it is due.
async fn due_of(held: Option<&mut Held>) -> Saying {
    if let Some(held) = held
        && let Some(at) = held.next_due()
    {
        sleep_until(at).await;
        if let Some(saying) = held.take_due() {
            return saying;
        }
    }
    std::future::pending().await
}

/// What happens at a hub.
async fn hear_of(hub: Option<&mut HubConnection>) -> HubHeard {
    match hub {
        Some(hub) => hub.hear().await,
        None => std::future::pending().await,
    }
}

fn renew(beat: &mut Option<(Duration, Instant)>) {
    if let Some((every, at)) = beat {
        *at = Instant::now() + *every;
    }
}

/// Goes on until AMQP begins.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    inbox: &mut Vec<u8>,
    until: Instant,
    (registrar, client): (&Registrar, &ClientConnection),
) -> Result<SignIn, End> {
    let (mut opening, mut outbox) = (Opening::new(), Vec::new());
    let mut has_presented = false;
    loop {
        let opened = opening.take(inbox, &mut outbox);
        write(stream, &mut outbox).await?;
        match opened {
            Opened::Not => read_until(stream, inbox, until).await?,
            Opened::Presented => {
                has_presented = true;
                if let Some(sign_in) = opening.presented() {
                    registrar.tap.tell(client.number, || begun(sign_in));
                }
                if let Some(strike) = strike_sasl(registrar, client, opening.presented()) {
                    let struck = struck(stream, inbox, until, registrar, &strike);
                    // Boxed: what only faults need is no burden to all others.
                    Box::pin(struck).await?;
                }
                opening.let_in(&mut outbox);
            }
            Opened::Wanted => {
                let Some((address, keys)) = opening.wanted() else { continue };
                match challenge(registrar, address, keys) {
                    Ok(blob) => opening.challenge(blob.as_bytes(), &mut outbox),
                    Err(denied) => {
                        Opening::turn_away(SaslCode::Auth, &mut outbox);
                        write(stream, &mut outbox).await?;
                        return Err(End::Denied(denied));
                    }
                }
            }
            Opened::As(sign_in) => {
                if !has_presented {
                    registrar.tap.tell(client.number, || begun(&sign_in));
                }
                return Ok(sign_in);
            }
            Opened::Denied(denied) => return Err(End::Denied(denied)),
            Opened::Foreign(reason) => return Err(End::Refused(reason)),
            Opened::Violated(violation) => return Err(End::Violated(violation)),
        }
    }
}

/// What holds a key for the device's TPM; a refusal is told in the words that HTTPS has (J-416).
fn challenge(
    registrar: &Registrar,
    address: &RegistrationAddress,
    keys: &TpmKeys,
) -> Result<KeyBlob, Denied> {
    let id = &address.registration_id;
    registrar.challenge_tpm(id, keys).map_err(|refusal| Denied {
        check: refusal.fault.as_word(),
        ..Denied::of_tpm(address, refusal.text(id))
    })
}

/// Does what a fault on demand wants in place of the end of SASL; if it lets the client in, it is late at
/// most.
async fn struck<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    inbox: &mut Vec<u8>,
    until: Instant,
    registrar: &Registrar,
    strike: &Strike,
) -> Result<(), End> {
    let what = &strike.rule.what;
    registrar.sources.clock.sleep(what.delay.unwrap_or_default()).await;
    match what.deed {
        Some(Deed::Silence) => loop {
            inbox.clear();
            read_until(stream, inbox, until).await?;
        },
        Some(Deed::Close) => Err(End::Struck(HangUp::Close)),
        Some(Deed::Reset) => Err(End::Struck(HangUp::Reset)),
        Some(Deed::SaslOutcome(code)) => {
            let (code, mut outbox) = (SaslCode::of(code), Vec::new());
            Opening::turn_away(code, &mut outbox);
            write(stream, &mut outbox).await?;
            Err(End::Struck(HangUp::Close))
        }
        _ => Ok(()),
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, outbox: &mut Vec<u8>) -> Result<(), End> {
    // Not `clear`: an idle device should not hold on to the buffer of its last answer.
    send(stream, &std::mem::take(outbox)).await.map_err(End::Lost)
}

/// Reads what there is. The more there was, the more is read at once.
async fn read_until<S: AsyncRead + Unpin>(
    stream: &mut S,
    inbox: &mut Vec<u8>,
    until: Instant,
) -> Result<(), End> {
    if inbox.capacity() == inbox.len() {
        inbox.reserve(inbox.len().clamp(READ.0, READ.1));
    }
    match timeout_at(until, stream.read_buf(inbox)).await {
        Ok(Ok(0)) => Err(End::Lost("closed without `close`".to_owned())),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(End::Lost(error.to_string())),
        Err(_) => Err(End::Silent),
    }
}

fn log(name: &str, peer: SocketAddr, end: &End) {
    match end {
        End::Closed(None) => tracing::debug!("{name} ({peer}): closed the connection"),
        End::Closed(Some(Failure { condition, description, .. })) => {
            let text = Foreign::short(description.as_deref().unwrap_or_default());
            tracing::warn!("{name} ({peer}): closed the connection with {condition}: {text:?}");
        }
        End::Refused(reason) => tracing::warn!("{name} ({peer}): {reason}"),
        End::Denied(denied) => {
            tracing::warn!("{name} ({peer}): SASL outcome 1 (auth): {}", denied.reason);
        }
        End::Violated(violation) => {
            tracing::warn!("{name} ({peer}): broke AMQP 1.0: {}", violation.cited());
        }
        End::Silent => tracing::info!("{name} ({peer}): said nothing for too long"),
        End::Struck(_) => tracing::debug!("{name} ({peer}): closed, as was asked for"),
        End::Lost(reason) => tracing::debug!("{name} ({peer}): {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::amqp::{Frame, Kind, Performative, Protocol, next_frame};
    use crate::service::api::testing::world;

    /// What the service says until it hangs up.
    async fn heard(mut client: DuplexStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    fn performatives(mut bytes: &[u8]) -> Vec<Performative> {
        let mut all = Vec::new();
        while let Some((frame, size)) = next_frame(bytes, Kind::Amqp, 4096).unwrap() {
            if let Frame::Amqp(_, performative) = frame {
                all.push(performative);
            }
            bytes = &bytes[size..];
        }
        all
    }

    fn open_frame() -> Vec<u8> {
        let mut bytes = Vec::new();
        let open = Open { container_id: "a".to_owned(), ..Open::default() };
        Frame::Amqp(0, Performative::Open(open)).write(&mut bytes);
        bytes
    }

    #[tokio::test]
    async fn j_330_whoever_is_silent_for_too_long_is_closed_with_the_reason() {
        let (mut client, mut stream) = duplex(4096);
        client.write_all(&open_frame()).await.unwrap();
        let numbered = ClientConnection::numbered(1);
        let provisioning = Provisioning::new(numbered, SignIn::Bare, Vec::new());
        let (inbox, until) = (Vec::new(), Instant::now() + OPENING);
        let registrar = world().registrar;
        let mut connection =
            Connection::new((&mut stream, inbox), 1, provisioning, registrar, until);
        connection.silence = Duration::ZERO;

        let end = connection.serve().await;

        assert!(matches!(end, End::Silent), "{end:?}");
        drop(stream);
        let said = performatives(&heard(client).await);
        let [Performative::Open(_), Performative::Close(close)] = &said[..] else {
            panic!("{said:?}")
        };
        let error = close.error.as_ref().unwrap();
        assert_eq!(error.condition.as_str(), "amqp:resource-limit-exceeded");
    }

    /// What each has said when its time is up, and how much of an answer it still gets.
    #[tokio::test]
    async fn a_connection_that_is_not_open_in_time_is_hung_up_on() {
        let half_a_frame = [&Protocol::Amqp.bytes()[..], &open_frame()[..9]].concat();
        for (said, answered) in [
            (&b""[..], false),
            (b"AMQ", false),
            (&Protocol::Sasl.bytes(), true),
            (&half_a_frame, true),
        ] {
            let (mut client, stream) = duplex(4096);
            client.write_all(said).await.unwrap();

            let stream = (stream, RipCord::default());
            let connection = ClientConnection::numbered(1);
            let registrar = world().registrar;
            serve_stream(stream, connection, Vec::new(), registrar, Instant::now()).await;

            assert_eq!(!heard(client).await.is_empty(), answered, "{said:?}");
        }
    }
}
