//! A device at its hub: signing in, and the answers to what it asks (I).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::codec::Connect;
use super::flow::CloseReason;
use super::hub_session::{HubAnswer, HubQuestion, HubSession};
use crate::attestation::{Certificate, SasToken};
use crate::service::hub::{HubError, HubNotice, HubNotices, Hubs, SignedIn};
use crate::service::record::HubProof;
use crate::service::section::Section;
use crate::text::Foreign;
use crate::wire::{HubUserName, HubUserNameError, to_ascii_json};

/// The connection of a device that has signed in. Dropping it signs the device out.
pub(super) struct HubConnection {
    pub(super) session: HubSession,
    pub(super) notices: HubNotices,
    /// When its token ends.
    pub(super) until: Option<Instant>,
    connection: u64,
    hubs: Arc<Hubs>,
}

impl Drop for HubConnection {
    fn drop(&mut self) {
        self.hubs.sign_out(self.session.key(), self.connection);
    }
}

impl HubConnection {
    /// Signs in whoever connects, if it is the device that it says; else tells why not, for the log.
    pub(super) fn open(
        hubs: Arc<Hubs>,
        connect: &Connect,
        certificates: Vec<CertificateDer<'static>>,
        connection: u64,
    ) -> Result<Self, String> {
        let SignedIn { key, until, notices } = sign_in(&hubs, connect, certificates, connection)?;
        tracing::info!("{}: signed in to {}", key.device_id(), key.hub());
        let (session, until) =
            (HubSession::new(key), until.and_then(|until| instant(until, hubs.sources.now())));
        Ok(Self { session, notices, until, connection, hubs })
    }

    /// Finds the answer and appends it to `out`.
    pub(super) async fn answer(&mut self, question: HubQuestion, out: &mut BytesMut) {
        if let Some((rid, answer)) = self.find(question, out).await {
            self.session.answer(rid, &answer, out);
        }
    }

    /// Does what is asked; if it has an answer, that and the device's name for the request.
    pub(super) async fn find(
        &mut self,
        question: HubQuestion,
        out: &mut BytesMut,
    ) -> Option<(String, HubAnswer)> {
        let (hubs, key) = (&self.hubs, self.session.key());
        Some(match question {
            HubQuestion::Message => {
                hubs.count_message(key);
                return None;
            }
            HubQuestion::Taken { number } => {
                hubs.complete_message(key, number);
                return None;
            }
            HubQuestion::MethodResponse { rid, answer } => {
                if !hubs.answer_method(key, &rid, answer) {
                    let name = key.device_id();
                    tracing::warn!("{name}: answers the call {rid:?}, on which nobody waits (I)");
                }
                return None;
            }
            HubQuestion::Subscribed => {
                hubs.take_methods(key, self.connection, self.session.takes_methods());
                self.bring_messages(out);
                return None;
            }
            HubQuestion::Twin { rid } => {
                hubs.note_activity(key);
                let twin = hubs.device(key).map(|device| device.twin.for_device());
                (rid, twin_answer(twin.as_ref()))
            }
            HubQuestion::Report { rid, patch } => {
                let reported = hubs.report(key, &patch).await;
                if let Err(error) = &reported {
                    let detail = error.detail().map(|it| format!(" ({})", Foreign::short(it)));
                    let detail = detail.unwrap_or_default();
                    tracing::warn!(
                        "{}: reports properties in vain: {error}{detail}",
                        key.device_id()
                    );
                }
                (rid, report_answer(&reported))
            }
        })
    }

    /// Appends what the hub has to say; an answer is a reason to close the connection.
    pub(super) fn tell(&mut self, notice: HubNotice, out: &mut BytesMut) -> Option<CloseReason> {
        match notice {
            HubNotice::Desired { version, patch } => {
                self.session.tell_desired(version, &patch, out);
            }
            HubNotice::Method { rid, name, payload } => {
                if !self.session.call(name, rid.clone(), &payload, out) {
                    self.hubs.drop_method(self.session.key(), &rid);
                }
            }
            HubNotice::Messages => self.bring_messages(out),
            HubNotice::Disconnect { why, .. } => return Some(CloseReason::Refused(why.to_owned())),
        }
        None
    }

    fn bring_messages(&mut self, out: &mut BytesMut) {
        let waiting = self.hubs.messages_after(self.session.key(), self.session.last_sent());
        for number in self.session.bring(&waiting, out) {
            self.hubs.complete_message(self.session.key(), number);
        }
    }
}

fn sign_in(
    hubs: &Hubs,
    connect: &Connect,
    certificates: Vec<CertificateDer<'static>>,
    connection: u64,
) -> Result<SignedIn, String> {
    let user_name = connect.user_name.as_deref().unwrap_or_default();
    let HubUserName { hub, device_id, .. } =
        user_name.parse().map_err(|error: HubUserNameError| error.to_string())?;
    if device_id != connect.client_id.as_str() {
        return Err(format!("the client ID {:?} is not the device ID", connect.client_id));
    }
    let leaf = certificates.into_iter().next();
    let proof = match (&connect.password, leaf) {
        (Some(password), _) if !password.is_empty() => {
            HubProof::Sas(SasToken::from_text(String::from_utf8_lossy(password)))
        }
        (_, Some(leaf)) => Certificate::from_der(leaf)
            .map(|leaf| HubProof::Certificate(Box::new(leaf)))
            .map_err(|error| format!("its certificate cannot be read: {error}"))?,
        (_, None) => HubProof::Absent,
    };
    hubs.sign_in(&hub, &device_id, &proof, connection).map_err(|fault| fault.to_string())
}

/// The same moment on the clock that timers go by.
fn instant(time: SystemTime, now: SystemTime) -> Option<Instant> {
    let left = time.duration_since(now).unwrap_or(Duration::ZERO);
    Instant::now().checked_add(left)
}

fn twin_answer(twin: Option<&Section>) -> HubAnswer {
    let body = twin.and_then(|twin| to_ascii_json(twin).ok());
    match body {
        Some(body) => HubAnswer { status: 200, version: None, body },
        None => HubAnswer { status: 404, version: None, body: "{}".to_owned() },
    }
}

fn report_answer(reported: &Result<u64, HubError>) -> HubAnswer {
    let refused = |status| HubAnswer { status, version: None, body: "{}".to_owned() };
    match reported {
        Ok(version) => HubAnswer { status: 204, version: Some(*version), body: String::new() },
        Err(HubError::Twin(_)) => refused(400),
        Err(HubError::NotFound) => refused(404),
        Err(HubError::PreconditionFailed | HubError::AlreadyExists) => refused(412),
        Err(HubError::Store(_) | HubError::MailboxFull) => refused(500),
    }
}
