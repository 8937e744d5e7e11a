//! A device at its hub: signing in, and the answers to what it asks (I).

use std::sync::Arc;

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::codec::Connect;
use super::flow::CloseReason;
use super::hub_session::{HubQuestion, HubSession};
use crate::attestation::{Certificate, SasToken};
use crate::service::endpoint::hub_desk::{self, TwinAnswer, instant};
use crate::service::hub::{HubNotice, HubNotices, Hubs, SignedIn};
use crate::service::record::HubProof;
use crate::wire::{ApiVersion, HubUserName, HubUserNameError};

/// The connection of a device that has signed in. Dropping it signs the device out.
pub(super) struct HubConnection {
    pub(super) session: HubSession,
    pub(super) notices: HubNotices,
    /// When its token ends.
    pub(super) until: Option<Instant>,
    /// When the next answer to a request for a certificate is due, if it is known.
    pub(super) certificate_due: Option<Instant>,
    pub(super) connection: u64,
    pub(super) hubs: Arc<Hubs>,
    /// The version of the hub's API that it names.
    pub(super) api_version: Option<ApiVersion>,
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
        let user_name = connect.user_name.as_deref().unwrap_or_default();
        let user_name: HubUserName =
            user_name.parse().map_err(|error: HubUserNameError| error.to_string())?;
        let api_version = user_name.api_version();
        let SignedIn { key, until, notices } =
            sign_in(&hubs, connect, user_name, certificates, connection)?;
        tracing::info!("{}: signed in to {}", key.device_id(), key.hub());
        let (session, until) =
            (HubSession::new(key), until.and_then(|until| instant(until, hubs.sources.now())));
        let certificate_due = None;
        Ok(Self { session, notices, until, certificate_due, connection, hubs, api_version })
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
    ) -> Option<(String, TwinAnswer)> {
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
                hub_desk::answer_method(hubs, key, &rid, answer);
                return None;
            }
            HubQuestion::Subscribed => {
                hubs.take_methods(key, self.connection, self.session.takes_methods());
                self.bring_messages(out);
                self.bring_certificate(out);
                return None;
            }
            // Taken up where faults on demand may strike it.
            HubQuestion::Certificate { .. } => return None,
            HubQuestion::CertificateTaken { correlation_id } => {
                hubs.certificate_taken(key, &correlation_id);
                return None;
            }
            HubQuestion::Twin { rid } => (rid, hub_desk::twin(hubs, key)),
            HubQuestion::Report { rid, patch } => {
                (rid, hub_desk::report(hubs, key, &patch, 204).await)
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
    HubUserName { hub, device_id, .. }: HubUserName,
    certificates: Vec<CertificateDer<'static>>,
    connection: u64,
) -> Result<SignedIn, String> {
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
