//! Devices at their hubs on one AMQP connection: who they are, and the answers to what they ask (I.3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, sleep_until};

use super::hub_conversation::{Back, Condition, HubConversation, HubQuestion, Wanted, failure};
use crate::amqp::Failure;
use crate::amqp::engine::{Connection, Event};
use crate::attestation::{Certificate, SasToken};
use crate::service::connection::ClientConnection;
use crate::service::endpoint::hub_desk::{self, TwinAnswer, instant};
use crate::service::hub::{Cause, HubNotice, HubNotices, Hubs};
use crate::service::record::{Admission, HubFault, HubKey, HubProof};
use crate::text::Foreign;
use crate::wire::{DeviceAddress, DeviceId, HubName, hub_link};

/// The devices of one connection. Dropping it signs all of them out.
pub(super) struct HubConnection {
    conversation: HubConversation,
    hubs: Arc<Hubs>,
    connection: u64,
    /// The hub whose name the client dialled.
    dialled: Option<HubName>,
    /// What the TLS handshake proved.
    certificate: HubProof,
    /// The tokens that were shown, by whom they are for.
    tokens: BTreeMap<HubKey, Shown>,
    /// The devices that have links, and where they hear from their hubs.
    present: BTreeMap<HubKey, HubNotices>,
}

/// A token that was good when it was shown.
struct Shown {
    proof: HubProof,
    /// When it ends.
    until: Option<Instant>,
}

/// Something that happened at a hub.
#[derive(Debug)]
pub(super) enum HubHeard {
    /// The hub has something to say to a device; none if there is nothing more to come.
    Notice(HubKey, Option<HubNotice>),
    /// The token of a device has ended.
    TokenEnded(HubKey),
}

impl Drop for HubConnection {
    fn drop(&mut self) {
        for key in self.present.keys() {
            self.hubs.sign_out(key, self.connection);
        }
    }
}

impl HubConnection {
    /// Of whoever connected so.
    pub(super) fn new(
        hubs: Arc<Hubs>,
        client: &ClientConnection,
        certificate: Option<&CertificateDer<'static>>,
    ) -> Self {
        let dialled = client.tls.server_name.as_deref().and_then(|name| hubs.linked(name)).cloned();
        let certificate = match certificate.map(|leaf| Certificate::from_der(leaf.clone())) {
            Some(Ok(leaf)) => HubProof::Certificate(Box::new(leaf)),
            Some(Err(error)) => {
                tracing::warn!("{}: its certificate cannot be read: {error}", client.peer);
                HubProof::Absent
            }
            None => HubProof::Absent,
        };
        Self {
            conversation: HubConversation::default(),
            hubs,
            connection: client.number,
            dialled,
            certificate,
            tokens: BTreeMap::new(),
            present: BTreeMap::new(),
        }
    }

    /// Whether something that happened is about a hub.
    pub(super) fn owns(&self, event: &Event) -> bool {
        self.conversation.owns(event)
    }

    /// The devices that are here, for the log.
    pub(super) fn devices(&self) -> impl Iterator<Item = &DeviceId> {
        self.present.keys().map(HubKey::device_id)
    }

    /// Takes in something that happened; what can be said at once is said to the engine.
    pub(super) fn questions(&mut self, event: Event, engine: &mut Connection) -> Vec<HubQuestion> {
        self.conversation.take(event, engine)
    }

    /// Answers a question.
    pub(super) async fn answer(&mut self, question: HubQuestion, engine: &mut Connection) {
        match question {
            HubQuestion::Token { back, name, token } => self.show(back, &name, token, engine),
            HubQuestion::Link(wanted) => self.link(wanted, engine),
            HubQuestion::Twin { .. } | HubQuestion::Report { .. } => {
                if let Some((back, answer)) = self.find(question).await {
                    self.answer_twin(back, answer, engine);
                }
            }
            HubQuestion::Messages { key, count } => {
                (0..count).for_each(|_| self.hubs.count_message(&key));
            }
            HubQuestion::Taken { key, number } => {
                self.hubs.complete_message(&key, number);
                for stalled in self.conversation.stalled() {
                    self.bring(&stalled, engine);
                }
            }
            HubQuestion::MethodResponse { key, rid, answer } => {
                hub_desk::answer_method(&self.hubs, &key, &rid, answer);
            }
            HubQuestion::Listens { key } => self.listen(&key, engine),
            HubQuestion::Left { key } => self.leave(&key),
        }
    }

    /// The answer of a twin, and where it goes.
    pub(super) async fn find(&self, question: HubQuestion) -> Option<(Back, TwinAnswer)> {
        match question {
            HubQuestion::Twin { key, back } => Some((back, hub_desk::twin(&self.hubs, &key))),
            HubQuestion::Report { key, back, patch } => {
                Some((back, hub_desk::report(&self.hubs, &key, &patch, 200).await))
            }
            _ => None,
        }
    }

    /// Says what a twin answers.
    pub(super) fn answer_twin(&self, back: Back, answer: TwinAnswer, engine: &mut Connection) {
        self.conversation.answer_twin(back, answer, engine);
    }

    /// Somebody shows a token. It counts for links that are asked for from now on, and lengthens the time
    /// of those that there are.
    fn show(&mut self, back: Back, name: &str, token: SasToken, engine: &mut Connection) {
        let (status, description) = match hub_link::token_device(name) {
            None => {
                let expected = "the application property name must be {hub}/devices/{deviceId}";
                (400, format!("{expected}, but is {:?}", Foreign::short(name).to_string()))
            }
            Some((hub, device_id)) => {
                let proof = HubProof::Sas(token);
                match self.hubs.check(&hub, &device_id, &proof) {
                    Ok((key, Admission { until })) => {
                        let until = until.and_then(|it| instant(it, self.hubs.sources.now()));
                        self.tokens.insert(key, Shown { proof, until });
                        (200, "OK".to_owned())
                    }
                    Err(fault) => (status_of(&fault), fault.to_string()),
                }
            }
        };
        if status != 200 {
            let name = Foreign::short(name);
            tracing::warn!("{name}: a token is refused with {status}: {description}");
        }
        self.conversation.answer_token(back, status, &description, engine);
    }

    /// Somebody asks for a link at a device.
    fn link(&mut self, wanted: Wanted, engine: &mut Connection) {
        let admitted = self.whose(&wanted.address).and_then(|key| {
            let proof = self.tokens.get(&key).map_or(&self.certificate, |shown| &shown.proof);
            match self.hubs.check(key.hub(), key.device_id(), proof) {
                Ok((key, _)) => Ok(key),
                Err(fault) => Err(refusal(&fault)),
            }
        });
        let key = match admitted {
            Ok(key) => key,
            Err(why) => {
                let told = why.description.as_deref().unwrap_or_default();
                let address = wanted.address.to_string();
                tracing::warn!("a link to {} is refused: {told}", Foreign::short(&address));
                return HubConversation::refuse(&wanted, why, engine);
            }
        };
        if !self.conversation.admit(wanted, &key, engine) {
            tracing::warn!("{}: asks for a link that it has already (J-350)", key.device_id());
            return;
        }
        if !self.present.contains_key(&key) {
            tracing::info!("{}: signed in to {} over AMQP", key.device_id(), key.hub());
            self.present.insert(key.clone(), self.hubs.enter(&key, self.connection));
        }
        self.listen(&key, engine);
    }

    /// The device that an address names: at the hub that it names, else the one that was dialled, else the
    /// one that a token was shown for, else the only one that has the device (J-345).
    fn whose(&self, address: &DeviceAddress) -> Result<HubKey, Failure> {
        let is_known =
            |key: &HubKey| self.tokens.contains_key(key) || self.hubs.device(key).is_some();
        let named = address.host.as_deref().and_then(|host| self.hubs.linked(host));
        if let Some(hub) = named.or(self.dialled.as_ref()) {
            let mut keys = address.device_ids().map(|id| HubKey::new(hub, &id)).peekable();
            let first = keys.peek().cloned();
            return keys.find(is_known).or(first).ok_or_else(|| {
                failure(Condition::NotFound, "the address names no device: its ID cannot be one")
            });
        }
        let ids: Vec<DeviceId> = address.device_ids().collect();
        if let Some(key) = self.tokens.keys().find(|key| ids.contains(key.device_id())) {
            return Ok(key.clone());
        }
        let all =
            self.hubs.names().iter().flat_map(|hub| ids.iter().map(|id| HubKey::new(hub, id)));
        let mut having = all.filter(|key| self.hubs.device(key).is_some());
        match (having.next(), having.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(failure(
                Condition::NotFound,
                "several hubs have this device; dial the hub by its name, or name it in the address",
            )),
            (None, _) => Err(failure(
                Condition::NotFound,
                "no hub has this device; it must be provisioned first, or was moved or deleted",
            )),
        }
    }

    /// A device may listen to other things than before.
    fn listen(&mut self, key: &HubKey, engine: &mut Connection) {
        self.hubs.take_methods(key, self.connection, self.conversation.takes_methods(key));
        self.bring(key, engine);
    }

    fn bring(&mut self, key: &HubKey, engine: &mut Connection) {
        let Some(after) = self.conversation.brought(key) else { return };
        let waiting = self.hubs.messages_after(key, after);
        self.conversation.bring(key, &waiting, engine);
    }

    /// A device has no links any more.
    fn leave(&mut self, key: &HubKey) {
        if self.present.remove(key).is_some() {
            self.hubs.sign_out(key, self.connection);
        }
    }

    /// Waits until something happens at a hub. Nothing is lost if it is not waited for to the end.
    pub(super) async fn hear(&mut self) -> HubHeard {
        let ends = self.tokens.iter().filter_map(|(key, shown)| Some((shown.until?, key)));
        let next = ends.min().map(|(until, key)| (until, key.clone()));
        let ended = async {
            match next {
                Some((until, key)) => {
                    sleep_until(until).await;
                    key
                }
                None => std::future::pending().await,
            }
        };
        let present = &mut self.present;
        let notice = std::future::poll_fn(|context| {
            for (key, notices) in present.iter_mut() {
                if let Poll::Ready(notice) = notices.poll_recv(context) {
                    return Poll::Ready((key.clone(), notice));
                }
            }
            Poll::Pending
        });
        tokio::select! {
            (key, notice) = notice => HubHeard::Notice(key, notice),
            key = ended => HubHeard::TokenEnded(key),
        }
    }

    /// Says what happened at a hub.
    pub(super) fn tell(&mut self, heard: HubHeard, engine: &mut Connection) {
        match heard {
            HubHeard::TokenEnded(key) => {
                self.tokens.remove(&key);
                // Whoever has a certificate as well does not lose its links: no identity takes both.
                self.dismiss(&key, Condition::Unauthorized, "its SAS token has expired", engine);
            }
            HubHeard::Notice(key, None) => {
                let why = "it left too many changes unread";
                self.dismiss(&key, Condition::Exceeded, why, engine);
            }
            HubHeard::Notice(key, Some(notice)) => self.pass_on(&key, notice, engine),
        }
    }

    fn pass_on(&mut self, key: &HubKey, notice: HubNotice, engine: &mut Connection) {
        match notice {
            HubNotice::Desired { version, patch } => {
                self.conversation.tell_desired(key, version, &patch, engine);
            }
            HubNotice::Method { rid, name, payload } => {
                if !self.conversation.call(key, name, &rid, &payload, engine) {
                    self.hubs.drop_method(key, &rid);
                }
            }
            HubNotice::Messages => self.bring(key, engine),
            HubNotice::Disconnect { cause, why } => {
                let condition = match cause {
                    Cause::Elsewhere => Condition::Stolen,
                    Cause::Barred => Condition::Unauthorized,
                    Cause::Gone => Condition::NotFound,
                };
                if cause != Cause::Elsewhere {
                    self.tokens.remove(key);
                }
                self.dismiss(key, condition, why, engine);
            }
        }
    }

    /// Ends the links of a device; those of others stay (J-346).
    fn dismiss(&mut self, key: &HubKey, condition: Condition, why: &str, engine: &mut Connection) {
        if self.present.contains_key(key) {
            tracing::warn!("{}: its links end: {why}", key.device_id());
        }
        self.conversation.end(key, &failure(condition, why), engine);
        self.leave(key);
    }
}

/// What `$cbs` answers to a token that is not good.
fn status_of(fault: &HubFault) -> i32 {
    match fault {
        HubFault::UnknownHub(_) | HubFault::UnknownDevice(_) => 404,
        _ => 401,
    }
}

/// Why somebody does not get a link.
fn refusal(fault: &HubFault) -> Failure {
    let condition = match fault {
        HubFault::UnknownHub(_) | HubFault::UnknownDevice(_) => Condition::NotFound,
        _ => Condition::Unauthorized,
    };
    match fault {
        HubFault::NoToken => {
            failure(condition, "no SAS token of the device was shown; put one to $cbs first")
        }
        fault => failure(condition, fault.to_string()),
    }
}
