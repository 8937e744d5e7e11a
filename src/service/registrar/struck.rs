//! Requests of devices, as the faults on demand have them: the one way in for every transport.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::core::Registrar;
use super::tpm::shown;
use crate::service::attest::{Answer, Attested, Challenge, Proof};
use crate::service::caller::Caller;
use crate::service::fault_rule::{Deed, FaultPlace};
use crate::service::faults::{Point, Strike, Verdict};
use crate::service::journal::AnswerKind;
use crate::service::reply::{Reply, error_reply};
use crate::service::tap::WireMoment;
use crate::wire::{ErrorCode, RegisterRequest};

/// What a device asks.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// To register, with this body.
    Register(&'a [u8]),
    /// How this operation stands.
    Poll(&'a str),
    /// How its registration stands, with this body.
    Lookup(&'a [u8]),
}

impl<'a> Asked<'a> {
    fn place(self) -> FaultPlace {
        match self {
            Self::Register(_) => FaultPlace::Register,
            Self::Poll(_) => FaultPlace::Poll,
            Self::Lookup(_) => FaultPlace::Lookup,
        }
    }

    fn kind(self) -> AnswerKind {
        match self {
            Self::Register(_) => AnswerKind::Register,
            Self::Poll(_) => AnswerKind::Poll,
            Self::Lookup(_) => AnswerKind::Lookup,
        }
    }

    fn body(self) -> &'a [u8] {
        match self {
            Self::Register(body) | Self::Lookup(body) => body,
            Self::Poll(_) => &[],
        }
    }

    fn operation(self) -> Option<&'a str> {
        match self {
            Self::Poll(operation_id) => Some(operation_id),
            Self::Register(_) | Self::Lookup(_) => None,
        }
    }
}

impl Registrar {
    /// Does what a device asks, and tells how it is to be answered. Where there are no faults on demand
    /// that is always a reply.
    pub(in crate::service) async fn answer(
        self: &Arc<Self>,
        caller: &Caller,
        asked: Asked<'_>,
    ) -> Verdict {
        let (number, place) = (caller.connection.number, asked.place());
        self.tap.tell(number, || WireMoment::Asked {
            place,
            operation: asked.operation().map(str::to_owned),
            body: asked.body().to_owned(),
        });
        let verdict = if self.faults.are_at(place) {
            // Boxed: what only faults need is no burden to all others.
            Box::pin(self.answer_with_faults(caller, asked)).await
        } else {
            Verdict::Reply(self.carry_out(caller, asked, self.sources.now()).await)
        };
        self.tap.tell(number, || WireMoment::answered(place, &verdict));
        verdict
    }

    async fn carry_out(
        self: &Arc<Self>,
        caller: &Caller,
        asked: Asked<'_>,
        now: SystemTime,
    ) -> Reply {
        match asked {
            Asked::Register(body) => self.register(caller, body, now).await,
            Asked::Poll(operation_id) => self.operation_status(caller, operation_id, now).await,
            Asked::Lookup(body) => self.registration_state(caller, body, now).await,
        }
    }

    async fn answer_with_faults(self: &Arc<Self>, caller: &Caller, asked: Asked<'_>) -> Verdict {
        if let Asked::Poll(operation_id) = asked
            && self.faults.have_forgotten(operation_id)
        {
            return Verdict::Reply(self.say_forgotten(caller, operation_id));
        }
        let strike = self.strike(caller, asked, asked.operation(), None);
        let mut now = self.sources.now();
        if let Some(strike) = &strike {
            if let Some(Deed::Clock(seconds)) = strike.rule.what.deed {
                now = wrong_time(now, seconds);
            } else if let Some(verdict) = self.instead(caller, asked, strike).await {
                return verdict;
            }
        }
        let reply = self.carry_out(caller, asked, now).await;
        let operation = asked.operation().map(str::to_owned).or_else(|| operation_in(&reply));
        let operation = operation.as_deref();
        // What depends on the answer has its turn where nothing else has struck.
        let strike = strike.or_else(|| self.strike(caller, asked, operation, Some(&reply)));
        let Some(strike) = strike else { return Verdict::Reply(reply) };
        self.journal.struck(caller, operation, &strike, (asked.kind(), None));
        if let (Some(Deed::ForgetOperation), Some(operation)) = (strike.rule.what.deed, operation) {
            self.forget(caller, &strike, operation);
        }
        strike.rule.what.instead_of(&self.sources, reply)
    }

    /// What is done in place of what was asked for.
    async fn instead(
        self: &Arc<Self>,
        caller: &Caller,
        asked: Asked<'_>,
        strike: &Strike,
    ) -> Option<Verdict> {
        let what = &strike.rule.what;
        match (what.deed, asked) {
            (Some(Deed::ForgetOperation), Asked::Poll(operation_id)) => {
                self.forget(caller, strike, operation_id);
                self.journal.struck(caller, Some(operation_id), strike, (asked.kind(), None));
                let reply = self.say_forgotten(caller, operation_id);
                return Some(what.delayed(Verdict::Reply(reply)));
            }
            (Some(Deed::Assigning(_)), Asked::Poll(operation_id)) => {
                self.journal.struck(caller, Some(operation_id), strike, (asked.kind(), None));
                let reply = self.hold_back(caller, operation_id).await;
                return Some(what.delayed(Verdict::Reply(reply)));
            }
            _ => {}
        }
        let verdict = what.instead(&self.sources)?;
        let said = (asked.kind(), verdict.reply());
        match asked {
            Asked::Register(_) => {
                let entry = self.journal.struck_register(caller, strike, said);
                self.observer.tell(&entry);
            }
            _ => self.journal.struck(caller, asked.operation(), strike, said),
        }
        Some(verdict)
    }

    fn forget(&self, caller: &Caller, strike: &Strike, operation_id: &str) {
        self.faults.forget(strike, operation_id);
        // Else a device that registers again on the same connection would be given it again.
        self.operations.forget(&caller.registration_id, operation_id);
    }

    fn strike(
        &self,
        caller: &Caller,
        asked: Asked<'_>,
        operation: Option<&str>,
        reply: Option<&Reply>,
    ) -> Option<Strike> {
        let enrollment = || self.enrollment_of_proof(caller, &proof_of(caller, asked));
        self.faults.strike(&Point {
            place: asked.place(),
            transport: Some(caller.transport.for_faults(caller.connection.web_socket)),
            device: caller.registration_id.as_str(),
            operation,
            enrollment: &enrollment,
            reply,
        })
    }

    /// Who would let the device in.
    pub(in crate::service) fn enrollment_of(&self, caller: &Caller) -> Option<String> {
        self.enrollment_of_proof(caller, &caller.proof)
    }

    fn enrollment_of_proof(&self, caller: &Caller, proof: &Proof) -> Option<String> {
        let enrollment = match self.attest(caller, proof, self.sources.now()).ok()? {
            Answer::Attested(Attested { enrollment, .. })
            | Answer::Challenge(Challenge { enrollment, .. }) => enrollment,
        };
        Some(enrollment.name().to_owned())
    }

    fn say_forgotten(&self, caller: &Caller, operation_id: &str) -> Reply {
        let reply =
            error_reply(&self.sources, ErrorCode::OPERATION_NOT_FOUND, "Operation not found.");
        self.journal.answered(
            (&caller.registration_id, operation_id),
            AnswerKind::Poll,
            &reply,
            None,
        );
        reply
    }
}

/// What a request shows. One that only asks for a key for its TPM shows that in its body.
fn proof_of<'a>(caller: &'a Caller, asked: Asked<'_>) -> Cow<'a, Proof> {
    let request = RegisterRequest::read(asked.body(), &caller.api_version).ok();
    shown(caller, request.and_then(|request| request.tpm).as_ref())
}

/// The time by a clock that is so many seconds ahead; as far as times go.
fn wrong_time(now: SystemTime, seconds: i64) -> SystemTime {
    let offset = Duration::from_secs(seconds.unsigned_abs());
    let wrong = if seconds < 0 { now.checked_sub(offset) } else { now.checked_add(offset) };
    wrong.unwrap_or(now)
}

/// The operation that an answer names.
fn operation_in(reply: &Reply) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(&reply.body).ok()?;
    body.get("operationId")?.as_str().map(str::to_owned)
}
