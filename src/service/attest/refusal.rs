//! A device that is not believed: why, and which enrollment decided it.

use super::fault::{Fault, remedy};
use super::judge::Judge;
use crate::wire::RegistrationId;

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

    /// For the log: why, who decided, and what would have been right.
    pub fn text(&self, registration_id: &RegistrationId) -> String {
        let Self { fault, judge, .. } = self;
        format!("{fault}; {judge}{}", remedy(fault, judge, registration_id))
    }
}
