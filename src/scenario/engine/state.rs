//! What is known of each device while a scenario is played.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::device::{HubClient, HubSettings, Settings};
use crate::scenario::device::DeviceSpec;
use crate::wire::{ConnectionProfile, DeviceId, HubName};

/// The devices of a scenario, and what is known of each.
#[derive(Debug)]
pub(super) struct Devices {
    specs: Vec<DeviceSpec>,
    known: HashMap<String, Known>,
}

/// What is known of a device.
#[derive(Debug, Default)]
pub(super) struct Known {
    assignment: Mutex<Option<Assignment>>,
    /// Its session at its hub. Held while somebody uses it.
    pub(super) session: tokio::sync::Mutex<Option<HubClient>>,
}

/// Where a device was assigned to, and as whom it registered.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) hub: HubName,
    pub(super) device_id: DeviceId,
    pub(super) profile: ConnectionProfile,
    pub(super) settings: Settings,
}

impl Devices {
    pub(super) fn new(specs: Vec<DeviceSpec>) -> Self {
        let known = specs.iter().map(|spec| (spec.name.clone(), Known::default())).collect();
        Self { specs, known }
    }

    /// All of them, in the order of the file.
    pub(super) fn all(&self) -> &[DeviceSpec] {
        &self.specs
    }

    /// The device that the file calls so; case does not matter (D.1).
    pub(super) fn named(&self, name: &str) -> Option<&DeviceSpec> {
        self.specs.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn known(&self, device: &DeviceSpec) -> &Known {
        self.known.get(&device.name).unwrap_or_else(|| unreachable!("every device is known"))
    }
}

impl Known {
    /// Where it was assigned to last, if it was.
    pub(super) fn assignment(&self) -> Option<Assignment> {
        self.assignment.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn assigned(&self, assignment: Assignment) {
        *self.assignment.lock().unwrap_or_else(PoisonError::into_inner) = Some(assignment);
    }
}

impl Assignment {
    /// What it needs to sign in at its hub.
    pub(super) fn hub_settings(
        &self,
        reach: &crate::scenario::stage::Reach,
    ) -> Result<HubSettings, String> {
        let mut settings = HubSettings::new(&self.settings, &self.hub, &self.device_id)
            .map_err(|error| error.to_string())?;
        settings.profile = self.profile.clone();
        Ok(match &reach.hubs {
            Some(gateway) => {
                settings.ports = reach.ports;
                settings.through(gateway)
            }
            None => settings,
        })
    }
}
