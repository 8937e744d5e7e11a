//! A device wants to register (F.1): whether it may, and its operation.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::RwLockReadGuard;
use tokio::time::timeout;

use super::core::Registrar;
use super::operations::{Claim, Operation};
use super::progress::AcceptedRequest;
use super::refusal::{hold_off, refusal_code, refuse, refuse_request};
use super::request_fault::RequestFault;
use super::{checks, conversation, log, tpm};
use crate::pki::CertificateRequest;
use crate::service::attest::{Answer, Attested, Check, Evidence};
use crate::service::caller::Caller;
use crate::service::journal::{AnswerKind, Recording, Refused};
use crate::service::lock::lock;
use crate::service::mask::Mask;
use crate::service::registration::operation_id;
use crate::service::reply::{Reply, error_reply};
use crate::wire::{
    ErrorCode, OperationId, Payload, RegisterRequest, RegistrationOperationStatus, Status,
};

/// How long a register waits for another connection's to end; the least patient SDK waits 30 s.
const LONGEST_QUEUE: Duration = Duration::from_secs(20);

/// A device that may register.
struct Admitted {
    attested: Attested,
    /// What it asks a certificate for, if it does.
    csr: Option<CertificateRequest>,
    /// What was looked at.
    checks: Vec<Check>,
}

/// Its operation, during which nothing is forgotten.
type Begun<'a> = (Arc<Operation>, RwLockReadGuard<'a, ()>);

/// What a refusal needs to be written down.
struct Verdict<'a> {
    code: ErrorCode,
    failed_check: &'static str,
    reason: &'a str,
    /// Of a device that proves itself with a TPM.
    is_of_tpm: bool,
}

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
                let reply = refuse_request(&self.sources, caller, &fault);
                let reason = fault.to_string();
                let verdict = Verdict::of("request", fault.code(), &reason);
                let checks = checks::of_bad_request(caller, reason.clone());
                self.refused(caller, None, verdict, &checks, &reply);
                return reply;
            }
        };
        let payload = request.payload.as_ref();
        lock(&self.seen).add(&caller.registration_id);
        let mut admitted = match self.admit(caller, &request, now) {
            Ok(admitted) => admitted,
            Err(reply) => return reply,
        };
        let (operation, _entered) = match self.begin(caller, &mut admitted, payload).await {
            Ok(begun) => begun,
            Err(reply) => return reply,
        };
        let Admitted { attested, csr, .. } = admitted;
        if is_of_tpm(&attested) {
            self.challenges.goes_on(&caller.registration_id, self.sources.instant());
        }
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

    /// Who the device is, and whether it may register now. Otherwise what it is told, which has been
    /// written down.
    fn admit(
        &self,
        caller: &Caller,
        request: &RegisterRequest,
        now: SystemTime,
    ) -> Result<Admitted, Reply> {
        let payload = request.payload.as_ref();
        let mut checks = checks::of_request(caller);
        let proof = tpm::shown(caller, request.tpm.as_ref());
        let attested = match self.attest(caller, &proof, now) {
            Ok(Answer::Attested(attested)) => Ok(attested),
            Ok(Answer::Challenge(challenge)) => {
                conversation::register(caller, &Mask::of(None), payload);
                let checks = [&checks[..], &challenge.checks(&proof)].concat();
                match self.challenge_and_record(caller, (&challenge, &checks), payload) {
                    Ok(reply) => return Err(reply),
                    Err(refusal) => Err(refusal),
                }
            }
            Err(refusal) => {
                conversation::register(caller, &Mask::of(None), payload);
                Err(refusal)
            }
        };
        let attested = match attested {
            Ok(attested) => attested,
            Err(refusal) => {
                let reply = refuse(&self.sources, caller, &refusal);
                checks.extend(refusal.checks(&proof));
                let verdict = Verdict {
                    code: refusal_code(caller, &refusal),
                    failed_check: refusal.fault.as_word(),
                    reason: &refusal.text(&caller.registration_id),
                    is_of_tpm: refusal.is_of_tpm(),
                };
                self.refused(caller, payload, verdict, &checks, &reply);
                return Err(reply);
            }
        };
        checks.extend(attested.checks(&proof, self.instance.requires_verified_ca));
        // Behind the proof: no stranger uses up what the devices have (J-92).
        if let Err(throttled) = self.throttle.registration(self.sources.instant()) {
            let reason = throttled.to_string();
            let reply = hold_off(&self.sources, caller, &throttled);
            checks.push(Check::failed("quota", reason.clone()));
            let verdict = Verdict::of("quota", ErrorCode::THROTTLED, &reason);
            self.refused(caller, payload, verdict.about(&attested), &checks, &reply);
            return Err(reply);
        }
        let csr = match self.certificate_request(caller, request.csr.as_deref()) {
            Ok(csr) => csr,
            Err(fault) => {
                let reason = fault.to_string();
                let fault = RequestFault::Certificate(fault);
                let reply = refuse_request(&self.sources, caller, &fault);
                let verdict = Verdict::of("certificateRequest", fault.code(), &reason);
                checks.push(Check::failed(verdict.failed_check, reason.clone()));
                self.refused(caller, payload, verdict.about(&attested), &checks, &reply);
                return Err(reply);
            }
        };
        checks.extend(csr.as_ref().map(checks::of_certificate_request));
        checks.push(attested.enabled());
        Ok(Admitted { attested, csr, checks })
    }

    /// Begins an operation, once that of another connection has ended (J-21). Otherwise what the device is
    /// told.
    async fn begin(
        &self,
        caller: &Caller,
        admitted: &mut Admitted,
        payload: Option<&Payload>,
    ) -> Result<Begun<'_>, Reply> {
        loop {
            // Not while everything is being forgotten.
            let entered = self.gate.read().await;
            let (registration_id, connection) = (&caller.registration_id, caller.connection.number);
            let make = || {
                let id = self.new_operation_id(caller);
                let recording = self.record(caller, admitted, payload, &id);
                Operation::new(id, connection, self.pace.assigning_polls, recording)
            };
            match self.operations.claim(registration_id, connection, make) {
                Claim::Mine(operation) => return Ok((operation, entered)),
                Claim::Repeated(operation_id) => {
                    let reply = self.repeat(&operation_id);
                    self.told(caller, operation_id.as_str(), AnswerKind::Register, &reply, None);
                    return Err(reply);
                }
                // Two registrations of one device follow each other.
                Claim::Taken(other) => {
                    drop(entered);
                    if timeout(LONGEST_QUEUE, other.done()).await.is_err() {
                        let code = ErrorCode::PRECONDITION_FAILED;
                        let reason = "another connection's operation does not end (J-21)";
                        let reply = error_reply(&self.sources, code, "Precondition failed.");
                        let Admitted { attested, checks, .. } = admitted;
                        checks.push(Check::failed("queue", reason));
                        let verdict = Verdict::of("queue", code, reason).about(attested);
                        self.refused(caller, payload, verdict, checks, &reply);
                        return Err(reply);
                    }
                }
            }
        }
    }

    /// Writes down that an operation begins; where its device was challenged, as what came of that.
    fn record(
        &self,
        caller: &Caller,
        Admitted { attested, checks, .. }: &Admitted,
        payload: Option<&Payload>,
        operation_id: &OperationId,
    ) -> Recording {
        let challenged = self.challenge_of(caller, is_of_tpm(attested));
        let (attested, journal) = ((attested, &checks[..]), &self.journal);
        match challenged {
            Some(from) => journal.begin_challenged(&from, caller, attested, payload, operation_id),
            None => journal.begin(caller, attested, payload, operation_id),
        }
    }

    /// Writes down that a device may not register, and tells of it; where it was challenged, as what came
    /// of that (J-387).
    fn refused(
        &self,
        caller: &Caller,
        payload: Option<&Payload>,
        verdict: Verdict<'_>,
        checks: &[Check],
        reply: &Reply,
    ) {
        let Verdict { code, failed_check, reason, is_of_tpm } = verdict;
        let refused = Refused { code, failed_check, checks, reason, reply };
        let entry = match self.challenge_of(caller, is_of_tpm) {
            Some(from) => self.journal.refused_challenged(&from, caller, payload, refused),
            None => self.journal.refused(caller, payload, refused),
        };
        self.observer.tell(&entry);
    }

    /// What was written down of the challenge that a device with a TPM now comes back from.
    fn challenge_of(&self, caller: &Caller, is_of_tpm: bool) -> Option<Recording> {
        if !is_of_tpm {
            return None;
        }
        self.challenges.recording(&caller.registration_id, self.sources.instant())
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
}

impl<'a> Verdict<'a> {
    fn of(failed_check: &'static str, code: ErrorCode, reason: &'a str) -> Self {
        Self { code, failed_check, reason, is_of_tpm: false }
    }

    fn about(self, attested: &Attested) -> Self {
        Self { is_of_tpm: is_of_tpm(attested), ..self }
    }
}

fn is_of_tpm(attested: &Attested) -> bool {
    matches!(attested.evidence, Evidence::Tpm(_))
}
