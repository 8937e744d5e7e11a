//! The begin of a registration.

use super::moment::Moment;
use crate::service::enrollment::Enrollment;
use crate::service::record::{
    DeviceRecord, EnrollmentName, Outcome, PendingAllocation, PendingRecord, ProvenBy,
};
use crate::wire::{OperationId, RegistrationId};

/// A register request that passed attestation.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// The device.
    pub registration_id: &'a RegistrationId,
    /// The enrollment that vouches for it.
    pub enrollment: &'a Enrollment,
    /// How it proved itself.
    pub proven_by: ProvenBy,
    /// The operation's name.
    pub operation_id: OperationId,
    /// What it still needs to find its hub.
    pub pending: PendingAllocation,
}

/// A registration that has begun.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, and never kept")]
pub enum Begun {
    /// Its hub is still to be found.
    Pending(PendingRecord),
    /// It has ended already: its enrollment is disabled. The device learns that only from a poll
    /// (F.4).
    Disabled(DeviceRecord),
}

/// Accepts a registration.
pub fn begin(previous: Option<&DeviceRecord>, accepted: Accepted<'_>, moment: Moment) -> Begun {
    let pending = DeviceRecord {
        registration_id: accepted.registration_id.clone(),
        enrollment: EnrollmentName {
            kind: accepted.enrollment.kind(),
            name: accepted.enrollment.name().into(),
        },
        proven_by: accepted.proven_by,
        operation_id: accepted.operation_id,
        outcome: accepted.pending,
        assignment: previous.and_then(|record| record.assignment.clone()),
        created: previous.map_or(moment.now, |record| record.created),
        updated: moment.now,
        etag: moment.etag(),
        before: previous.map(|record| Box::new(DeviceRecord { before: None, ..record.clone() })),
    };
    if accepted.enrollment.is_enabled() {
        Begun::Pending(pending)
    } else {
        Begun::Disabled(pending.with_outcome(Outcome::Disabled))
    }
}
