//! Takes requests of devices, whatever transport they came by, and sees registrations through.
//!
//! What is decided stands in `registration`, `attest` and `allocation`; here it is done: stored,
//! asked, answered, logged.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::allocation::custom::{Applicant, WebhookAnswer, allocation_request, judge};
use super::allocation::webhook::WebhookClient;
use super::allocation::{Decision, Plan, no_hub, plan};
use super::attest::{Attested, Evidence, Fault, Proof, attest, remedy, slot_name};
use super::conversation;
use super::enrollment::{Enrollment, Kind};
use super::hub::Hubs;
use super::instance::{Enrollments, Instance};
use super::journal::{Journal, Observer, Recording};
use super::mask::Mask;
use super::operations::{Claim, Operation, Operations};
use super::quota::{Quotas, Throttle, Throttled};
use super::record::{DeviceRecord, Errand, Outcome, ProvenBy};
use super::registration::{
    Conclusion, Finding, Intake, Moment, begin, conclude, device_id, operation_id,
};
use super::reply::{Reply, error_reply, json_reply, throttled_reply};
use super::reprovision::{Reprovisioning, ResetOnSameHub};
use super::sightings::Sightings;
use super::store::{Change, Store, StoreError};
use crate::wire::{
    ApiVersion, ErrorCode, IdScope, OperationId, Payload, RegisterRequest, RegistrationId,
    RegistrationOperationStatus, Status,
};

/// How long a poll that may come at once (`retry-after` 0, which Azure never sends) waits for a
/// result that is about to be there. Far below the 10 s that the least patient SDK allows.
const GRACE: Duration = Duration::from_secs(1);

/// How long a register waits for another connection's to end; the least patient SDK waits 30 s.
const LONGEST_QUEUE: Duration = Duration::from_secs(20);

/// What a service may be told about registrations.
#[derive(Debug, Clone)]
pub struct Pace {
    /// What every 202 tells the device to wait.
    pub retry_after: Duration,
    /// How many polls at least are answered `assigning`.
    pub assigning_polls: u32,
}

/// Where the end of a registration stands among what is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing was kept before.
    Only,
    /// That it is under way was.
    Second,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// As MQTT, over TLS or a WebSocket.
    Mqtt,
    /// As HTTPS.
    Https,
}

/// Who asks.
#[derive(Debug)]
pub struct Caller {
    /// Which connection; two requests of one are never at once.
    pub connection: u64,
    /// How it came.
    pub transport: Transport,
    /// The scope it named.
    pub id_scope: IdScope,
    /// The device it says it is.
    pub registration_id: RegistrationId,
    /// Which shape of replies it understands.
    pub api_version: ApiVersion,
    /// What it brings to prove it.
    pub proof: Proof,
}

/// A register request that was taken, on its own feet.
#[derive(Debug)]
struct Taken {
    registration_id: RegistrationId,
    enrollment: Arc<Enrollment>,
    proven_by: ProvenBy,
    errand: Errand,
}

impl Taken {
    fn of(caller: &Caller, attested: Attested, payload: Option<Payload>) -> Self {
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

/// How a registrar goes about its work.
#[derive(Debug)]
pub struct Conduct {
    /// The enrollments of the configuration, to which a reset leads back.
    pub initial: Enrollments,
    /// Asks webhooks.
    pub webhooks: WebhookClient,
    /// What devices are told to wait.
    pub pace: Pace,
    /// What a reset means on the hub that a device has already (J-3).
    pub on_same_hub: ResetOnSameHub,
    /// Registration IDs whose keys are tried, beside those seen, when a token does not match.
    pub suspects: Vec<RegistrationId>,
    /// How often devices and back ends may ask (H.3).
    pub quotas: Quotas,
    /// Who wants to know of every registration.
    pub observer: Observer,
}

/// Sees registrations through. See the [module](self).
#[derive(Debug)]
pub struct Registrar {
    instance: Instance,
    pub(super) store: Arc<Store>,
    hubs: Arc<Hubs>,
    pub(super) journal: Journal,
    /// The enrollments that it began with.
    pub(super) initial: Enrollments,
    /// Held for reading while a registration begins, for writing while everything is forgotten.
    pub(super) gate: tokio::sync::RwLock<()>,
    webhooks: WebhookClient,
    pace: Pace,
    on_same_hub: ResetOnSameHub,
    observer: Observer,
    pub(super) operations: Operations,
    pub(super) throttle: Throttle,
    // Both are held for a look-up at most, never across an await.
    pub(super) sightings: Mutex<Sightings>,
    pub(super) work: Mutex<JoinSet<()>>,
}

impl Registrar {
    /// A registrar for `instance`, with what is stored of its enrollments and their devices.
    pub fn new(
        instance: Instance,
        (store, hubs): (Arc<Store>, Arc<Hubs>),
        conduct: Conduct,
    ) -> Self {
        let Conduct { initial, webhooks, pace, on_same_hub, suspects, quotas, observer } = conduct;
        Self {
            instance,
            initial,
            store,
            hubs,
            journal: Journal::new(),
            gate: tokio::sync::RwLock::default(),
            webhooks,
            pace,
            on_same_hub,
            observer,
            operations: Operations::default(),
            throttle: Throttle::new(quotas),
            sightings: Mutex::new(Sightings::new(suspects)),
            work: Mutex::default(),
        }
    }

    /// The instance that is served.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Reads the enrollments in place. `read` must be quick: registrations wait for it.
    pub(super) fn read_enrollments<T>(&self, read: impl FnOnce(&Enrollments) -> T) -> T {
        read(&self.store.enrollments())
    }

    /// What is kept of devices.
    pub(super) fn records(&self) -> &Store {
        &self.store
    }

    /// The hubs to which devices are assigned.
    pub fn hubs(&self) -> &Arc<Hubs> {
        &self.hubs
    }

    /// The enrollments as they are now.
    pub fn enrollments(&self) -> Enrollments {
        self.read_enrollments(Enrollments::clone)
    }

    /// Answers a register request (F.1).
    pub async fn register(self: &Arc<Self>, caller: &Caller, body: &[u8]) -> Reply {
        let request = match self.check_request(caller, body) {
            Ok(request) => request,
            Err(message) => return self.bad_request(caller, &message),
        };
        lock(&self.sightings).add(&caller.registration_id);
        let attested = match self.attest(caller) {
            Ok(attested) => attested,
            Err(fault) => {
                let code = unauthorized_code(caller, &fault);
                let reason = refusal_text(caller, &fault);
                conversation::register(caller, &Mask::of(None), request.payload.as_ref());
                self.refused(caller, request.payload.as_ref(), code, fault.as_word(), &reason);
                return refuse(caller, &fault);
            }
        };
        // Behind the proof: no stranger uses up what the devices have (J-92).
        if let Err(throttled) = self.throttle.registration(Instant::now()) {
            let (code, reason) = (ErrorCode::THROTTLED, throttled.to_string());
            self.refused(caller, request.payload.as_ref(), code, "quota", &reason);
            return hold_off(caller, &throttled);
        }
        let (operation, _entered) = loop {
            // Not while everything is being forgotten.
            let entered = self.gate.read().await;
            let Caller { connection, registration_id, .. } = caller;
            let make = || {
                let id = self.new_operation_id(caller);
                let payload = request.payload.as_ref();
                let recording = self.journal.begin(caller, &attested, payload, &id);
                Operation::new(id, *connection, self.pace.assigning_polls, recording)
            };
            match self.operations.claim(registration_id, *connection, make) {
                Claim::Mine(operation) => break (operation, entered),
                Claim::Repeated(operation_id) => return self.repeat(&operation_id),
                // Two registrations of one device follow each other (J-21).
                Claim::Taken(other) => {
                    drop(entered);
                    if timeout(LONGEST_QUEUE, other.done()).await.is_err() {
                        let code = ErrorCode::PRECONDITION_FAILED;
                        let reason = "another connection's operation does not end (J-21)";
                        self.refused(caller, request.payload.as_ref(), code, "queue", reason);
                        return error_reply(code, "Precondition failed.");
                    }
                }
            }
        };
        conversation::register(caller, operation.recording.mask(), request.payload.as_ref());
        log_accepted(caller, &attested);
        // By itself, because the future of a caller that hangs up is dropped: what was claimed has
        // to be let go, and what was begun to be seen through.
        let (answer, answered) = oneshot::channel();
        let (registrar, intake) = (Arc::clone(self), Taken::of(caller, attested, request.payload));
        self.spawn(async move {
            let _ = answer.send(registrar.start(intake, operation).await);
        });
        answered.await.unwrap_or_else(|_| error_reply(ErrorCode::INTERNAL, "InternalServerError"))
    }

    /// Answers a poll (A.5): at once, with the current state.
    pub async fn operation_status(&self, caller: &Caller, operation_id: &str) -> Reply {
        if let Err(fault) = self.attest(caller) {
            // No event: a poll is no registration.
            return refuse(caller, &fault);
        }
        if let Err(throttled) = self.throttle.poll(&caller.registration_id, Instant::now()) {
            return hold_off(caller, &throttled);
        }
        let find = || {
            let record = self.store.device(&caller.registration_id)?;
            record.operation(operation_id).cloned()
        };
        let Some(record) = find() else {
            tracing::warn!(
                "{}: asks for operation {operation_id:?}, which it does not have",
                caller.registration_id
            );
            return error_reply(ErrorCode::OPERATION_NOT_FOUND, "Operation not found.");
        };
        self.journal.polled(operation_id);
        conversation::poll(caller, operation_id);
        let still_assigning =
            |record: &DeviceRecord| self.accepted_reply(&record.reply_still_assigning());
        if let Some(operation) = self.operations.find(&caller.registration_id, operation_id) {
            if operation.holds_back() {
                return still_assigning(&record);
            }
            if self.pace.retry_after.is_zero() {
                let _ = timeout(GRACE, operation.done()).await;
            }
            self.operations.forget_if_told(&caller.registration_id, &operation);
        }
        let record = find().unwrap_or(record);
        if matches!(record.outcome, Outcome::Assigning(_)) {
            return still_assigning(&record);
        }
        conversation::told(caller, &record);
        json_reply(200, None, &record.reply(&caller.api_version))
    }

    /// Answers a registration status lookup (B.1): the state alone, as a poll would have it.
    pub async fn registration_state(&self, caller: &Caller, body: &[u8]) -> Reply {
        // No events: a look-up is no registration.
        if let Err(message) = self.check_request(caller, body) {
            tracing::warn!("{}: refused with 400004: {message}", caller.registration_id);
            return error_reply(ErrorCode::BAD_REQUEST, &message);
        }
        if let Err(fault) = self.attest(caller) {
            return refuse(caller, &fault);
        }
        if let Err(throttled) = self.throttle.registration(Instant::now()) {
            return hold_off(caller, &throttled);
        }
        let record = self.store.device(&caller.registration_id);
        match record.and_then(|record| record.reply(&caller.api_version).registration_state) {
            Some(state) => json_reply(200, None, &state),
            None => error_reply(ErrorCode::RECORD_NOT_FOUND, "Registration not found."),
        }
    }

    /// Ends the work in progress.
    pub fn stop(&self) {
        lock(&self.work).abort_all();
    }

    /// Ends the work in progress, then the store: when this returns, the state is closed.
    pub async fn end(&self) {
        let mut work = std::mem::take(&mut *lock(&self.work));
        work.shutdown().await;
        let store = self.store.clone();
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || store.end()).await;
    }

    fn check_request(&self, caller: &Caller, body: &[u8]) -> Result<RegisterRequest, String> {
        let version = &caller.api_version;
        if !version.is_known() && !version.is_newer_than_2019_03_31() {
            return Err("Unsupported api-version".to_owned());
        }
        let request = RegisterRequest::read(body).map_err(|_| "BadRequest".to_owned())?;
        match &request.registration_id {
            Some(id) if !caller.registration_id.names_same_device(id) => {
                Err("Invalid RegistrationId".to_owned())
            }
            _ => Ok(request),
        }
    }

    fn attest(&self, caller: &Caller) -> Result<Attested, Fault> {
        let Caller { id_scope, registration_id, proof, .. } = caller;
        let suspects = || lock(&self.sightings).all();
        let enrollments = self.store.enrollments();
        let now = SystemTime::now();
        attest(&self.instance, &enrollments, id_scope, registration_id, proof, now, suspects)
    }

    /// Keeps the registration, then answers. What built-in policies decide is kept together with it;
    /// a webhook is asked in the background.
    async fn start(
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
            Some(Plan::Ask { linked_hubs }) => {
                let kept = self.keep(record.clone()).await;
                if kept.is_ok() {
                    self.allocate(record, enrollment, linked_hubs, operation.clone());
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
        linked_hubs: Vec<String>,
        operation: Arc<Operation>,
    ) {
        let registrar = Arc::clone(self);
        let work = async move {
            let recording = &operation.recording;
            let decision =
                registrar.ask_webhook(&record, &enrollment, &linked_hubs, recording).await;
            registrar.conclude_second(record, &enrollment, decision, &operation).await;
        };
        self.spawn(work);
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.work);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
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
                Plan::Ask { linked_hubs } => {
                    self.allocate(record.as_ref().clone(), enrollment, linked_hubs, operation);
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
        linked_hubs: &[String],
        recording: &Recording,
    ) -> Decision {
        let (Some(definition), Outcome::Assigning(errand)) =
            (&enrollment.custom_allocation, &record.outcome)
        else {
            return no_hub();
        };
        let applicant = Applicant {
            registration_id: &record.registration_id,
            certificate: errand.certificate.as_ref(),
            current: record.assignment.as_ref(),
            payload: errand.payload.as_ref(),
        };
        let Ok(body) = allocation_request(enrollment, applicant, linked_hubs) else {
            return no_hub();
        };
        let who = record.registration_id.as_str();
        let (url, mask) = (&definition.webhook_url, recording.mask());
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
        log_finished(record);
        let entry = operation.recording.finish(record, operation.started.elapsed());
        // First, so that an observer that panics leaves no device waiting for ever.
        self.operations.finish(&record.registration_id, operation);
        self.observer.tell(&entry);
    }

    fn new_operation_id(&self, caller: &Caller) -> OperationId {
        operation_id(&caller.id_scope, &caller.registration_id, uuid::Uuid::new_v4())
    }

    fn accepted_reply(&self, status: &RegistrationOperationStatus) -> Reply {
        json_reply(202, Some(self.pace.retry_after), status)
    }

    fn repeat(&self, operation_id: &OperationId) -> Reply {
        self.accepted_reply(&RegistrationOperationStatus {
            operation_id: Some(operation_id.to_string()),
            status: Status::Assigning,
            registration_state: None,
        })
    }

    fn bad_request(&self, caller: &Caller, message: &str) -> Reply {
        tracing::warn!("{}: refused with 400004: {message}", caller.registration_id);
        self.refused(caller, None, ErrorCode::BAD_REQUEST, "request", message);
        error_reply(ErrorCode::BAD_REQUEST, message)
    }

    fn refused(
        &self,
        caller: &Caller,
        payload: Option<&Payload>,
        code: ErrorCode,
        failed_check: &'static str,
        reason: &str,
    ) {
        self.observer.tell(&self.journal.refused(caller, payload, code, failed_check, reason));
    }
}

/// The wire gets the documented 401 and nothing else; the log says which check failed (D-3).
fn refuse(caller: &Caller, fault: &Fault) -> Reply {
    tracing::warn!("{}: refused with 401: {}", caller.registration_id, refusal_text(caller, fault));
    error_reply(unauthorized_code(caller, fault), unauthorized_message(caller))
}

/// The device may try again; until then nothing has come of its request.
fn hold_off(caller: &Caller, throttled: &Throttled) -> Reply {
    tracing::warn!("{}: refused with 429: {throttled}", caller.registration_id);
    throttled_reply(throttled)
}

fn refusal_text(caller: &Caller, fault: &Fault) -> String {
    format!("{fault}; {}", remedy(fault, &caller.registration_id))
}

/// By what the device brought, not by what was wanted: a device with a token hears what devices
/// with tokens hear.
fn unauthorized_code(caller: &Caller, fault: &Fault) -> ErrorCode {
    let is_about_a_token = matches!(caller.proof, Proof::Sas(_)) || matches!(fault, Fault::Sas(_));
    match caller.transport {
        Transport::Mqtt if is_about_a_token => ErrorCode::UNAUTHORIZED_MQTT,
        Transport::Mqtt | Transport::Https => ErrorCode::UNAUTHORIZED,
    }
}

/// Both were recorded for X.509; which is for what is not known (J-71).
fn unauthorized_message(caller: &Caller) -> &'static str {
    match caller.proof {
        Proof::Certificates(_) => "Invalid certificate.",
        Proof::Sas(_) | Proof::Absent => "Unauthorized",
    }
}

fn log_accepted(caller: &Caller, attested: &Attested) {
    let id = &caller.registration_id;
    let through = match attested.enrollment.kind() {
        Kind::Individual => "its own enrollment".to_owned(),
        Kind::Group => format!("enrollment group {}", attested.enrollment.name()),
    };
    let by = match &attested.evidence {
        Evidence::Key(matched) => format!("{} key", slot_name(matched.slot)),
        Evidence::Certificate { leaf, authority: None } => {
            format!("certificate {}", leaf.info().sha1_thumbprint)
        }
        Evidence::Certificate { authority: Some(authority), .. } => {
            format!("certificate below {authority:?}")
        }
    };
    tracing::info!(
        "{id}: registering through {through} ({by}, api-version {})",
        caller.api_version
    );
    if matches!(&attested.evidence, Evidence::Key(matched) if matched.folded) {
        tracing::warn!(
            "{id}: its key is derived from the lower-case form of its ID; whether Azure takes that is not documented (J-5)"
        );
    }
    if !caller.api_version.is_known() {
        tracing::warn!(
            "{id}: api-version {} is not known; served as a newer one (J-11)",
            caller.api_version
        );
    }
}

fn log_finished(record: &DeviceRecord) {
    let id = &record.registration_id;
    match (&record.outcome, &record.assignment) {
        (Outcome::Assigned { .. }, Some(assignment)) => {
            tracing::info!("{id}: assigned to {}", assignment.hub)
        }
        (Outcome::Failed { code, message }, _) => {
            tracing::warn!("{id}: failed with {code}: {message}")
        }
        (Outcome::Disabled, _) => {
            tracing::warn!("{id}: its enrollment {} is disabled", record.enrollment.name)
        }
        _ => {}
    }
}

fn moment() -> Moment {
    Moment { now: SystemTime::now(), salt: fastrand::u32(..) }
}

/// A panic while a lock is held can only come from the allocator; the data is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
#[path = "registrar_tests.rs"]
mod tests;
