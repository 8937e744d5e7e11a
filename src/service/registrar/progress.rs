//! A registration from its acceptance to its result: what must be kept is kept, then told.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::core::Registrar;
use super::operations::{Claim, Operation};
use super::{certificate, conversation, log};
use crate::attestation::DeviceKey;
use crate::pki::CertificateRequest;
use crate::service::allocation::{
    Applicant, Decision, Plan, Question, WebhookAnswer, allocation_request, judge, plan,
};
use crate::service::attest::{Attested, Platform};
use crate::service::caller::Caller;
use crate::service::enrollment::Enrollment;
use crate::service::journal::Recording;
use crate::service::record::{
    Authentication, DeviceRecord, Outcome, PendingAllocation, PendingRecord, ProvenBy,
};
use crate::service::registration::{
    Accepted, Begun, Conclusion, Finding, GivenKeys, IdentityFate, Moment, begin, conclude,
    device_ids,
};
use crate::service::reply::{Reply, error_reply, json_reply};
use crate::service::reprovision::Reprovisioning;
use crate::service::store::{Change, StoreError};
use crate::text::Foreign;
use crate::wire::{ErrorCode, Payload, RegistrationId, RegistrationOperationStatus};

/// The right to change the record of a device: what was read of it is true until this is dropped.
type Held<'a> = MutexGuard<'a, ()>;

/// A register request that was accepted, with all that it takes to go on without its caller.
#[derive(Debug)]
pub(super) struct AcceptedRequest {
    registration_id: RegistrationId,
    enrollment: Arc<Enrollment>,
    proven_by: ProvenBy,
    pending: PendingAllocation,
}

impl AcceptedRequest {
    pub(super) fn new(
        caller: &Caller,
        attested: Attested,
        payload: Option<Payload>,
        request: Option<CertificateRequest>,
    ) -> Self {
        let Attested { enrollment, evidence } = attested;
        Self {
            registration_id: caller.registration_id.clone(),
            enrollment,
            proven_by: evidence.proven_by(),
            pending: PendingAllocation {
                payload,
                api_version: caller.api_version.clone(),
                certificate: evidence.certificate().cloned(),
                tpm: evidence.tpm(),
                request,
            },
        }
    }
}

impl Registrar {
    /// Keeps the registration, then answers. What built-in policies decide is kept together with it;
    /// a webhook is asked in the background.
    pub(super) async fn start(
        self: &Arc<Self>,
        request: AcceptedRequest,
        operation: Arc<Operation>,
    ) -> Reply {
        let AcceptedRequest { registration_id, enrollment, proven_by, pending } = request;
        // Else an operation that was forgotten, and ends just now, could put its record over this one.
        let held = self.store.hold_registration(&registration_id).await;
        let previous = self.store.device(&registration_id);
        let accepted = Accepted {
            registration_id: &registration_id,
            enrollment: &enrollment,
            proven_by,
            operation_id: operation.id.clone(),
            pending,
        };
        let (reply, kept) =
            match begin(previous.as_deref(), accepted, self.moment(&registration_id)) {
                Begun::Disabled(record) => {
                    let reply = self.accepted_reply(&record.reply_accepted());
                    (reply, self.keep_ended(record, &operation).await)
                }
                Begun::Pending(record) => {
                    let reply = self.accepted_reply(&record.reply_accepted());
                    (reply, self.find_hub(held, record, enrollment, &operation).await)
                }
            };
        match kept {
            Ok(()) => reply,
            Err(error) => {
                operation.recording.broken(&error.to_string());
                self.operations.finish(&registration_id, &operation);
                error_reply(&self.sources, ErrorCode::INTERNAL, "InternalServerError")
            }
        }
    }

    /// What is decided at once is kept with its result, else that it is in progress.
    async fn find_hub(
        self: &Arc<Self>,
        held: Held<'_>,
        record: PendingRecord,
        enrollment: Arc<Enrollment>,
        operation: &Arc<Operation>,
    ) -> Result<(), StoreError> {
        match self.plan(&record, &enrollment) {
            Plan::Decided(decision) => {
                self.conclude(held, record, &enrollment, decision, operation).await
            }
            Plan::Ask(question) => {
                self.keep(record.clone().into()).await?;
                self.allocate(record, enrollment, question, operation.clone());
                Ok(())
            }
        }
    }

    async fn keep_ended(
        &self,
        record: DeviceRecord,
        operation: &Operation,
    ) -> Result<(), StoreError> {
        self.keep(record.clone()).await?;
        self.finished(&record, None, operation);
        Ok(())
    }

    async fn keep(&self, record: DeviceRecord) -> Result<(), StoreError> {
        self.store.commit(vec![Change::PutDevice(Arc::new(record))]).await
    }

    fn plan(&self, record: &PendingRecord, enrollment: &Enrollment) -> Plan {
        let current = record.assignment.as_ref().map(|assignment| &assignment.hub);
        let kept = current.filter(|_| reprovisioning(record, enrollment) == Reprovisioning::Never);
        plan(&self.instance, enrollment, &record.registration_id.folded(), kept)
    }

    /// Asks the webhook in the background, and ends the registration with what it says.
    fn allocate(
        self: &Arc<Self>,
        record: PendingRecord,
        enrollment: Arc<Enrollment>,
        question: Question,
        operation: Arc<Operation>,
    ) {
        let registrar = Arc::clone(self);
        // The device waits for nobody meanwhile.
        let turn = self.sources.clock.turn();
        let work = async move {
            let _turn = turn;
            let recording = &operation.recording;
            let decision = registrar.ask_webhook(&record, &enrollment, &question, recording).await;
            registrar.conclude_second(record, &enrollment, decision, &operation).await;
        };
        self.spawn(work);
    }

    /// Finishes what was in progress when the last process ended (J-32). The enrollment may have
    /// changed meanwhile; one that is gone ends its registrations.
    pub fn resume(self: &Arc<Self>) {
        let records = self.store.in_progress();
        records.iter().filter_map(|record| record.pending()).for_each(|it| self.resume_one(it));
    }

    fn resume_one(self: &Arc<Self>, record: PendingRecord) {
        let name = &record.enrollment;
        let enrollment = self.read_enrollments(|all| all.find(name.kind, &name.name).cloned());
        let make = || {
            let scope = &self.instance.id_scope;
            let recording = self.journal.resume(&record, scope, enrollment.as_deref());
            Operation::new(record.operation_id.clone(), 0, 0, recording)
        };
        let claim = self.operations.claim(&record.registration_id, 0, make);
        let Claim::Mine(operation) = claim else { return };
        let Some(enrollment) = enrollment else {
            return self.abandon(record, operation);
        };
        tracing::info!("{}: its registration goes on", record.registration_id);
        match self.plan(&record, &enrollment) {
            Plan::Ask(question) => self.allocate(record, enrollment, question, operation),
            Plan::Decided(decision) => {
                let registrar = Arc::clone(self);
                self.spawn(async move {
                    registrar.conclude_second(record, &enrollment, decision, &operation).await;
                });
            }
        }
    }

    /// Ends a registration whose enrollment is gone (J-121).
    fn abandon(self: &Arc<Self>, record: PendingRecord, operation: Arc<Operation>) {
        let registrar = Arc::clone(self);
        self.spawn(async move {
            let id = record.registration_id.clone();
            let record = record.with_outcome(Outcome::Failed {
                code: ErrorCode::ENROLLMENT_NOT_FOUND,
                message: "Enrollment not found.".to_owned(),
            });
            let record = DeviceRecord { updated: registrar.sources.now(), ..record };
            if registrar.keep_ended(record, &operation).await.is_err() {
                registrar.operations.finish(&id, &operation);
            }
        });
    }

    async fn ask_webhook(
        &self,
        record: &PendingRecord,
        enrollment: &Enrollment,
        Question { webhook_url: url, linked_hubs }: &Question,
        recording: &Recording,
    ) -> Decision {
        let applicant = Applicant {
            registration_id: &record.registration_id,
            certificate: record.outcome.certificate.as_ref(),
            tpm: record.outcome.tpm.as_ref(),
            current: record.assignment.as_ref(),
            payload: record.outcome.payload.as_ref(),
        };
        let body = allocation_request(enrollment, applicant, linked_hubs);
        let who = record.registration_id.as_str();
        let mask = recording.mask();
        recording.webhook_asked(&url.masked(), &body);
        conversation::webhook_asked(who, url, mask, &body);
        let answered = |answer: &WebhookAnswer, took| {
            recording.webhook_answered(answer, took);
            conversation::webhook_answered(who, mask, answer, took);
        };
        let meddle = || self.meddle(record, enrollment);
        let answer = self.webhooks.call(url, body, who, meddle, answered).await;
        judge(&answer, linked_hubs, mask)
    }

    /// Keeps the result; nothing of it is said before.
    async fn conclude(
        &self,
        _held: Held<'_>,
        record: PendingRecord,
        enrollment: &Enrollment,
        decision: Decision,
        operation: &Operation,
    ) -> Result<(), StoreError> {
        let (decision, given) = self.give_hub_keys(&record, decision);
        let (decision, issued) = self.grant(&record, enrollment, decision);
        if let Decision::Failed { hint, .. } = &decision {
            tracing::warn!("{}: {}", record.registration_id, Foreign::new(hint));
            operation.recording.reason(hint);
        }
        let id = record.registration_id.clone();
        let _identity = self.store.hold_hub_devices(&device_ids(&record, enrollment)).await;
        let (reprovisioning, on_same_hub) = (reprovisioning(&record, enrollment), self.on_same_hub);
        let told = issued.clone();
        let finding = Finding { enrollment, decision, reprovisioning, on_same_hub, given, issued };
        let known = |key: &_| self.store.hub_device(key);
        let concluded = conclude(record, finding, known, self.moment(&id));
        let Conclusion { changes, record, identity, disconnect } = concluded;
        self.store.commit(changes).await?;
        if let Some(issued) = &told {
            certificate::tell(&id, issued, &operation.recording);
        }
        for key in disconnect {
            self.hubs.disconnect(&key, "its identity was removed when the device registered again");
        }
        self.finished(&record, identity.as_ref(), operation);
        Ok(())
    }

    /// Ends a registration of which it is kept that it is in progress, if that is still so.
    async fn conclude_second(
        &self,
        record: PendingRecord,
        enrollment: &Enrollment,
        decision: Decision,
        operation: &Operation,
    ) {
        let id = record.registration_id.clone();
        let held = self.store.hold_registration(&id).await;
        if !self.is_current(&record) {
            tracing::info!(
                "{id}: its record was deleted, or the operation forgotten, while it registered; \
                 it has no result"
            );
            return self.operations.finish(&id, operation);
        }
        let kept = self.conclude(held, record, enrollment, decision, operation).await;
        if kept.is_err() {
            // Already logged. Polls are told `assigning` still; the device may register anew, and a
            // service that starts again on the same state finishes this one.
            self.operations.finish(&id, operation);
        }
    }

    /// New keys for its hub, of a device that gets one and has a TPM (B.5). Without them the hub would be of
    /// no use to it.
    fn give_hub_keys(
        &self,
        record: &PendingRecord,
        decision: Decision,
    ) -> (Decision, Option<GivenKeys>) {
        let (Some(keys), Decision::Hub { .. }) = (&record.outcome.tpm, &decision) else {
            return (decision, None);
        };
        let id = &record.registration_id;
        let made = |what| DeviceKey::made_for_tpm(&self.sources.chance, what, &id.folded());
        let (primary, secondary) = (made("hub key"), made("second hub key"));
        let platform = Platform::read(keys).map_err(|fault| fault.to_string());
        let encrypted = platform
            .and_then(|platform| platform.encrypt(&primary).map_err(|fault| fault.to_string()));
        match encrypted {
            Ok(blob) => {
                let authentication = Authentication::Keys { primary, secondary };
                (decision, Some(GivenKeys { authentication, encrypted: blob.to_base64() }))
            }
            // What was looked at when it registered does not become wrong, unless the state was changed.
            Err(reason) => {
                let failed = Decision::Failed {
                    code: ErrorCode::INTERNAL,
                    message: "InternalServerError".to_owned(),
                    hint: format!("no key for its hub can be encrypted for its TPM: {reason}"),
                };
                (failed, None)
            }
        }
    }

    /// Now, for what changes of this device.
    fn moment(&self, whose: &RegistrationId) -> Moment {
        Moment { now: self.sources.now(), salt: self.sources.chance.salt(&whose.folded()) }
    }

    /// Whether the stored record is still the one of this operation.
    fn is_current(&self, record: &PendingRecord) -> bool {
        let stored = self.store.device(&record.registration_id);
        stored.is_some_and(|stored| stored.operation_id == record.operation_id)
    }

    pub(super) fn accepted_reply(&self, status: &RegistrationOperationStatus) -> Reply {
        json_reply(202, Some(self.pace.retry_after), status)
    }

    fn finished(
        &self,
        record: &DeviceRecord,
        identity: Option<&IdentityFate>,
        operation: &Operation,
    ) {
        log::finished(record);
        let took = self.sources.since(operation.started);
        let entry = operation.recording.finish(record, identity, took);
        // First, so that an observer that panics leaves no device waiting for ever.
        self.operations.finish(&record.registration_id, operation);
        self.observer.tell(&entry);
    }
}

fn reprovisioning(record: &PendingRecord, enrollment: &Enrollment) -> Reprovisioning {
    Reprovisioning::of(enrollment.reprovision_policy, &record.outcome.api_version)
}
