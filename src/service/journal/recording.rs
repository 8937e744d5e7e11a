//! Writes down a registration while it happens. What is written passes the [`Mask`] first.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::answer::{AnswerKind, EntryAnswer};
use super::certificate::EntryCertificate;
use super::entry::{
    EntryAttestation, EntryCheck, EntryEnrollment, EntryHub, EntryStatus, JournalEntry,
    WebhookAttempt, WebhookExchange,
};
use super::fault::EntryFault;
use super::handle::Journal;
use super::ring::Slot;
use super::text::{Shared, Text};
use crate::attestation::Certificate;
use crate::service::allocation::WebhookAnswer;
use crate::service::attest::{Attested, Check, Evidence};
use crate::service::caller::{Caller, TurnedAway};
use crate::service::enrollment::Enrollment;
use crate::service::faults::Strike;
use crate::service::mask::{MAX_BODY, Mask};
use crate::service::record::{DeviceRecord, IssuerName, Outcome, PendingRecord};
use crate::service::registration::{IdentityFate, TwinSource};
use crate::service::reply::Reply;
use crate::wire::{ErrorCode, IdScope, OperationId, Payload, RegistrationId, ServiceError, Status};

/// The registration of a device that was believed, as it goes on.
#[derive(Clone)]
pub(in crate::service) struct Recording {
    journal: Journal,
    slot: Arc<Slot>,
    mask: Arc<Mask>,
}

impl Journal {
    /// A device was believed, and its operation begins.
    pub(in crate::service) fn begin(
        &self,
        caller: &Caller,
        (attested, checks): (&Attested, &[Check]),
        payload: Option<&Payload>,
        operation_id: &OperationId,
    ) -> Recording {
        let enrollment = &attested.enrollment;
        let mask = Mask::of_enrollment(enrollment);
        let payload = payload.map(|payload| masked(&mask, payload.as_json()));
        let times = self.times();
        let slot = self.change(|ring| {
            ring.push(|sequence, shared| JournalEntry {
                enrollment: Some(EntryEnrollment {
                    kind: enrollment.kind(),
                    name: shared.text(enrollment.name()),
                }),
                attestation: Some(attestation(&attested.evidence, shared)),
                operation_id: Some(operation_id.as_str().into()),
                payload,
                checks: kept(checks, &mask, shared),
                ..begun(sequence, times, shared, caller)
            })
        });
        Recording::new(self, slot, mask)
    }

    /// A registration goes on that was in progress when the last process ended (J-32). How it came
    /// is not known any more.
    pub(in crate::service) fn resume(
        &self,
        record: &PendingRecord,
        id_scope: &IdScope,
        enrollment: Option<&Enrollment>,
    ) -> Recording {
        let mask = enrollment.map_or_else(|| Mask::of(None), Mask::of_enrollment);
        let payload =
            record.outcome.payload.as_ref().map(|payload| masked(&mask, payload.as_json()));
        let times = self.times();
        let slot = self.change(|ring| {
            ring.push(|sequence, shared| JournalEntry {
                api_version: shared.text(&record.outcome.api_version.to_string()),
                id_scope: shared.text(id_scope.as_str()),
                enrollment: Some(EntryEnrollment {
                    kind: record.enrollment.kind,
                    name: shared.text(&record.enrollment.name),
                }),
                operation_id: Some(record.operation_id.as_str().into()),
                payload,
                ..blank(sequence, times, &record.registration_id)
            })
        });
        Recording::new(self, slot, mask)
    }

    /// A device was refused, before any operation was begun. `reason` is the text of the log.
    pub(in crate::service) fn refused(
        &self,
        caller: &Caller,
        payload: Option<&Payload>,
        refused: Refused<'_>,
    ) -> Arc<JournalEntry> {
        let Refused { code, failed_check, checks, reason, reply } = refused;
        let mask = Mask::of(None);
        let payload = payload.map(|payload| masked(&mask, payload.as_json()));
        let reason = masked(&mask, reason);
        let times = self.times();
        let slot = self.change(|ring| {
            ring.push(|sequence, shared| JournalEntry {
                status: EntryStatus::Refused,
                failed_check: Some(failed_check),
                reason: Some(reason),
                payload,
                error_code: Some(code),
                took: Some(Duration::ZERO),
                checks: kept(checks, &mask, shared),
                answers: vec![answer(Duration::ZERO, AnswerKind::Register, reply, None)],
                ..begun(sequence, times, shared, caller)
            })
        });
        slot.entry()
    }

    /// A client was sent away before it could ask for anything (J-217). `status` is what it was told, and
    /// `code` the error if it is one of the REST API.
    pub(in crate::service) fn turned_away(
        &self,
        who: &TurnedAway,
        checks: &[Check],
        (kind, status, code): (AnswerKind, u16, Option<ErrorCode>),
    ) {
        let reply = Reply { status, retry_after: None, body: String::new() };
        let times = self.times();
        self.change(|ring| {
            ring.push(|sequence, shared| JournalEntry {
                error_code: code,
                checks: kept(checks, &Mask::of(None), shared),
                answers: vec![answer(Duration::ZERO, kind, &reply, None)],
                ..sent_away(sequence, times, shared, who, who.check)
            });
        });
    }

    /// A fault on demand has struck a register request, in place of what it asked for; and what was said,
    /// if anything was.
    pub(in crate::service) fn struck_register(
        &self,
        caller: &Caller,
        strike: &Strike,
        said: (AnswerKind, Option<&Reply>),
    ) -> Arc<JournalEntry> {
        let times = self.times();
        let make =
            |sequence, shared: &mut Shared| struck(sequence, times, shared, caller, strike, said);
        self.change(|ring| ring.push(make)).entry()
    }

    /// A fault on demand has struck what is done for an operation.
    pub(in crate::service) fn struck_operation(&self, operation_id: &str, strike: &Strike) {
        let now = self.instant();
        self.change(|ring| {
            let Some(slot) = ring.of_operation(operation_id) else { return };
            ring.change(&slot, |entry, shared| {
                let at = entry.age(now);
                entry.fault(fault(at, shared, strike));
            });
        });
    }

    /// A fault on demand has struck a device at its hub: what is kept of its last registration.
    pub(in crate::service) fn struck_device(&self, id: &RegistrationId, strike: &Strike) {
        let now = self.instant();
        self.change(|ring| {
            let Some(slot) = ring.of_device(id) else { return };
            ring.change(&slot, |entry, shared| {
                let at = entry.age(now);
                entry.fault(fault(at, shared, strike));
            });
        });
    }

    /// A fault on demand has struck a client that has not asked for anything yet (J-268); `connack` is what
    /// it was told, if it was told that.
    pub(in crate::service) fn struck_client(
        &self,
        who: &TurnedAway,
        strike: &Strike,
        connack: Option<u8>,
    ) {
        let reply =
            |code: u8| Reply { status: code.into(), retry_after: None, body: String::new() };
        let times = self.times();
        self.change(|ring| {
            ring.push(|sequence, shared| JournalEntry {
                faults: vec![fault(Duration::ZERO, shared, strike)],
                answers: connack
                    .map(|code| answer(Duration::ZERO, AnswerKind::Connack, &reply(code), None))
                    .into_iter()
                    .collect(),
                ..sent_away(sequence, times, shared, who, "fault")
            });
        });
    }

    /// A fault on demand has struck another request; of this operation, if it is about one.
    pub(in crate::service) fn struck(
        &self,
        caller: &Caller,
        operation_id: Option<&str>,
        strike: &Strike,
        (kind, reply): (AnswerKind, Option<&Reply>),
    ) {
        let id = &caller.registration_id;
        let times = self.times();
        let now = times.1;
        self.change(|ring| {
            let of_operation = operation_id.and_then(|operation| ring.of_operation(operation));
            let of_device = of_operation
                .filter(|slot| id.names_same_device(&slot.entry().registration_id))
                .or_else(|| ring.of_device(id));
            let Some(slot) = of_device else {
                ring.push(|sequence, shared| {
                    struck(sequence, times, shared, caller, strike, (kind, reply))
                });
                return;
            };
            ring.change(&slot, |entry, shared| {
                let at = entry.age(now);
                entry.fault(fault(at, shared, strike));
                if let Some(reply) = reply {
                    entry.answer(answer(at, kind, reply, None));
                }
            });
        });
    }

    /// A device was told something about an operation of its own. `mask` is for what others wrote in it.
    pub(in crate::service) fn answered(
        &self,
        (registration_id, operation_id): (&RegistrationId, &str),
        kind: AnswerKind,
        reply: &Reply,
        mask: Option<&Mask>,
    ) {
        let Some(slot) = self.ring().of_operation(operation_id) else { return };
        let now = self.instant();
        self.change(|ring| {
            ring.change(&slot, |entry, _| {
                if registration_id.names_same_device(&entry.registration_id) {
                    let at = entry.age(now);
                    entry.answer(answer(at, kind, reply, mask));
                }
            });
        });
    }
}

/// How a register request was refused.
pub(in crate::service) struct Refused<'a> {
    pub(in crate::service) code: ErrorCode,
    pub(in crate::service) failed_check: &'static str,
    pub(in crate::service) checks: &'a [Check],
    /// Why, as the log has it.
    pub(in crate::service) reason: &'a str,
    /// What the device is told.
    pub(in crate::service) reply: &'a Reply,
}

impl Recording {
    pub(super) fn new(journal: &Journal, slot: Arc<Slot>, mask: Mask) -> Self {
        Self { journal: journal.clone(), slot, mask: Arc::new(mask) }
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// What is secret about this registration.
    pub(in crate::service) fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The webhook is asked.
    pub(in crate::service) fn webhook_asked(&self, masked_url: &str, body: &[u8]) {
        let request = masked(&self.mask, body);
        let now = self.journal.instant();
        self.change(|entry, shared| {
            let url = shared.text(masked_url);
            let at = entry.age(now);
            entry.webhook = Some(WebhookExchange { url, request, at, attempts: Vec::new() });
        });
    }

    /// The webhook has answered, or has not.
    pub(in crate::service) fn webhook_answered(&self, answer: &WebhookAnswer, took: Duration) {
        let (status, body, error) = match answer {
            WebhookAnswer::Http { status, body, .. } => {
                let body = masked(&self.mask, body);
                (Some(*status), Some(body), None)
            }
            WebhookAnswer::Timeout { reason } | WebhookAnswer::Unreachable { reason } => {
                (None, None, Some(masked(&self.mask, reason)))
            }
        };
        let now = self.journal.instant();
        self.change(|entry, _| {
            let at = entry.age(now);
            let Some(webhook) = &mut entry.webhook else { return };
            // A webhook that is asked again mostly says the same again.
            let body = match webhook.attempts.last() {
                Some(last) if last.body == body => last.body.clone(),
                _ => body,
            };
            webhook.attempts.push(WebhookAttempt { status, took, body, error, at });
        });
    }

    /// A certificate was issued.
    pub(in crate::service) fn issued(&self, leaf: &Certificate, issuer: &IssuerName) {
        let now = self.journal.instant();
        self.change(|entry, shared| {
            let at = entry.age(now);
            entry.certificate = Some(EntryCertificate::new(at, leaf, issuer, shared));
        });
    }

    /// Why there is no hub, as the log has it.
    pub(in crate::service) fn reason(&self, reason: &str) {
        let reason = masked(&self.mask, reason);
        self.change(|entry, _| entry.reason = Some(reason));
    }

    /// It cannot go on, for a reason that lies here.
    pub(in crate::service) fn broken(&self, reason: &str) {
        self.change(|entry, _| {
            entry.status = EntryStatus::Failed;
            entry.error_code = Some(ErrorCode::INTERNAL);
            entry.reason = Some(reason.into());
        });
    }

    /// There is a result, and this is what became of the device on its hub. Returns the entry as it is
    /// then.
    pub(in crate::service) fn finish(
        &self,
        record: &DeviceRecord,
        identity: Option<&IdentityFate>,
        took: Duration,
    ) -> Arc<JournalEntry> {
        self.change(|entry, shared| {
            entry.hub = identity.map(|fate| hub(fate, took));
            entry.took = Some(took);
            entry.status = match record.outcome.status() {
                Status::Assigned => EntryStatus::Assigned,
                Status::Failed => EntryStatus::Failed,
                Status::Disabled => EntryStatus::Disabled,
                _ => EntryStatus::Assigning,
            };
            match &record.outcome {
                Outcome::Assigning(_) | Outcome::Disabled => {}
                Outcome::Failed { code, message } => {
                    entry.error_code = Some(*code);
                    entry.error_message = Some(shared.text(message));
                }
                Outcome::Assigned { substatus, .. } => {
                    entry.substatus = Some(substatus.clone());
                    if let Some(assignment) = &record.assignment {
                        entry.assigned_hub = Some(assignment.hub.clone());
                        entry.device_id = Some(match assignment.device_id.as_str() {
                            id if entry.registration_id == id => entry.registration_id.clone(),
                            id => id.into(),
                        });
                    }
                }
            }
        });
        self.slot.entry()
    }

    /// When it began.
    pub(in crate::service) fn started(&self) -> Instant {
        self.slot.entry().started
    }

    fn change(&self, change: impl FnOnce(&mut JournalEntry, &mut Shared)) {
        self.journal.change(|ring| ring.change(&self.slot, change));
    }

    /// A recording in a journal of its own.
    #[cfg(test)]
    pub(in crate::service) fn unread() -> Self {
        super::tests::recording(&Journal::new(Default::default()), "5.unread", None)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recording").field(&self.slot.entry().sequence).finish()
    }
}

pub(super) fn masked(mask: &Mask, text: &(impl AsRef<[u8]> + ?Sized)) -> Text {
    Text::from(&*mask.shown(text, MAX_BODY).into_text())
}

fn fault(at: Duration, shared: &mut Shared, strike: &Strike) -> EntryFault {
    let rule = shared.text(&strike.rule.to_string());
    EntryFault { at, id: strike.id, rule, count: 1, last_at: at }
}

/// A request of which nothing came but a fault on demand.
fn struck(
    sequence: u64,
    times: (SystemTime, Instant),
    shared: &mut Shared,
    caller: &Caller,
    strike: &Strike,
    (kind, reply): (AnswerKind, Option<&Reply>),
) -> JournalEntry {
    let error = reply.and_then(|reply| serde_json::from_str::<ServiceError>(&reply.body).ok());
    JournalEntry {
        status: EntryStatus::Refused,
        failed_check: Some("fault"),
        reason: Some(shared.text(&format!("a fault was asked for: {}", strike.rule))),
        error_code: error.map(|error| error.error_code),
        took: Some(Duration::ZERO),
        faults: vec![fault(Duration::ZERO, shared, strike)],
        answers: reply.map(|reply| answer(Duration::ZERO, kind, reply, None)).into_iter().collect(),
        ..begun(sequence, times, shared, caller)
    }
}

/// Replies are ours and need no mask, but for what a webhook has written into one.
pub(super) fn answer(
    at: Duration,
    kind: AnswerKind,
    reply: &Reply,
    mask: Option<&Mask>,
) -> EntryAnswer {
    let body = match mask {
        _ if reply.body.is_empty() => None,
        Some(mask) => Some(masked(mask, &reply.body)),
        None => Some(reply.body.as_str().into()),
    };
    let Reply { status, retry_after, .. } = *reply;
    EntryAnswer { at, kind, status, retry_after, body, count: 1, last_at: at }
}

/// What was found is mostly the same for all devices of a fleet, but for what was wrong.
pub(super) fn kept(checks: &[Check], mask: &Mask, shared: &mut Shared) -> Vec<EntryCheck> {
    let keep = |it: &Check| EntryCheck {
        check: it.check,
        passed: it.passed,
        said: match (&it.said, it.check) {
            (_, _) if !it.passed => masked(mask, &*it.said),
            (Cow::Borrowed(_), _) | (_, "enrollment" | "signature" | "chain") => {
                shared.text(&it.said)
            }
            // Of this device alone.
            _ => (&*it.said).into(),
        },
    };
    checks.iter().map(keep).collect()
}

fn hub(fate: &IdentityFate, at: Duration) -> EntryHub {
    let (identity, moved_from, twin) = match fate {
        IdentityFate::Made { twin } => ("made", None, *twin),
        IdentityFate::Kept => ("kept", None, None),
        IdentityFate::Moved { from } => ("moved", Some(from.clone()), None),
        IdentityFate::Reset { from, twin } => ("reset", from.clone(), *twin),
    };
    let initial_twin = twin.map(|source| match source {
        TwinSource::Webhook => "webhook",
        TwinSource::Enrollment => "enrollment",
    });
    EntryHub { at, identity, moved_from, initial_twin }
}

/// A registration of which nothing is known but who asks for it.
pub(super) fn begun(
    sequence: u64,
    times: (SystemTime, Instant),
    shared: &mut Shared,
    caller: &Caller,
) -> JournalEntry {
    JournalEntry {
        transport: Some(caller.transport),
        connection: Some(caller.connection.clone()),
        api_version: shared.text(&caller.api_version.to_string()),
        id_scope: shared.text(caller.id_scope.as_str()),
        ..blank(sequence, times, &caller.registration_id)
    }
}

/// The entry of a client that was sent away before it could ask for anything, by this check.
fn sent_away(
    sequence: u64,
    times: (SystemTime, Instant),
    shared: &mut Shared,
    who: &TurnedAway,
    check: &'static str,
) -> JournalEntry {
    let mask = Mask::of(None);
    JournalEntry {
        transport: Some(who.transport),
        connection: Some(who.connection.clone()),
        api_version: match &who.api_version {
            Some(version) => shared.text(&version.to_string()),
            None => "".into(),
        },
        id_scope: masked(&mask, who.id_scope.as_deref().unwrap_or_default()),
        status: EntryStatus::Refused,
        failed_check: Some(check),
        reason: Some(masked(&mask, &who.reason)),
        took: Some(Duration::ZERO),
        ..blank(sequence, times, &who.registration_id)
    }
}

fn blank(
    sequence: u64,
    (time, started): (SystemTime, Instant),
    registration_id: &RegistrationId,
) -> JournalEntry {
    JournalEntry {
        sequence,
        time,
        registration_id: registration_id.as_str().into(),
        transport: None,
        api_version: "".into(),
        id_scope: "".into(),
        enrollment: None,
        attestation: None,
        status: EntryStatus::Assigning,
        failed_check: None,
        reason: None,
        payload: None,
        webhook: None,
        operation_id: None,
        assigned_hub: None,
        device_id: None,
        substatus: None,
        error_code: None,
        error_message: None,
        took: None,
        polls: 0,
        connection: None,
        challenge: None,
        checks: Vec::new(),
        answers: Vec::new(),
        answers_left_out: 0,
        faults: Vec::new(),
        certificate: None,
        renewals: Vec::new(),
        hub: None,
        started,
    }
}

pub(super) fn attestation(evidence: &Evidence, shared: &mut Shared) -> EntryAttestation {
    match evidence {
        Evidence::Key(matched) => EntryAttestation::SymmetricKey { key_slot: matched.slot },
        Evidence::Certificate { leaf, authority } => EntryAttestation::X509 {
            thumbprint: leaf.info().sha1_thumbprint.as_str().into(),
            authority: authority.as_deref().map(|authority| shared.text(authority)),
        },
        Evidence::Tpm(_) => EntryAttestation::Tpm,
    }
}
