//! A registration from its acceptance to its result: what must be kept is kept, then told.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Caller, Registrar, log};
use crate::service::allocation::custom::{Applicant, WebhookAnswer, allocation_request, judge};
use crate::service::allocation::{Decision, Plan, Question, plan};
use crate::service::attest::Attested;
use crate::service::conversation;
use crate::service::enrollment::Enrollment;
use crate::service::journal::Recording;
use crate::service::operations::{Claim, Operation};
use crate::service::record::{DeviceRecord, Errand, Outcome, ProvenBy};
use crate::service::registration::{
    Conclusion, Finding, Intake, Moment, begin, conclude, device_id,
};
use crate::service::reply::{Reply, error_reply};
use crate::service::reprovision::Reprovisioning;
use crate::service::store::{Change, StoreError};
use crate::wire::{ErrorCode, Payload, RegistrationId};

/// Where the end of a registration stands among what is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing was kept before.
    Only,
    /// That it is under way was.
    Second,
}

/// A register request that was taken, on its own feet.
#[derive(Debug)]
pub(super) struct Taken {
    registration_id: RegistrationId,
    enrollment: Arc<Enrollment>,
    proven_by: ProvenBy,
    errand: Errand,
}

impl Taken {
    pub(super) fn of(caller: &Caller, attested: Attested, payload: Option<Payload>) -> Self {
        let Attested { enrollment, evidence } = attested;
        Self {
            registration_id: caller.registration_id.clone(),
            enrollment,
            proven_by: evidence.proven_by(),
            errand: Errand {
                payload,
                api_version: caller.api_version.clone(),
                certificate: evidence.certificate().cloned(),
            },
        }
    }
}

impl Registrar {
    /// Keeps the registration, then answers. What built-in policies decide is kept together with it;
    /// a webhook is asked in the background.
    pub(super) async fn start(
        self: &Arc<Self>,
        Taken { registration_id, enrollment, proven_by, errand }: Taken,
        operation: Arc<Operation>,
    ) -> Reply {
        let previous = self.store.device(&registration_id);
        let intake = Intake {
            registration_id: &registration_id,
            enrollment: &enrollment,
            proven_by,
            operation_id: operation.id.clone(),
            errand,
        };
        let record = begin(previous.as_deref(), intake, moment());
        let reply = self.accepted_reply(&record.reply_accepted());
        let plan = match &record.outcome {
            Outcome::Assigning(errand) => Some(self.plan(&record, &enrollment, errand)),
            _ => None,
        };
        let kept = match plan {
            Some(Plan::Decided(decision)) => {
                self.conclude(record, &enrollment, decision, Step::Only, &operation).await
            }
            Some(Plan::Ask(question)) => {
                let kept = self.keep(record.clone()).await;
                if kept.is_ok() {
                    self.allocate(record, enrollment, question, operation.clone());
                }
                kept
            }
            None => {
                let kept = self.keep(record.clone()).await;
                if kept.is_ok() {
                    self.finished(&record, &operation);
                }
                kept
            }
        };
        match kept {
            Ok(()) => reply,
            Err(error) => {
                operation.recording.broken(&error.to_string());
                self.operations.finish(&registration_id, &operation);
                error_reply(ErrorCode::INTERNAL, "InternalServerError")
            }
        }
    }

    async fn keep(&self, record: DeviceRecord) -> Result<(), StoreError> {
        self.store.commit(vec![Change::PutDevice(Arc::new(record))]).await
    }

    fn plan(&self, record: &DeviceRecord, enrollment: &Enrollment, errand: &Errand) -> Plan {
        let reprovisioning = Reprovisioning::of(enrollment.reprovision_policy, &errand.api_version);
        let current = record.assignment.as_ref().map(|assignment| assignment.hub.as_str());
        let kept = current.filter(|_| reprovisioning == Reprovisioning::Never);
        plan(&self.instance, enrollment, &record.registration_id.folded(), kept)
    }

    /// Sees a registration through in the background.
    fn allocate(
        self: &Arc<Self>,
        record: DeviceRecord,
        enrollment: Arc<Enrollment>,
        question: Question,
        operation: Arc<Operation>,
    ) {
        let registrar = Arc::clone(self);
        let work = async move {
            let recording = &operation.recording;
            let decision = registrar.ask_webhook(&record, &enrollment, &question, recording).await;
            registrar.conclude_second(record, &enrollment, decision, &operation).await;
        };
        self.spawn(work);
    }

    /// Sees through what was under way when the last process ended (J-32). The enrollment may have
    /// changed meanwhile; one that is gone ends its registrations.
    pub fn resume(self: &Arc<Self>) {
        for record in self.store.devices() {
            let Outcome::Assigning(errand) = &record.outcome else { continue };
            let name = &record.enrollment;
            let enrollment = self.read_enrollments(|all| all.find(name.kind, &name.name).cloned());
            let make = || {
                let scope = &self.instance.id_scope;
                let recording = self.journal.resume(&record, errand, scope, enrollment.as_deref());
                Operation::new(record.operation_id.clone(), 0, 0, recording)
            };
            let Claim::Mine(operation) = self.operations.claim(&record.registration_id, 0, make)
            else {
                continue;
            };
            let Some(enrollment) = enrollment else {
                self.abandon(record.as_ref().clone(), operation);
                continue;
            };
            tracing::info!("{}: its registration goes on", record.registration_id);
            match self.plan(&record, &enrollment, errand) {
                Plan::Ask(question) => {
                    self.allocate(record.as_ref().clone(), enrollment, question, operation);
                }
                Plan::Decided(decision) => {
                    let (registrar, record) = (Arc::clone(self), record.as_ref().clone());
                    self.spawn(async move {
                        registrar.conclude_second(record, &enrollment, decision, &operation).await;
                    });
                }
            }
        }
    }

    /// Ends a registration whose enrollment is gone (J-121).
    fn abandon(self: &Arc<Self>, record: DeviceRecord, operation: Arc<Operation>) {
        let registrar = Arc::clone(self);
        self.spawn(async move {
            let outcome = Outcome::Failed {
                code: ErrorCode::ENROLLMENT_NOT_FOUND,
                message: "Enrollment not found.".to_owned(),
            };
            let record = DeviceRecord { outcome, updated: SystemTime::now(), ..record };
            match registrar.keep(record.clone()).await {
                Ok(()) => registrar.finished(&record, &operation),
                Err(_) => registrar.operations.finish(&record.registration_id, &operation),
            }
        });
    }

    async fn ask_webhook(
        &self,
        record: &DeviceRecord,
        enrollment: &Enrollment,
        Question { webhook_url: url, linked_hubs }: &Question,
        recording: &Recording,
    ) -> Decision {
        let errand = match &record.outcome {
            Outcome::Assigning(errand) => Some(errand),
            _ => None,
        };
        let applicant = Applicant {
            registration_id: &record.registration_id,
            certificate: errand.and_then(|errand| errand.certificate.as_ref()),
            current: record.assignment.as_ref(),
            payload: errand.and_then(|errand| errand.payload.as_ref()),
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
        let answer = self.webhooks.call(url, body, who, answered).await;
        judge(&answer, linked_hubs, mask)
    }

    async fn conclude(
        &self,
        record: DeviceRecord,
        enrollment: &Enrollment,
        decision: Decision,
        step: Step,
        operation: &Operation,
    ) -> Result<(), StoreError> {
        if let Decision::Failed { hint, .. } = &decision {
            tracing::warn!("{}: {hint}", record.registration_id);
            operation.recording.reason(hint);
        }
        let reprovisioning = match &record.outcome {
            Outcome::Assigning(errand) => {
                Reprovisioning::of(enrollment.reprovision_policy, &errand.api_version)
            }
            _ => Reprovisioning::Migrate,
        };
        let id = record.registration_id.clone();
        let _registration = self.store.hold_registration(&id).await;
        let _identity = self.store.hold_hub_device(device_id(&record, enrollment)).await;
        if step == Step::Second && !self.is_current(&record) {
            tracing::info!("{id}: its record was deleted while it registered; it has no result");
            self.operations.finish(&id, operation);
            return Ok(());
        }
        let on_same_hub = self.on_same_hub;
        let finding = Finding { enrollment, decision, reprovisioning, on_same_hub };
        let known = |key: &_| self.store.hub_device(key);
        let Conclusion { changes, record, displaced } = conclude(record, finding, known, moment());
        self.store.commit(changes).await?;
        for key in displaced {
            self.hubs.dismiss(&key, "its identity was removed when the device registered again");
        }
        self.finished(&record, operation);
        Ok(())
    }

    /// Ends a registration of which it is kept that it is under way.
    async fn conclude_second(
        &self,
        record: DeviceRecord,
        enrollment: &Enrollment,
        decision: Decision,
        operation: &Operation,
    ) {
        let id = record.registration_id.clone();
        let kept = self.conclude(record, enrollment, decision, Step::Second, operation).await;
        if kept.is_err() {
            // Already logged. Polls are told `assigning` still; the device may register anew, and a
            // service that starts again on the same state sees this one through.
            self.operations.finish(&id, operation);
        }
    }

    /// Whether the stored record is still the one of this operation.
    fn is_current(&self, record: &DeviceRecord) -> bool {
        let stored = self.store.device(&record.registration_id);
        stored.is_some_and(|stored| stored.operation_id == record.operation_id)
    }

    fn finished(&self, record: &DeviceRecord, operation: &Operation) {
        log::finished(record);
        let entry = operation.recording.finish(record, operation.started.elapsed());
        // First, so that an observer that panics leaves no device waiting for ever.
        self.operations.finish(&record.registration_id, operation);
        self.observer.tell(&entry);
    }
}

fn moment() -> Moment {
    Moment { now: SystemTime::now(), salt: fastrand::u32(..) }
}
