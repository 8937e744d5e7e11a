//! Writes down how the TPM of a device is given a key to sign with, and that its registration goes on from
//! there: one entry for both (J-387).

use std::sync::Arc;

use super::answer::AnswerKind;
use super::entry::{EntryChallenge, EntryEnrollment, EntryStatus, JournalEntry};
use super::handle::Journal;
use super::recording::{Recording, Refused, answer, attestation, begun, kept, masked};
use super::ring::{Ring, Slot};
use crate::service::attest::{Attested, Challenge, Check};
use crate::service::caller::Caller;
use crate::service::mask::Mask;
use crate::service::reply::Reply;
use crate::wire::{OperationId, Payload};

impl Journal {
    /// The TPM of a device is given a key. `before` is what was written down of the key that it was given
    /// before: if nothing came of that, it is asked again.
    pub(in crate::service) fn challenged(
        &self,
        caller: &Caller,
        (challenge, checks): (&Challenge, &[Check]),
        payload: Option<&Payload>,
        reply: &Reply,
        before: Option<&Recording>,
    ) -> Recording {
        let enrollment = &challenge.enrollment;
        let mask = Mask::of_enrollment(enrollment);
        let times = self.times();
        let slot = self.change(|ring| {
            let waiting = before.filter(|before| is_waiting(ring, before.slot()));
            let slot = match waiting {
                Some(before) => before.slot().clone(),
                None => ring.push(|sequence, shared| JournalEntry {
                    enrollment: Some(EntryEnrollment {
                        kind: enrollment.kind(),
                        name: shared.text(enrollment.name()),
                    }),
                    payload: payload.map(|payload| masked(&mask, payload.as_json())),
                    challenge: Some(EntryChallenge {
                        checks: kept(checks, &mask, shared),
                        answered: None,
                    }),
                    ..begun(sequence, times, shared, caller)
                }),
            };
            ring.change(&slot, |entry, _| {
                let at = entry.age(times.1);
                entry.answer(answer(at, AnswerKind::Challenge, reply, None));
            });
            slot
        });
        Recording::new(self, slot, mask)
    }

    /// As [`begin`](Self::begin), of a device whose TPM was given a key. What is secret is that of the enrollment
    /// as it is now.
    pub(in crate::service) fn begin_challenged(
        &self,
        from: &Recording,
        caller: &Caller,
        (attested, checks): (&Attested, &[Check]),
        payload: Option<&Payload>,
        operation_id: &OperationId,
    ) -> Recording {
        let slot = from.slot();
        let mask = Mask::of_enrollment(&attested.enrollment);
        let payload_shown = payload.map(|payload| masked(&mask, payload.as_json()));
        let now = self.instant();
        let goes_on = self.change(|ring| {
            let goes_on = is_waiting(ring, slot) && ring.adopt(slot, operation_id.as_str().into());
            if goes_on {
                ring.change(slot, |entry, shared| {
                    come_back(entry, caller, now);
                    entry.attestation = Some(attestation(&attested.evidence, shared));
                    entry.operation_id = Some(operation_id.as_str().into());
                    entry.payload = payload_shown;
                    entry.checks = kept(checks, &mask, shared);
                });
            }
            goes_on
        });
        match goes_on {
            true => Recording::new(self, slot.clone(), mask),
            false => self.begin(caller, (attested, checks), payload, operation_id),
        }
    }

    /// As [`refused`](Self::refused), of a device whose TPM was given a key.
    pub(in crate::service) fn refused_challenged(
        &self,
        from: &Recording,
        caller: &Caller,
        payload: Option<&Payload>,
        refused: Refused<'_>,
    ) -> Arc<JournalEntry> {
        let slot = from.slot();
        let now = self.instant();
        let goes_on = self.change(|ring| {
            let goes_on = is_waiting(ring, slot);
            if goes_on {
                let Refused { code, failed_check, checks, reason, reply } = &refused;
                let mask = Mask::of(None);
                ring.change(slot, |entry, shared| {
                    come_back(entry, caller, now);
                    let at = entry.age(now);
                    entry.status = EntryStatus::Refused;
                    entry.failed_check = Some(failed_check);
                    entry.reason = Some(masked(&mask, *reason));
                    entry.payload = payload.map(|payload| masked(&mask, payload.as_json()));
                    entry.error_code = Some(*code);
                    entry.took = Some(at);
                    entry.checks = kept(checks, &mask, shared);
                    entry.answer(answer(at, AnswerKind::Register, reply, None));
                });
            }
            goes_on
        });
        match goes_on {
            true => slot.entry(),
            false => self.refused(caller, payload, refused),
        }
    }
}

/// Whether nothing came yet of a key that was given.
fn is_waiting(ring: &Ring, slot: &Slot) -> bool {
    let entry = slot.entry();
    ring.is_kept(slot)
        && entry.status == EntryStatus::Assigning
        && entry.operation_id.is_none()
        && entry.challenge.is_some()
}

fn come_back(entry: &mut JournalEntry, caller: &Caller, now: std::time::Instant) {
    let at = entry.age(now);
    entry.connection = Some(caller.connection.clone());
    if let Some(challenge) = &mut entry.challenge {
        challenge.answered = Some(at);
    }
}
