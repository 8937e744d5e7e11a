//! How a registrar goes about its work.

use std::sync::Arc;
use std::time::Duration;

use crate::service::allocation::webhook::WebhookClient;
use crate::service::enrollment::Enrollments;
use crate::service::faults::Faults;
use crate::service::issuing::Authorities;
use crate::service::journal::Observer;
use crate::service::quota::Quotas;
use crate::service::reprovision::ResetOnSameHub;
use crate::service::tap::Tap;
use crate::sources::Sources;
use crate::wire::RegistrationId;

/// What a service may be told about registrations.
#[derive(Debug, Clone)]
pub struct Pace {
    /// What every 202 tells the device to wait.
    pub retry_after: Duration,
    /// How many polls at least are answered `assigning`.
    pub assigning_polls: u32,
}

/// How a registrar goes about its work.
#[derive(Debug)]
pub struct RegistrarSettings {
    /// The enrollments of the configuration, to which a reset leads back.
    pub initial: Enrollments,
    /// Asks webhooks.
    pub webhooks: WebhookClient,
    /// What devices are told to wait.
    pub pace: Pace,
    /// What a reset means on the hub that a device has already (J-3).
    pub on_same_hub: ResetOnSameHub,
    /// Registration IDs whose keys are tried, beside those seen, when a token does not match.
    pub suspects: Vec<RegistrationId>,
    /// How often devices and back ends may ask (H.3).
    pub quotas: Quotas,
    /// Who issues certificates to devices.
    pub authorities: Arc<Authorities>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Who wants to know of every registration.
    pub observer: Observer,
    /// Who wants to know of everything that goes over the wire.
    pub tap: Tap,
    /// What time it is, and what IDs are given out.
    pub sources: Sources,
}
