//! What devices ask behind a register request: how an operation stands, how their registration stands.

use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::core::Registrar;
use super::refusal::{hold_off, refuse, refuse_request};
use super::request_fault::RequestFault;
use super::{checks, conversation, tpm};
use crate::service::attest::Answer;
use crate::service::caller::{Caller, TurnedAway};
use crate::service::journal::AnswerKind;
use crate::service::mask::Mask;
use crate::service::record::{DeviceRecord, EnrollmentName, Outcome, ProvenBy};
use crate::service::reply::{Reply, error_reply, json_reply};
use crate::wire::{
    ConnectCode, DeviceRegistrationResult, ErrorCode, RegisterRequest, RegistrationOperationStatus,
};

/// How long a poll that may come at once (`retry-after` 0, which Azure never sends) waits for a
/// result that is about to be there. Far below the 10 s that the least patient SDK allows.
const GRACE: Duration = Duration::from_secs(1);

impl Registrar {
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
        let still_assigning = |record: &DeviceRecord| {
            if record.proven_by == ProvenBy::Tpm {
                self.challenges.goes_on(&caller.registration_id, self.sources.instant());
            }
            (self.accepted_reply(&record.reply_still_assigning()), None)
        };
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

    pub(super) fn check_request(
        &self,
        caller: &Caller,
        body: &[u8],
    ) -> Result<RegisterRequest, RequestFault> {
        let version = &caller.api_version;
        if !version.is_known() && !version.is_newer_than_2019_03_31() {
            return Err(RequestFault::ApiVersion(version.clone()));
        }
        let request = RegisterRequest::read(body, version)?;
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

    /// Writes down what a device is told of its operation, and of the result in `record`, if it is told
    /// one: what a webhook has written there is masked.
    pub(super) fn told(
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
                let mask = Mask::of_enrollment(&enrollment);
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
