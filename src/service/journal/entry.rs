//! What the journal says of one registration.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize, Serializer};

use super::answer::{EntryAnswer, add};
use super::certificate::EntryCertificate;
use super::fault::{self, EntryFault};
use super::millis::{as_millis, as_optional_millis, as_timestamp};
use super::renewal::{self, EntryRenewal};
use super::text::Text;
use crate::attestation::KeySlot;
use crate::service::caller::Transport;
use crate::service::connection::ClientConnection;
use crate::service::enrollment::Kind;
use crate::wire::{ErrorCode, HubName, Substatus};

/// One registration, from the request to its result, or to where it stands. Serializes with the
/// member names of the REST API; what is not known is `null`. Function keys and tokens are masked
/// (G-2), bodies are cut at 4 KiB and say so.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JournalEntry {
    /// Its number: 1 for the first, never given twice by one service.
    pub sequence: u64,
    /// When the request was taken up.
    #[serde(serialize_with = "as_timestamp")]
    pub time: SystemTime,
    /// The device.
    pub registration_id: Text,
    /// How it came; not known of one that was resumed after a restart.
    pub transport: Option<Transport>,
    /// Its API version.
    pub api_version: Text,
    /// The ID scope that it named.
    pub id_scope: Text,
    /// The enrollment that vouched for it.
    pub enrollment: Option<EntryEnrollment>,
    /// How it proved itself.
    pub attestation: Option<EntryAttestation>,
    /// Where the registration stands.
    pub status: EntryStatus,
    /// Which check a refused device did not pass, in one word.
    pub failed_check: Option<&'static str>,
    /// Why there is no hub, and what would have been right, as in the log.
    pub reason: Option<Text>,
    /// What the device had to say, as JSON.
    pub payload: Option<Text>,
    /// What was said to the webhook and by it.
    pub webhook: Option<WebhookExchange>,
    /// The operation, if one was begun.
    pub operation_id: Option<Text>,
    /// The device's hub.
    pub assigned_hub: Option<HubName>,
    /// The device's ID there.
    pub device_id: Option<Text>,
    /// How the assignment came about (F.6).
    pub substatus: Option<Substatus>,
    /// Why there is none, as told to the device.
    pub error_code: Option<ErrorCode>,
    /// The same in words.
    pub error_message: Option<Text>,
    /// From the request to the result, once it is there; in JSON whole milliseconds.
    #[serde(rename = "ms", serialize_with = "as_optional_millis")]
    pub took: Option<Duration>,
    /// How often the device has asked for the result.
    pub polls: u64,
    /// The connection that it came by, with TLS and what its client says of itself; not known of one that
    /// was resumed.
    pub connection: Option<Arc<ClientConnection>>,
    /// What its TPM was asked first, if it proves itself with one (J-387).
    pub challenge: Option<EntryChallenge>,
    /// What was looked at before an operation was begun, in order. The last one is the one that failed, if
    /// any did.
    pub checks: Vec<EntryCheck>,
    /// What the device was told, in order (J-218).
    pub answers: Vec<EntryAnswer>,
    /// How many more answers there were than are kept.
    pub answers_left_out: u64,
    /// The faults on demand that struck it, in order (J-267).
    pub faults: Vec<EntryFault>,
    /// The certificate that was issued to it.
    pub certificate: Option<EntryCertificate>,
    /// The certificates that it has asked its hub for since, in order: the last 16 (J-471).
    pub renewals: Vec<EntryRenewal>,
    /// What became of the device's identity on its hub.
    pub hub: Option<EntryHub>,
    /// Whence times in it are counted.
    #[serde(skip)]
    pub(super) started: Instant,
}

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EntryStatus {
    /// In progress.
    Assigning,
    /// The device has a hub.
    Assigned,
    /// It was accepted and has none.
    Failed,
    /// Its enrollment is disabled.
    Disabled,
    /// No operation was begun.
    Refused,
}

impl JournalEntry {
    /// How long ago it began.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}

impl EntryStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigning => "assigning",
            Self::Assigned => "assigned",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
            Self::Refused => "refused",
        }
    }
}

/// Names the enrollment of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryEnrollment {
    /// Which kind; in JSON `individual` or `group`.
    #[serde(serialize_with = "as_kind")]
    pub kind: Kind,
    /// Registration ID or group ID.
    pub name: Text,
}

/// How a device proved itself. In JSON, `type` is `symmetricKey`, `x509` or `tpm`, as in enrollments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum EntryAttestation {
    /// With a SAS token.
    SymmetricKey {
        /// Which key of the enrollment it comes down to; in JSON `primary` or `secondary`.
        #[serde(serialize_with = "as_slot")]
        key_slot: KeySlot,
    },
    /// With a certificate.
    X509 {
        /// SHA-1 of the device's certificate, in hexadecimal digits.
        thumbprint: Text,
        /// Subject of the enrolled certificate above it; none if it is itself enrolled.
        authority: Option<Text>,
    },
    /// With a TPM.
    Tpm,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryCheck {
    /// What, in one word: `idScope`, `token`, `expiry`, `enrollment`, `signature`, `chain` and so on.
    /// [`JournalEntry::failed_check`] is more exact about what was wrong there.
    pub check: &'static str,
    /// Whether it was in order.
    pub passed: bool,
    /// What was found.
    pub said: Text,
}

/// How the TPM of a device was given a key to sign with, before its registration began (B.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryChallenge {
    /// What was looked at before, in order.
    pub checks: Vec<EntryCheck>,
    /// When the device came back with a token, from its first request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_optional_millis")]
    pub answered: Option<Duration>,
}

/// What a registration meant for the identity of a device on its hub (F.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryHub {
    /// When, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// `made`, `kept`, `moved` or `reset`.
    pub identity: &'static str,
    /// The hub where it was before, if that is another one.
    pub moved_from: Option<HubName>,
    /// Who gave its first twin: `webhook` or `enrollment`; `null` if it has none, or another already.
    pub initial_twin: Option<&'static str>,
}

/// What was said to a webhook and by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookExchange {
    /// Its address with the query masked (G-1).
    pub url: Text,
    /// The body of the request.
    pub request: Text,
    /// When it was asked first, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// Every answer, or what came in its place, in order.
    pub attempts: Vec<WebhookAttempt>,
}

/// One call of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookAttempt {
    /// Status of the answer.
    pub status: Option<u16>,
    /// How long it took; in JSON whole milliseconds.
    #[serde(rename = "ms", serialize_with = "as_millis")]
    pub took: Duration,
    /// Body of the answer.
    pub body: Option<Text>,
    /// Why there is no answer.
    pub error: Option<Text>,
    /// When it ended, from the request of the device on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
}

impl JournalEntry {
    /// The device was told something.
    pub(super) fn answer(&mut self, answer: EntryAnswer) {
        self.answers_left_out += add(&mut self.answers, answer);
    }

    /// A fault on demand has struck.
    pub(super) fn fault(&mut self, fault: EntryFault) {
        fault::add(&mut self.faults, fault);
    }

    /// The device has asked its hub for a certificate.
    pub(super) fn renewal(&mut self, renewal: EntryRenewal) {
        renewal::add(&mut self.renewals, renewal);
    }

    /// Bytes of the texts that it does not share with others.
    pub(super) fn weight(&self) -> usize {
        let text = |text: &Option<Text>| text.as_ref().map_or(0, |text| text.len());
        let webhook = self.webhook.as_ref().map_or(0, |webhook| {
            let attempt = |attempt: &WebhookAttempt| {
                size_of::<WebhookAttempt>() + text(&attempt.body) + text(&attempt.error)
            };
            webhook.request.len() + webhook.attempts.iter().map(attempt).sum::<usize>()
        });
        let own = [&self.reason, &self.payload, &self.operation_id, &self.device_id];
        let connection = self.connection.as_ref().map_or(0, |connection| connection.weight());
        let check = |check: &EntryCheck| size_of::<EntryCheck>() + check.said.len();
        let answer = |answer: &EntryAnswer| size_of::<EntryAnswer>() + text(&answer.body);
        own.map(text).iter().sum::<usize>()
            + self.registration_id.len()
            + webhook
            + connection
            + self.checks.iter().map(check).sum::<usize>()
            + self.challenge.iter().flat_map(|it| &it.checks).map(check).sum::<usize>()
            + self.answers.iter().map(answer).sum::<usize>()
            + self.faults.len() * size_of::<EntryFault>()
            + self.certificate.as_ref().map_or(0, EntryCertificate::weight)
            + self.renewals.iter().map(EntryRenewal::weight).sum::<usize>()
    }
}

fn as_kind<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

fn as_slot<S: Serializer>(slot: &KeySlot, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(crate::service::attest::slot_name(*slot))
}
