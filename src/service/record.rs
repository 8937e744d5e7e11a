//! What the service keeps of a device, and what it tells of it.
//!
//! One record per device holds its last operation and its assignment; nothing grows with the
//! number of registrations.

use std::time::SystemTime;

use super::enrollment::Kind;
use super::hub::HubKey;
use crate::attestation::Certificate;
use crate::wire::{
    ApiVersion, DeviceRegistrationResult, ErrorCode, Etag, OperationId, Payload, RegistrationId,
    RegistrationOperationStatus, Status, Substatus, SymmetricKeyResult, X509Result, timestamp,
};

/// The record of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRecord {
    /// The device, in the case in which it last registered.
    pub registration_id: RegistrationId,
    /// The enrollment through which it last registered.
    pub enrollment: EnrollmentName,
    /// How it proved itself then.
    pub proven_by: ProvenBy,
    /// Its last operation.
    pub operation_id: OperationId,
    /// Where that operation stands.
    pub outcome: Outcome,
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
    /// Registration ID or group ID.
    pub name: String,
}

impl EnrollmentName {
    /// The group, if it is one.
    pub fn group_id(&self) -> Option<&str> {
        (self.kind == Kind::Group).then_some(self.name.as_str())
    }
}

/// How a device proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenBy {
    /// With a SAS token.
    SymmetricKey,
    /// With a certificate.
    X509,
}

/// Which hub has a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Host name of the hub.
    pub hub: String,
    /// The device's ID there.
    pub device_id: String,
}

impl Assignment {
    /// The identity that it leads to.
    pub fn key(&self) -> HubKey {
        HubKey::new(&self.hub, &self.device_id)
    }
}

/// What a registration that is under way still needs. It is kept with the record, so that a service
/// that is started again can see it through (J-32).
#[derive(Debug, Clone, PartialEq)]
pub struct Errand {
    /// What the device has to say to a webhook.
    pub payload: Option<Payload>,
    /// Which shape of replies it understands.
    pub api_version: ApiVersion,
    /// Its certificate, if that is how it proved itself.
    pub certificate: Option<Certificate>,
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// In progress.
    Assigning(Box<Errand>),
    /// Done: the record's assignment tells the hub.
    Assigned {
        /// How it came about, in the newest API version's words (F.6).
        substatus: Substatus,
        /// What the webhook has to say to the device.
        payload: Option<Payload>,
    },
    /// Over without a hub.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The same in words.
        message: String,
    },
    /// The enrollment is disabled.
    Disabled,
}

impl Outcome {
    /// The word for it on the wire.
    pub fn status(&self) -> Status {
        match self {
            Self::Assigning(_) => Status::Assigning,
            Self::Assigned { .. } => Status::Assigned,
            Self::Failed { .. } => Status::Failed,
            Self::Disabled => Status::Disabled,
        }
    }
}

impl DeviceRecord {
    /// The record as that operation left it, or leaves it.
    pub fn operation(&self, operation_id: &str) -> Option<&Self> {
        let all = std::iter::once(self).chain(self.before.as_deref());
        all.into_iter().find(|record| record.operation_id.as_str() == operation_id)
    }

    /// The answer to a poll (A.5, F.4).
    pub fn reply(&self, api_version: &ApiVersion) -> RegistrationOperationStatus {
        RegistrationOperationStatus {
            operation_id: Some(self.operation_id.to_string()),
            status: self.outcome.status(),
            registration_state: Some(self.state(api_version)),
        }
    }

    /// The answer to a poll that is told nothing of the outcome yet.
    pub fn reply_still_assigning(&self) -> RegistrationOperationStatus {
        RegistrationOperationStatus {
            operation_id: Some(self.operation_id.to_string()),
            status: Status::Assigning,
            registration_state: Some(self.bare_state(Status::Assigning)),
        }
    }

    /// The answer to a register: exactly two members (A.5).
    pub fn reply_accepted(&self) -> RegistrationOperationStatus {
        RegistrationOperationStatus {
            operation_id: Some(self.operation_id.to_string()),
            status: Status::Assigning,
            registration_state: None,
        }
    }

    fn bare_state(&self, status: Status) -> DeviceRegistrationResult {
        DeviceRegistrationResult {
            registration_id: Some(self.registration_id.to_string()),
            status: Some(status),
            ..DeviceRegistrationResult::default()
        }
    }

    fn state(&self, api_version: &ApiVersion) -> DeviceRegistrationResult {
        let bare = self.bare_state(self.outcome.status());
        let dated = DeviceRegistrationResult {
            created_date_time_utc: Some(timestamp(self.created)),
            last_updated_date_time_utc: Some(timestamp(self.updated)),
            etag: Some(self.etag.encoded()),
            ..bare.clone()
        };
        match &self.outcome {
            Outcome::Assigning(_) | Outcome::Disabled => bare,
            Outcome::Failed { code, message } => DeviceRegistrationResult {
                error_code: Some(*code),
                error_message: Some(message.clone()),
                ..dated
            },
            Outcome::Assigned { substatus, payload } => DeviceRegistrationResult {
                x509: self.x509(),
                symmetric_key: self.symmetric_key(api_version),
                assigned_hub: self.assignment.as_ref().map(|assignment| assignment.hub.clone()),
                device_id: self.assignment.as_ref().map(|assignment| assignment.device_id.clone()),
                substatus: Some(told(substatus, api_version)),
                payload: payload.clone(),
                ..dated
            },
        }
    }

    fn x509(&self) -> Option<X509Result> {
        let is_x509 = self.proven_by == ProvenBy::X509;
        is_x509.then(|| X509Result {
            enrollment_group_id: self.enrollment.group_id().map(str::to_owned),
        })
    }

    /// Only groups have it, and only newer API versions (B.3, J-6).
    fn symmetric_key(&self, api_version: &ApiVersion) -> Option<SymmetricKeyResult> {
        let is_told =
            self.proven_by == ProvenBy::SymmetricKey && api_version.tells_symmetric_key_group();
        let group_id = self.enrollment.group_id().filter(|_| is_told)?;
        Some(SymmetricKeyResult { enrollment_group_id: Some(group_id.to_owned()) })
    }
}

/// Older API versions have no word for the same hub again (F.6).
fn told(substatus: &Substatus, api_version: &ApiVersion) -> Substatus {
    match substatus {
        Substatus::ReprovisionedToInitialAssignment
            if !api_version.tells_reprovisioned_to_initial() =>
        {
            Substatus::InitialAssignment
        }
        other => other.clone(),
    }
}
