//! What devices ask: to register, how an operation stands, how their registration stands.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::core::Registrar;
use super::operations::{Claim, Operation};
use super::progress::AcceptedRequest;
use super::refusal::{hold_off, refusal_code, refuse, refuse_request};
use super::request_fault::RequestFault;
use super::{checks, conversation, log, tpm};
use crate::service::attest::{Answer, Attested, Check};
use crate::service::caller::{Caller, TurnedAway};
use crate::service::journal::{AnswerKind, Recording, Refused};
use crate::service::lock::lock;
use crate::service::mask::Mask;
use crate::service::record::{DeviceRecord, EnrollmentName, Outcome, ProvenBy};
use crate::service::registration::operation_id;
use crate::service::reply::{Reply, error_reply, json_reply};
use crate::wire::{
    ConnectCode, DeviceRegistrationResult, ErrorCode, OperationId, Payload, RegisterRequest,
    RegistrationOperationStatus, Status,
};

/// How long a poll that may come at once (`retry-after` 0, which Azure never sends) waits for a
/// result that is about to be there. Far below the 10 s that the least patient SDK allows.
const GRACE: Duration = Duration::from_secs(1);

/// How long a register waits for another connection's to end; the least patient SDK waits 30 s.
const LONGEST_QUEUE: Duration = Duration::from_secs(20);

impl Registrar {
    /// Answers a register request (F.1). `now` is what its proof is judged by.
    pub async fn register(
        self: &Arc<Self>,
        caller: &Caller,
        body: &[u8],
        now: SystemTime,
    ) -> Reply {
        let request = match self.check_request(caller, body) {
            Ok(request) => request,
            Err(fault) => {
                let (code, reason) = (fault.code(), fault.to_string());
                let reply = refuse_request(&self.sources, caller, &fault);
                let checks = checks::of_bad_request(caller, reason.clone());
                let (failed_check, checks) = ("request", &checks[..]);
                let refused =
                    Refused { code, failed_check, checks, reason: &reason, reply: &reply };
                self.refused(caller, None, refused);
                return reply;
            }
        };
        let payload = request.payload.as_ref();
        let mut checks = checks::of_request(caller);
        lock(&self.seen).add(&caller.registration_id);
        let proof = tpm::shown(caller, request.tpm.as_ref());
        let attested = match self.attest(caller, &proof, now) {
            Ok(Answer::Attested(attested)) => attested,
            Ok(Answer::Challenge(challenge)) => {
                conversation::register(caller, &Mask::of(None), payload);
                checks.extend(challenge.checks(&proof));
                return self.challenge_and_record(caller, (&challenge, &checks), payload);
            }
            Err(refusal) => {
                conversation::register(caller, &Mask::of(None), payload);
                let reply = refuse(&self.sources, caller, &refusal);
                checks.extend(refusal.checks(&proof));
                let refused = Refused {
                    code: refusal_code(caller, &refusal),
                    failed_check: refusal.fault.as_word(),
                    checks: &checks,
                    reason: &refusal.text(&caller.registration_id),
                    reply: &reply,
                };
                let challenged = self.challenges.recording(&caller.registration_id);
                match challenged.filter(|_| refusal.is_of_tpm()) {
                    Some(from) => {
                        let entry =
                            self.journal.refused_challenged(&from, caller, payload, refused);
                        self.observer.tell(&entry);
                    }
                    None => self.refused(caller, payload, refused),
                }
                return reply;
            }
        };
        checks.extend(attested.checks(&proof, self.instance.requires_verified_ca));
        // Behind the proof: no stranger uses up what the devices have (J-92).
        if let Err(throttled) = self.throttle.registration(self.sources.instant()) {
            let reason = throttled.to_string();
            let reply = hold_off(&self.sources, caller, &throttled);
            checks.push(Check::failed("quota", reason.clone()));
            let (code, checks) = (ErrorCode::THROTTLED, &checks[..]);
            let refused =
                Refused { code, failed_check: "quota", checks, reason: &reason, reply: &reply };
            self.refused(caller, payload, refused);
            return reply;
        }
        let csr = match self.certificate_request(caller, request.csr.as_deref()) {
            Ok(csr) => csr,
            Err(fault) => {
                let reason = fault.to_string();
                let fault = RequestFault::Certificate(fault);
                let (code, failed_check) = (fault.code(), "certificateRequest");
                let reply = refuse_request(&self.sources, caller, &fault);
                checks.push(Check::failed(failed_check, reason.clone()));
                let checks = &checks[..];
                let refused =
                    Refused { code, failed_check, checks, reason: &reason, reply: &reply };
                self.refused(caller, payload, refused);
                return reply;
            }
        };
        checks.extend(csr.as_ref().map(checks::of_certificate_request));
        checks.push(attested.enabled());
        let (operation, _entered) = loop {
            // Not while everything is being forgotten.
            let entered = self.gate.read().await;
            let (registration_id, connection) = (&caller.registration_id, caller.connection.number);
            let make = || {
                let id = self.new_operation_id(caller);
                let recording = self.record(caller, (&attested, &checks), payload, &id);
                Operation::new(id, connection, self.pace.assigning_polls, recording)
            };
            match self.operations.claim(registration_id, connection, make) {
                Claim::Mine(operation) => break (operation, entered),
                Claim::Repeated(operation_id) => {
                    let reply = self.repeat(&operation_id);
                    self.told(caller, operation_id.as_str(), AnswerKind::Register, &reply, None);
                    return reply;
                }
                // Two registrations of one device follow each other (J-21).
                Claim::Taken(other) => {
                    drop(entered);
                    if timeout(LONGEST_QUEUE, other.done()).await.is_err() {
                        let code = ErrorCode::PRECONDITION_FAILED;
                        let reason = "another connection's operation does not end (J-21)";
                        let reply = error_reply(&self.sources, code, "Precondition failed.");
                        checks.push(Check::failed("queue", reason));
                        let (failed_check, checks) = ("queue", &checks[..]);
                        let refused = Refused { code, failed_check, checks, reason, reply: &reply };
                        self.refused(caller, payload, refused);
                        return reply;
                    }
                }
            }
        };
        conversation::register(caller, operation.recording.mask(), payload);
        log::accepted(caller, &attested);
        let registrar = Arc::clone(self);
        let operation_id = operation.id.clone();
        let accepted = AcceptedRequest::new(caller, attested, request.payload, csr);
        let reply =
            self.run_to_end(async move { registrar.start(accepted, operation).await }).await;
        let reply = reply.unwrap_or_else(|| {
            error_reply(&self.sources, ErrorCode::INTERNAL, "InternalServerError")
        });
        self.told(caller, operation_id.as_str(), AnswerKind::Register, &reply, None);
        reply
    }

    /// A device's CONNECT was refused (A.6). No event: it has not asked for anything.
    pub fn refused_connect(&self, who: TurnedAway, code: ConnectCode) {
        let said = (AnswerKind::Connack, code as u16, None);
        self.journal.turned_away(&who, &checks::of_turned_away(&who), said);
    }

    /// A register request was refused before it came here. No event, as of a CONNECT.
    pub fn refused_request(&self, who: TurnedAway, code: ErrorCode) {
        let said = (AnswerKind::Register, code.status(), Some(code));
        self.journal.turned_away(&who, &checks::of_turned_away(&who), said);
    }

    /// A client was refused a link over AMQP. No event, as of a CONNECT.
    pub fn refused_attach(&self, who: TurnedAway, code: ErrorCode) {
        let said = (AnswerKind::Attach, code.status(), Some(code));
        self.journal.turned_away(&who, &checks::of_turned_away(&who), said);
    }

    /// A client was not let in by SASL: outcome 1, whatever the reason. No event, as of a CONNECT.
    pub fn refused_sasl(&self, who: TurnedAway) {
        let said = (AnswerKind::Sasl, 1, None);
        self.journal.turned_away(&who, &checks::of_turned_away(&who), said);
    }

    /// Answers a poll (A.5): at once, with the current state.
    pub async fn operation_status(
        &self,
        caller: &Caller,
        operation_id: &str,
        now: SystemTime,
    ) -> Reply {
        let (reply, record) = self.status_of(caller, operation_id, now, false).await;
        self.told(caller, operation_id, AnswerKind::Poll, &reply, record.as_ref());
        reply
    }

    /// The same, but that an operation with a result is told to be in progress.
    pub(super) async fn hold_back(&self, caller: &Caller, operation_id: &str) -> Reply {
        let now = self.sources.now();
        let (reply, _) = self.status_of(caller, operation_id, now, true).await;
        self.told(caller, operation_id, AnswerKind::Poll, &reply, None);
        reply
    }

    /// The answer to a poll, and the record if the answer tells its result.
    async fn status_of(
        &self,
        caller: &Caller,
        operation_id: &str,
        now: SystemTime,
        is_held_back: bool,
    ) -> (Reply, Option<DeviceRecord>) {
        match self.attest(caller, &caller.proof, now) {
            Ok(Answer::Attested(_)) => {}
            // No event: a poll is no registration.
            Ok(Answer::Challenge(challenge)) => return (self.challenge(caller, &challenge), None),
            Err(refusal) => return (refuse(&self.sources, caller, &refusal), None),
        }
        if let Err(throttled) = self.throttle.poll(&caller.registration_id, self.sources.instant())
        {
            return (hold_off(&self.sources, caller, &throttled), None);
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
            let reply =
                error_reply(&self.sources, ErrorCode::OPERATION_NOT_FOUND, "Operation not found.");
            return (reply, None);
        };
        self.journal.polled(operation_id);
        conversation::poll(caller, operation_id);
        let still_assigning =
            |record: &DeviceRecord| (self.accepted_reply(&record.reply_still_assigning()), None);
        if is_held_back {
            return still_assigning(&record);
        }
        if let Some(operation) = self.operations.find(&caller.registration_id, operation_id) {
            if operation.holds_back() {
                return still_assigning(&record);
            }
            if self.sources.clock.stands() {
                // A result that needs no time is there then.
                self.sources.clock.settle().await;
            } else if self.pace.retry_after.is_zero() {
                let _ = timeout(GRACE, operation.done()).await;
            }
            self.operations.forget_if_told(&caller.registration_id, &operation);
        }
        let record = find().unwrap_or(record);
        if matches!(record.outcome, Outcome::Assigning(_)) {
            return still_assigning(&record);
        }
        conversation::told(caller, &record);
        if record.proven_by == ProvenBy::Tpm {
            self.challenges.told(&caller.registration_id, self.sources.instant());
        }
        (json_reply(200, None, &self.reply_of(&record, caller)), Some(record))
    }

    /// Answers a registration status lookup (B.1): the state alone, as a poll would have it.
    pub async fn registration_state(&self, caller: &Caller, body: &[u8], now: SystemTime) -> Reply {
        // No events: a look-up is no registration.
        let request = match self.check_request(caller, body) {
            Ok(request) => request,
            Err(fault) => return refuse_request(&self.sources, caller, &fault),
        };
        if request.csr.is_some() && caller.api_version.issues_certificates() {
            return refuse_request(&self.sources, caller, &RequestFault::CertificateInLookup);
        }
        let proof = tpm::shown(caller, request.tpm.as_ref());
        match self.attest(caller, &proof, now) {
            Ok(Answer::Attested(_)) => {}
            Ok(Answer::Challenge(challenge)) => return self.challenge(caller, &challenge),
            Err(refusal) => return refuse(&self.sources, caller, &refusal),
        }
        if let Err(throttled) = self.throttle.registration(self.sources.instant()) {
            return hold_off(&self.sources, caller, &throttled);
        }
        let record = self.store.device(&caller.registration_id);
        let reply = record.as_ref().map(|record| self.reply_of(record, caller));
        match reply.and_then(|reply| reply.registration_state) {
            Some(state) => {
                // Key and certificate are part of a registration, and of no question about one (J-384, J-442).
                let state =
                    DeviceRegistrationResult { tpm: None, issued_certificate_chain: None, ..state };
                let reply = json_reply(200, None, &state);
                if let Some(record) = &record {
                    let operation_id = record.operation_id.as_str();
                    self.told(caller, operation_id, AnswerKind::Lookup, &reply, Some(record));
                }
                reply
            }
            None => {
                error_reply(&self.sources, ErrorCode::RECORD_NOT_FOUND, "Registration not found.")
            }
        }
    }

    /// What a device is told of its registration. How its hub is spoken to stands in the configuration.
    fn reply_of(&self, record: &DeviceRecord, caller: &Caller) -> RegistrationOperationStatus {
        let mut reply = record.reply(&caller.api_version);
        if let Some(state) = &mut reply.registration_state
            && caller.api_version.tells_connection_profile()
        {
            let hub = state.assigned_hub.as_deref().and_then(|hub| self.instance.linked_hub(hub));
            state.connection_profile = hub.and_then(|hub| hub.connection_profile.clone());
        }
        reply
    }

    fn check_request(&self, caller: &Caller, body: &[u8]) -> Result<RegisterRequest, RequestFault> {
        let version = &caller.api_version;
        if !version.is_known() && !version.is_newer_than_2019_03_31() {
            return Err(RequestFault::ApiVersion(version.clone()));
        }
        let request = RegisterRequest::read(body)?;
        match &request.registration_id {
            Some(id) if !caller.registration_id.names_same_device(id) => {
                let expected = caller.registration_id.clone();
                Err(RequestFault::RegistrationId {
                    found: id.chars().take(128).collect(),
                    expected,
                })
            }
            _ => Ok(request),
        }
    }

    /// Writes down that an operation begins; where its device was challenged, as what came of that.
    fn record(
        &self,
        caller: &Caller,
        (attested, checks): (&Attested, &[Check]),
        payload: Option<&Payload>,
        operation_id: &OperationId,
    ) -> Recording {
        let is_of_tpm = attested.evidence.tpm().is_some();
        let challenged = self.challenges.recording(&caller.registration_id).filter(|_| is_of_tpm);
        let (attested, journal) = ((attested, checks), &self.journal);
        match challenged {
            Some(from) => journal.begin_challenged(&from, caller, attested, payload, operation_id),
            None => journal.begin(caller, attested, payload, operation_id),
        }
    }

    fn new_operation_id(&self, caller: &Caller) -> OperationId {
        let unique = self.sources.chance.uuid("operation", &caller.registration_id.folded());
        operation_id(&caller.id_scope, &caller.registration_id, unique)
    }

    fn repeat(&self, operation_id: &OperationId) -> Reply {
        self.accepted_reply(&RegistrationOperationStatus {
            operation_id: Some(operation_id.to_string()),
            status: Status::Assigning,
            registration_state: None,
        })
    }

    fn refused(&self, caller: &Caller, payload: Option<&Payload>, refused: Refused<'_>) {
        self.observer.tell(&self.journal.refused(caller, payload, refused));
    }

    /// Writes down what a device is told of its operation, and of the result in `record`, if it is told
    /// one: what a webhook has written there is masked.
    fn told(
        &self,
        caller: &Caller,
        operation_id: &str,
        kind: AnswerKind,
        reply: &Reply,
        record: Option<&DeviceRecord>,
    ) {
        let whose = (&caller.registration_id, operation_id);
        let Some(record) = record.filter(|it| it.outcome.has_foreign_text()) else {
            return self.journal.answered(whose, kind, reply, None);
        };
        let EnrollmentName { kind: of, name } = &record.enrollment;
        match self.read_enrollments(|all| all.find(*of, name).cloned()) {
            Some(enrollment) => {
                let definition = enrollment.custom_allocation.as_ref();
                let mask = Mask::of(definition.map(|definition| &definition.webhook_url));
                self.journal.answered(whose, kind, reply, Some(&mask));
            }
            // What was secret in it is not known any more.
            None => {
                let without_body = Reply { body: String::new(), ..reply.clone() };
                self.journal.answered(whose, kind, &without_body, None);
            }
        }
    }
}
