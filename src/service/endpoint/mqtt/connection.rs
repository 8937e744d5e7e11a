//! One MQTT connection over any stream of bytes: what comes and goes, deadlines, and the end of it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::codec::{Connect, Packet, read, write};
use super::flow::{CloseReason, Flow, Struck};
use super::held::{Delayed, Held};
use super::hub_connection::HubConnection;
use super::hub_session::HubQuestion;
use super::session::{Question, Session};
use super::told::moment;
use crate::service::connection::ClientConnection;
use crate::service::endpoint::line::RipCord;
use crate::service::endpoint::outgoing::send;
use crate::service::fault_rule::FaultPlace;
use crate::service::faults::{HangUp, Verdict};
use crate::service::hub::HubNotice;
use crate::service::registrar::{Asked, Registrar};
use crate::text::Foreign;
use crate::wire::{ConnectCode, HubUserName, MAX_MESSAGE, RequestTopic};

/// How long a client has for the TLS handshake and CONNECT together.
pub(in crate::service) const OPENING: Duration = Duration::from_secs(30);
/// The longest silence, whatever keep-alive says: what Azure's load balancer allows (A.7). A
/// keep-alive of 0, as the C and .NET SDKs have it, asks for no limit and gets this one.
const LONGEST_SILENCE: Duration = Duration::from_secs(1767);
/// How long the end of a connection may take.
const PARTING: Duration = Duration::from_secs(1);
/// Message, topic and headers.
const MAX_PACKET: usize = MAX_MESSAGE + 4 * 1024;
/// The same at a hub, whose messages may have 256 KB (I).
pub(in crate::service) const MAX_HUB_PACKET: usize = (256 + 4) * 1024;

/// Serves one connection to its end; CONNECT must be there by `opened_by`. Whatever a client does,
/// only its own connection ends.
pub(in crate::service) async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(
    (stream, cord): (S, RipCord),
    client: ClientConnection,
    certificates: Vec<CertificateDer<'static>>,
    registrar: Arc<Registrar>,
    opened_by: Instant,
) {
    let (peer, number, is_web_socket) = (client.peer, client.number, client.web_socket);
    let mut connection = Connection {
        stream,
        number,
        is_web_socket,
        speaker: Speaker::Provisioning(Box::new(Session::new(client, certificates))),
        inbox: BytesMut::with_capacity(512),
        outbox: BytesMut::new(),
        silence: None,
        held: None,
        registrar,
    };
    let end = connection.serve(opened_by).await;
    if let Speaker::Provisioning(session) = &mut connection.speaker {
        session.warn_of_more();
    }
    connection.log(peer, &end);
    if let End::Struck(HangUp::Reset) = end {
        return cord.pull();
    }
    // Also of a connection that is lost: a WebSocket says only now what was wrong.
    let _ = timeout_at(Instant::now() + PARTING, connection.stream.shutdown()).await;
}

pub(super) struct Connection<S> {
    stream: S,
    number: u64,
    pub(super) is_web_socket: bool,
    pub(super) speaker: Speaker,
    inbox: BytesMut,
    pub(super) outbox: BytesMut,
    /// How long the client may say nothing; none before CONNECT.
    silence: Option<Duration>,
    /// What faults on demand hold back.
    pub(super) held: Option<Box<Held>>,
    pub(super) registrar: Arc<Registrar>,
}

/// What the client came for. Until CONNECT says otherwise, to be provisioned.
pub(super) enum Speaker {
    Provisioning(Box<Session>),
    Hub(Box<HubConnection>),
}

/// How a connection ended.
pub(super) enum End {
    Said(CloseReason),
    Silent,
    /// The text is for the log.
    Lost(String),
    /// A fault on demand wants it, and was logged.
    Struck(HangUp),
}

/// What a connection waits for.
enum Heard {
    Packet(Packet),
    /// From the hub; none if there is nothing more to come.
    Notice(Option<HubNotice>),
    TokenEnded,
    /// What was held back is due.
    Due,
    /// The answer to a request for a certificate is.
    CertificateDue,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn serve(&mut self, opened_by: Instant) -> End {
        loop {
            let until = self.silence.map_or(opened_by, |silence| Instant::now() + silence);
            let heard = match self.hear(until).await {
                Ok(heard) => heard,
                Err(end) => return self.refuse_violation(end).await,
            };
            let reason = self.take(heard).await;
            if let Err(end) = self.flush().await {
                return end;
            }
            match reason {
                Ok(None) => {}
                Ok(Some(reason)) => return End::Said(reason),
                Err(end) => return end,
            }
        }
    }

    /// Takes in what was heard; an answer is the reason to close.
    async fn take(&mut self, heard: Heard) -> Result<Option<CloseReason>, End> {
        if let Heard::Packet(packet) = &heard {
            self.tell(packet);
        }
        let delay = match &heard {
            Heard::Packet(packet) => match self.strike(packet).await? {
                Struck::Not => None,
                Struck::Instead => return Ok(None),
                Struck::Later(delay) if self.registrar.sources.clock.stands() => {
                    self.registrar.sources.clock.sleep(delay).await;
                    None
                }
                Struck::Later(delay) => Some(delay),
            },
            _ => None,
        };
        let taken = self.take_in(heard).await;
        if let (Some(delay), Ok(None)) = (delay, &taken) {
            let bytes = std::mem::take(&mut self.outbox);
            self.hold(delay, bytes, None);
        }
        taken
    }

    /// Tells whoever watches of a packet.
    fn tell(&self, packet: &Packet) {
        let tap = &self.registrar.tap;
        if !tap.is_on() {
            return;
        }
        let is_for_hub = match packet {
            Packet::Connect(connect) => self.is_for_a_hub(connect),
            _ => matches!(self.speaker, Speaker::Hub(_)),
        };
        if let Some(moment) = moment(packet, is_for_hub) {
            tap.tell(self.number, || moment);
        }
    }

    async fn take_in(&mut self, heard: Heard) -> Result<Option<CloseReason>, End> {
        let packet = match heard {
            Heard::Packet(packet) => packet,
            Heard::TokenEnded => {
                return Ok(Some(CloseReason::Refused("its SAS token has expired".to_owned())));
            }
            Heard::Notice(notice) => return Ok(self.deliver(notice)),
            Heard::CertificateDue => {
                if let Speaker::Hub(hub) = &mut self.speaker {
                    hub.bring_certificate(&mut self.outbox);
                }
                return Ok(None);
            }
            Heard::Due => {
                let due = self.held.as_mut().and_then(|held| held.take_due());
                let Some(Delayed { bytes, then }) = due else { return Ok(None) };
                self.outbox.extend_from_slice(&bytes);
                return then.map_or(Ok(None), |how| Err(End::Struck(how)));
            }
        };
        if let Packet::Connect(connect) = &packet {
            self.silence = Some(allowed_silence(connect.keep_alive));
            if self.is_for_a_hub(connect) {
                return Ok(self.sign_in(connect));
            }
        }
        match &mut self.speaker {
            Speaker::Provisioning(session) => {
                let id_scope = &self.registrar.instance().id_scope;
                match session.take(packet, id_scope, &mut self.outbox) {
                    Flow::Continue => {}
                    Flow::Close(reason) => {
                        if let Some((who, code)) = session.turned_away() {
                            self.registrar.refused_connect(who, code);
                        }
                        return Ok(Some(reason));
                    }
                    Flow::Ask(question) => self.ask(question).await?,
                }
            }
            Speaker::Hub(hub) => match hub.session.take(packet, &mut self.outbox) {
                Flow::Continue => {}
                Flow::Close(reason) => return Ok(Some(reason)),
                Flow::Ask(HubQuestion::Certificate { rid, body }) => {
                    return Box::pin(self.renew(rid, body)).await.map(|()| None);
                }
                Flow::Ask(question) if self.registrar.faults.are_at(FaultPlace::Twin) => {
                    return Box::pin(self.answer_twin(question)).await.map(|()| None);
                }
                Flow::Ask(question) => hub.answer(question, &mut self.outbox).await,
            },
        }
        Ok(None)
    }

    /// PUBACK goes out before the answer: at once if the answer takes time or the client wants
    /// some (J-200), else together with it.
    async fn ask(&mut self, Question { topic, body }: Question) -> Result<(), End> {
        let Self { stream, outbox, speaker, registrar, .. } = self;
        let Speaker::Provisioning(session) = speaker else { return Ok(()) };
        let Some(device) = session.device() else { return Ok(()) };
        let (asked, earliest) = (Instant::now(), session.earliest_answer());
        if !earliest.is_zero() {
            flush(stream, outbox).await?;
        }
        let verdict = {
            let asked = match &topic {
                RequestTopic::Register { .. } => Asked::Register(&body),
                RequestTopic::OperationStatus { operation_id, .. } => Asked::Poll(operation_id),
            };
            let mut asking = pin!(registrar.answer(device, asked));
            match asking.as_mut().now_or_never() {
                Some(verdict) => verdict,
                None => {
                    flush(stream, outbox).await?;
                    asking.await
                }
            }
        };
        if !earliest.is_zero() {
            sleep_until(asked + earliest).await;
        }
        match verdict {
            Verdict::Reply(reply) if self.held.is_none() => session.answer(&topic, &reply, outbox),
            verdict => return self.carry_out(&topic, verdict).await,
        }
        Ok(())
    }

    /// By the user name: that of a device at a hub begins with the name of the hub.
    pub(super) fn is_for_a_hub(&self, connect: &Connect) -> bool {
        let is_new = matches!(&self.speaker, Speaker::Provisioning(it) if it.device().is_none());
        let user_name = connect.user_name.as_deref().unwrap_or_default();
        let first = user_name.split('/').next().unwrap_or_default();
        is_new
            && (HubUserName::is_meant_by(user_name)
                || self.registrar.hubs().linked(first).is_some())
    }

    /// Whoever is not the device is refused at CONNECT (I), unlike at the service that provisions.
    fn sign_in(&mut self, connect: &Connect) -> Option<CloseReason> {
        let hubs = self.registrar.hubs().clone();
        let Speaker::Provisioning(session) = &mut self.speaker else { return None };
        let certificates = session.take_certificates();
        match HubConnection::open(hubs, connect, certificates, self.number) {
            Ok(hub) => {
                write::connack(&mut self.outbox, false, ConnectCode::Accepted);
                self.speaker = Speaker::Hub(Box::new(hub));
                None
            }
            Err(reason) => {
                let code = ConnectCode::NotAuthorized;
                write::connack(&mut self.outbox, false, code);
                let user_name = connect.user_name.as_deref().unwrap_or_default();
                let user_name = Foreign::short(user_name);
                let reason = format!("CONNACK {} ({code}) to {user_name:?}: {reason}", code as u8);
                Some(CloseReason::Refused(reason))
            }
        }
    }

    fn deliver(&mut self, notice: Option<HubNotice>) -> Option<CloseReason> {
        let Speaker::Hub(hub) = &mut self.speaker else { return None };
        match notice {
            Some(notice) => hub.tell(notice, &mut self.outbox),
            None => Some(CloseReason::Refused("it left too many changes unread".to_owned())),
        }
    }

    /// Waits for a packet, and at a hub for its notices too. Nothing that was read is lost if one is there
    /// before the other.
    async fn hear(&mut self, until: Instant) -> Result<Heard, End> {
        let Self { stream, inbox, speaker, held, .. } = self;
        match speaker {
            Speaker::Provisioning(_) => match held.as_ref().and_then(|held| held.next_due()) {
                None => next_packet(stream, inbox, MAX_PACKET, until).await.map(Heard::Packet),
                Some(due) => tokio::select! {
                    packet = next_packet(stream, inbox, MAX_PACKET, until) => {
                        packet.map(Heard::Packet)
                    }
                    () = sleep_until(due) => Ok(Heard::Due),
                },
            },
            Speaker::Hub(hub) => {
                let held_due = until_then(held.as_ref().and_then(|held| held.next_due()));
                let certificate_due = until_then(hub.certificate_due);
                let due = async {
                    tokio::select! {
                        // Of what was held back the certificate comes last.
                        biased;
                        () = held_due => Heard::Due,
                        () = certificate_due => Heard::CertificateDue,
                    }
                };
                let token_ended = until_then(hub.until);
                tokio::select! {
                    packet = next_packet(stream, inbox, MAX_HUB_PACKET, until) => {
                        packet.map(Heard::Packet)
                    }
                    notice = hub.notices.recv() => Ok(Heard::Notice(notice)),
                    () = token_ended => Ok(Heard::TokenEnded),
                    due = due => Ok(due),
                }
            }
        }
    }

    /// Some broken CONNECTs are owed an answer before the connection closes.
    async fn refuse_violation(&mut self, end: End) -> End {
        if let End::Said(CloseReason::Violated(violation)) = &end
            && matches!(&self.speaker, Speaker::Provisioning(it) if it.device().is_none())
            && let Some(code) = violation.refusal()
        {
            write::connack(&mut self.outbox, false, code);
            let _ = self.flush().await;
        }
        end
    }

    pub(super) async fn flush(&mut self) -> Result<(), End> {
        flush(&mut self.stream, &mut self.outbox).await
    }

    fn log(&self, peer: SocketAddr, end: &End) {
        let name = match &self.speaker {
            Speaker::Provisioning(session) => session.name(),
            Speaker::Hub(hub) => hub.session.key().device_id().as_str(),
        };
        match end {
            End::Said(CloseReason::Disconnected) => {
                tracing::debug!("{name} ({peer}): disconnected")
            }
            End::Said(CloseReason::Refused(reason)) => tracing::warn!("{name} ({peer}): {reason}"),
            End::Said(CloseReason::Violated(violation)) => {
                tracing::warn!(
                    "{name} ({peer}): broke MQTT 3.1.1: {violation} [{}]",
                    violation.rule()
                );
            }
            End::Silent => tracing::info!("{name} ({peer}): said nothing for too long"),
            End::Struck(_) => tracing::debug!("{name} ({peer}): closed, as was asked for"),
            End::Lost(reason) => tracing::debug!("{name} ({peer}): {reason}"),
        }
    }
}

/// Waits until then; for ever if it is never.
async fn until_then(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn flush<S: AsyncWrite + Unpin>(stream: &mut S, outbox: &mut BytesMut) -> Result<(), End> {
    // Not `clear`: an idle device should not hold on to the buffer of its last answer.
    send(stream, &std::mem::take(outbox)).await.map_err(End::Lost)
}

async fn next_packet<S: AsyncRead + Unpin>(
    stream: &mut S,
    inbox: &mut BytesMut,
    max_packet: usize,
    until: Instant,
) -> Result<Packet, End> {
    loop {
        // No packet begins like this.
        if speaks_http(inbox) {
            let reason = "speaks HTTP; this is MQTT's port, and HTTPS has another";
            return Err(End::Said(CloseReason::Refused(reason.to_owned())));
        }
        match read(inbox, max_packet) {
            Ok(Some(packet)) => return Ok(packet),
            Ok(None) => {}
            Err(violation) => return Err(End::Said(CloseReason::Violated(violation))),
        }
        match timeout_at(until, stream.read_buf(inbox)).await {
            Ok(Ok(0)) => return Err(End::Lost("closed without DISCONNECT".to_owned())),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(End::Lost(error.to_string())),
            Err(_) => return Err(End::Silent),
        }
    }
}

fn speaks_http(bytes: &[u8]) -> bool {
    let methods =
        ["GET /", "PUT /", "POST /", "HEAD /", "DELETE /", "PATCH /", "OPTIONS ", "PRI * "];
    methods.iter().any(|method| bytes.starts_with(method.as_bytes()))
}

/// One and a half times the keep-alive [MQTT-3.1.2-24].
fn allowed_silence(keep_alive: u16) -> Duration {
    match keep_alive {
        0 => LONGEST_SILENCE,
        seconds => (Duration::from_secs(seconds.into()) * 3 / 2).min(LONGEST_SILENCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_7_silence_is_one_and_a_half_keep_alives_and_never_unlimited() {
        assert_eq!(allowed_silence(60), Duration::from_secs(90));
        assert_eq!(allowed_silence(0), LONGEST_SILENCE);
        assert_eq!(allowed_silence(u16::MAX), LONGEST_SILENCE);
    }
}
