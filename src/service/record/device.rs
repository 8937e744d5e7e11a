//! The record of a device's registration.

use std::sync::Arc;
use std::time::SystemTime;

use super::identity::HubKey;
use super::outcome::{Outcome, PendingAllocation};
use crate::service::enrollment::Kind;
use crate::wire::{DeviceId, Etag, HubName, OperationId, RegistrationId};

/// The record of one device. `O` is where its last operation stands: any [`Outcome`] in a record that
/// is kept, and only [`PendingAllocation`] in one that still has to be given a hub.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRecord<O = Outcome> {
    /// The device, in the case in which it last registered.
    pub registration_id: RegistrationId,
    /// The enrollment through which it last registered.
    pub enrollment: EnrollmentName,
    /// How it proved itself then.
    pub proven_by: ProvenBy,
    /// Its last operation.
    pub operation_id: OperationId,
    /// Where that operation stands.
    pub outcome: O,
    /// Its hub, from the last registration that succeeded.
    pub assignment: Option<Assignment>,
    /// When the record was made.
    pub created: SystemTime,
    /// When it was last changed.
    pub updated: SystemTime,
    /// Its version.
    pub etag: Etag,
    /// The record as the operation before left it: a device that registers twice at once may
    /// still have to ask for the result of its first. Has no such record itself.
    pub before: Option<Box<DeviceRecord>>,
}

/// Names an enrollment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentName {
    /// Which kind.
    pub kind: Kind,
    /// Registration ID or group ID. Copies share it.
    pub name: Arc<str>,
}

impl EnrollmentName {
    /// The group, if it is one.
    pub fn group_id(&self) -> Option<&str> {
        (self.kind == Kind::Group).then_some(&*self.name)
    }
}

/// How a device proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvenBy {
    /// With a SAS token.
    SymmetricKey,
    /// With a certificate.
    X509,
    /// With a TPM.
    Tpm,
}

/// Which hub has a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Host name of the hub.
    pub hub: HubName,
    /// The device's ID there.
    pub device_id: DeviceId,
}

impl Assignment {
    /// The identity that it leads to.
    pub fn key(&self) -> HubKey {
        HubKey::new(&self.hub, &self.device_id)
    }
}

/// A record whose operation is in progress.
pub type PendingRecord = DeviceRecord<PendingAllocation>;

impl<O> DeviceRecord<O> {
    /// The same record with another outcome.
    pub fn with_outcome<P>(self, outcome: P) -> DeviceRecord<P> {
        DeviceRecord {
            registration_id: self.registration_id,
            enrollment: self.enrollment,
            proven_by: self.proven_by,
            operation_id: self.operation_id,
            outcome,
            assignment: self.assignment,
            created: self.created,
            updated: self.updated,
            etag: self.etag,
            before: self.before,
        }
    }
}

impl DeviceRecord {
    /// The record as that operation left it, or leaves it.
    pub fn operation(&self, operation_id: &str) -> Option<&Self> {
        let all = std::iter::once(self).chain(self.before.as_deref());
        all.into_iter().find(|record| record.operation_id.as_str() == operation_id)
    }

    /// The record as one in progress, if it is.
    pub fn pending(&self) -> Option<PendingRecord> {
        match &self.outcome {
            Outcome::Assigning(pending) => {
                Some(self.clone().with_outcome(pending.as_ref().clone()))
            }
            Outcome::Assigned { .. } | Outcome::Failed { .. } | Outcome::Disabled => None,
        }
    }
}

impl From<PendingRecord> for DeviceRecord {
    fn from(pending: PendingRecord) -> Self {
        let outcome = Outcome::Assigning(Box::new(pending.outcome.clone()));
        pending.with_outcome(outcome)
    }
}
