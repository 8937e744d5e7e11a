//! A device that is not believed: why, and which enrollment decided it.

use super::fault::{Fault, remedy};
use super::judge::Judge;
use super::tpm_fault::{KeyFault, TpmFault};
use crate::attestation::TpmPublicFault;
use crate::wire::RegistrationId;

/// What a device is told that an individual enrollment refuses, or whose own certificate is no good,
/// whoever would vouch for it (J-71).
pub(super) const INVALID: &str = "Invalid certificate.";

/// A device that is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub fault: Fault,
    /// Who decided it.
    pub judge: Judge,
    /// What the device is told (A-11, J-71).
    pub message: &'static str,
    /// Whether the checks were those of a TPM.
    pub(super) is_of_tpm: bool,
}

impl Refusal {
    pub(super) fn new(fault: impl Into<Fault>, judge: Judge) -> Self {
        let fault = fault.into();
        let message = match &fault {
            Fault::Tpm(fault) => fault.message(),
            Fault::Sas(_) | Fault::X509(_) => "Unauthorized",
        };
        Self { fault, judge, message, is_of_tpm: false }
    }

    /// One of a device with a TPM.
    pub(super) fn of_tpm_checks(fault: impl Into<Fault>, judge: Judge) -> Self {
        Self { is_of_tpm: true, ..Self::new(fault, judge) }
    }

    /// Whether the checks were those of a TPM.
    pub fn is_of_tpm(&self) -> bool {
        self.is_of_tpm
    }

    /// A TPM for which nothing can be encrypted.
    pub fn of_keys(reason: TpmPublicFault) -> Self {
        let member = "endorsementKey";
        let fault = TpmFault::Keys(KeyFault::Unreadable { member, reason });
        Self::of_tpm_checks(fault, Judge::Nobody)
    }

    pub(super) fn saying(self, message: &'static str) -> Self {
        Self { message, ..self }
    }

    /// Whether the device's own certificate is no good, whoever would vouch for it.
    pub(super) fn is_of_own_certificate(&self) -> bool {
        self.message == INVALID && self.judge == Judge::Nobody
    }

    /// For the log: why, who decided, and what would have been right.
    pub fn text(&self, registration_id: &RegistrationId) -> String {
        let Self { fault, judge, .. } = self;
        format!("{fault}; {judge}{}", remedy(fault, judge, registration_id))
    }
}
