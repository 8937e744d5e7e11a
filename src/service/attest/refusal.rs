//! A device that is not believed: why, and which enrollment decided it.

use super::fault::{Fault, remedy};
use super::judge::Judge;
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
}

impl Refusal {
    pub(super) fn new(fault: impl Into<Fault>, judge: Judge) -> Self {
        Self { fault: fault.into(), judge, message: "Unauthorized" }
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
