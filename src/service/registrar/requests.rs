//! What devices ask: to register, how an operation stands, how their registration stands.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::timeout;

use super::core::Registrar;
use super::operations::{Claim, Operation};
use super::progress::AcceptedRequest;
use super::refusal::{hold_off, refuse, refuse_request, unauthorized_code};
use super::request_fault::RequestFault;
use super::{conversation, log};
use crate::service::attest::{Attested, Refusal, attest};
use crate::service::caller::Caller;
use crate::service::lock::lock;
use crate::service::mask::Mask;
use crate::service::record::{DeviceRecord, Outcome};
use crate::service::registration::operation_id;
use crate::service::reply::{Reply, error_reply, json_reply};
use crate::wire::{
    ErrorCode, OperationId, Payload, RegisterRequest, RegistrationOperationStatus, Status,
};

/// How long a poll that may come at once (`retry-after` 0, which Azure never sends) waits for a
/// result that is about to be there. Far below the 10 s that the least patient SDK allows.
const GRACE: Duration = Duration::from_secs(1);

/// How long a register waits for another connection's to end; the least patient SDK waits 30 s.
const LONGEST_QUEUE: Duration = Duration::from_secs(20);

impl Registrar {
    /// Answers a register request (F.1).
    pub async fn register(self: &Arc<Self>, caller: &Caller, body: &[u8]) -> Reply {
        let request = match self.check_request(caller, body) {
            Ok(request) => request,
            Err(fault) => {
                let (code, reason) = (fault.code(), fault.to_string());
                self.refused(caller, None, code, "request", &reason);
                return refuse_request(caller, &fault);
            }
        };
        lock(&self.seen).add(&caller.registration_id);
        let attested = match self.attest(caller) {
            Ok(attested) => attested,
            Err(refusal) => {
                let fault = &refusal.fault;
                let code = unauthorized_code(caller, fault);
                let reason = refusal.text(&caller.registration_id);
                conversation::register(caller, &Mask::of(None), request.payload.as_ref());
                self.refused(caller, request.payload.as_ref(), code, fault.as_word(), &reason);
                return refuse(caller, &refusal);
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
        log::accepted(caller, &attested);
        let registrar = Arc::clone(self);
        let accepted = AcceptedRequest::new(caller, attested, request.payload);
        let reply =
            self.run_to_end(async move { registrar.start(accepted, operation).await }).await;
        reply.unwrap_or_else(|| error_reply(ErrorCode::INTERNAL, "InternalServerError"))
    }

    /// Answers a poll (A.5): at once, with the current state.
    pub async fn operation_status(&self, caller: &Caller, operation_id: &str) -> Reply {
        if let Err(refusal) = self.attest(caller) {
            // No event: a poll is no registration.
            return refuse(caller, &refusal);
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
        if let Err(fault) = self.check_request(caller, body) {
            return refuse_request(caller, &fault);
        }
        if let Err(refusal) = self.attest(caller) {
            return refuse(caller, &refusal);
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

    fn attest(&self, caller: &Caller) -> Result<Attested, Refusal> {
        let Caller { id_scope, registration_id, proof, .. } = caller;
        let suspects = || lock(&self.seen).all();
        let enrollments = self.store.enrollments();
        let now = SystemTime::now();
        attest(&self.instance, &enrollments, id_scope, registration_id, proof, now, suspects)
    }

    fn new_operation_id(&self, caller: &Caller) -> OperationId {
        operation_id(&caller.id_scope, &caller.registration_id, uuid::Uuid::new_v4())
    }

    fn repeat(&self, operation_id: &OperationId) -> Reply {
        self.accepted_reply(&RegistrationOperationStatus {
            operation_id: Some(operation_id.to_string()),
            status: Status::Assigning,
            registration_state: None,
        })
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
