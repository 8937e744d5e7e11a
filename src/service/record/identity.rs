//! The identity of a device on a hub (I).

use std::time::{Duration, SystemTime};

use super::authentication::Authentication;
use crate::service::twin::{InitialTwin, Twin};
use crate::wire::{DeviceId, Etag, HubName};

/// Names a device on a hub. Hub names are compared without regard to case, device IDs with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubKey {
    hub: HubName,
    device_id: DeviceId,
}

impl HubKey {
    /// The device of that ID on that hub.
    pub fn new(hub: &HubName, device_id: &DeviceId) -> Self {
        Self { hub: hub.clone(), device_id: device_id.clone() }
    }

    /// The hub.
    pub fn hub(&self) -> &HubName {
        &self.hub
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }
}

/// A device's identity on a hub, and its twin.
#[derive(Debug, Clone, PartialEq)]
pub struct HubDevice {
    /// Host name of the hub, as linked.
    pub hub: HubName,
    /// The device there.
    pub device_id: DeviceId,
    /// How it proves itself.
    pub authentication: Authentication,
    /// Whether it may sign in.
    pub is_enabled: bool,
    /// Why not, in the words of whoever decided it.
    pub status_reason: Option<String>,
    /// When a back end last decided whether it may; never, since it was made.
    pub status_updated: Option<SystemTime>,
    /// Whether it is an IoT Edge device.
    pub is_edge: bool,
    /// Tells this identity from an earlier one of the same name.
    pub generation: String,
    /// When it was made.
    pub created: SystemTime,
    /// Version of the identity.
    pub etag: Etag,
    /// Its twin.
    pub twin: Twin,
    /// Version of the twin.
    pub twin_etag: Etag,
    /// When the twin was last changed.
    pub twin_updated: SystemTime,
}

impl HubDevice {
    /// Its name.
    pub fn key(&self) -> HubKey {
        HubKey::new(&self.hub, &self.device_id)
    }

    /// A new identity with its first twin, made at `now`.
    pub fn new(
        hub: &HubName,
        identity: NewIdentity,
        initial: &InitialTwin,
        now: SystemTime,
    ) -> Self {
        let NewIdentity { device_id, authentication, is_edge, salt } = identity;
        Self {
            hub: hub.clone(),
            device_id,
            authentication,
            is_enabled: true,
            status_reason: None,
            status_updated: None,
            is_edge,
            generation: generation(now, salt),
            created: now,
            etag: Etag::new(now, salt),
            twin: Twin::new(initial),
            twin_etag: Etag::new(now, salt),
            twin_updated: now,
        }
    }

    /// The same device with these credentials; another version only if they are others.
    #[must_use]
    pub fn with_authentication(
        &self,
        authentication: Authentication,
        now: SystemTime,
        salt: u32,
    ) -> Self {
        let is_same = authentication == self.authentication;
        let etag = if is_same { self.etag.clone() } else { Etag::new(now, salt) };
        Self { authentication, etag, ..self.clone() }
    }

    /// The same device with another twin.
    #[must_use]
    pub fn with_twin(&self, twin: Twin, now: SystemTime, salt: u32) -> Self {
        Self { twin, twin_updated: now, twin_etag: Etag::new(now, salt), ..self.clone() }
    }
}

/// What tells an identity from one of the same name before it: the time in 100 ns. Below a millisecond it
/// is chance, so that two are told apart that a clock which stands gives the same time (J-312).
fn generation(now: SystemTime, salt: u32) -> String {
    const MILLISECOND: u128 = 10_000;
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let ticks = since_1970.as_nanos() / 100;
    (ticks - ticks % MILLISECOND + u128::from(salt) % MILLISECOND).to_string()
}

/// What makes a new identity that device's.
#[derive(Debug, Clone)]
pub struct NewIdentity {
    /// Its ID.
    pub device_id: DeviceId,
    /// How it proves itself.
    pub authentication: Authentication,
    /// Whether it is an IoT Edge device.
    pub is_edge: bool,
    /// Random, for the etag.
    pub salt: u32,
}
