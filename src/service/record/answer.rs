//! What a device is told of its registration.

use super::device::{DeviceRecord, ProvenBy};
use super::issued::IssuedChain;
use super::outcome::Outcome;
use crate::wire::{
    ApiVersion, DeviceRegistrationResult, RegistrationOperationStatus, Status, Substatus,
    SymmetricKeyResult, TpmResult, X509Result, timestamp,
};

impl<O> DeviceRecord<O> {
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
}

impl DeviceRecord {
    /// The answer to a poll (A.5, F.4).
    pub fn reply(&self, api_version: &ApiVersion) -> RegistrationOperationStatus {
        RegistrationOperationStatus {
            operation_id: Some(self.operation_id.to_string()),
            status: self.outcome.status(),
            registration_state: Some(self.state(api_version)),
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
            Outcome::Assigned { substatus, payload, authentication_key, issued } => {
                DeviceRegistrationResult {
                    tpm: authentication_key
                        .as_ref()
                        .map(|key| TpmResult { authentication_key: Some(key.clone()) }),
                    x509: self.x509(),
                    symmetric_key: self.symmetric_key(api_version),
                    assigned_hub: self
                        .assignment
                        .as_ref()
                        .map(|assignment| assignment.hub.to_string()),
                    device_id: self
                        .assignment
                        .as_ref()
                        .map(|assignment| assignment.device_id.to_string()),
                    substatus: Some(told(substatus, api_version)),
                    payload: payload.clone(),
                    issued_certificate_chain: issued
                        .as_ref()
                        .filter(|_| api_version.issues_certificates())
                        .map(IssuedChain::to_base64),
                    ..dated
                }
            }
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
