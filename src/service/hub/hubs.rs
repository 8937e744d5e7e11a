//! The hubs at work.

use std::sync::Arc;
use std::time::SystemTime;

use super::connections::{Connections, HubNotice, HubNotices};
use super::error::HubError;
use crate::service::record::{Admission, HubDevice, HubFault, HubKey, HubProof};
use crate::service::store::{Change, Store};
use crate::service::twin::TwinChange;
use crate::wire::{DeviceId, HubName};

/// A device that signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Its name.
    pub key: HubKey,
    /// When its token ends.
    pub until: Option<SystemTime>,
    /// Where it hears from its hub.
    pub notices: HubNotices,
}

/// How a back end changes a twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinVerb {
    /// What is not named stays.
    Patch,
    /// Sections that are named begin anew.
    Replace,
}

/// The linked hubs of a service.
#[derive(Debug)]
pub struct Hubs {
    names: Vec<HubName>,
    store: Arc<Store>,
    connections: Connections,
}

impl Hubs {
    /// The hubs of these names.
    pub fn new(names: Vec<HubName>, store: Arc<Store>) -> Self {
        Self { names, store, connections: Connections::default() }
    }

    /// The hub of that name, as linked; case does not matter.
    pub fn linked(&self, name: &str) -> Option<&HubName> {
        self.names.iter().find(|hub| hub.is(name))
    }

    /// The names of the hubs, as linked.
    pub fn names(&self) -> &[HubName] {
        &self.names
    }

    /// Signs a device in. An older connection of the same device ends (I).
    ///
    /// # Errors
    ///
    /// Which check failed, for our own log.
    pub fn sign_in(
        &self,
        hub: &HubName,
        device_id: &DeviceId,
        proof: &HubProof,
        connection: u64,
    ) -> Result<SignedIn, HubFault> {
        let hub = self.linked(hub.as_str()).ok_or_else(|| HubFault::UnknownHub(hub.clone()))?;
        let key = HubKey::new(hub, device_id);
        let device = self.store.hub_device(&key);
        let device = device.ok_or_else(|| HubFault::UnknownDevice(device_id.clone()))?;
        let Admission { until } = device.admit(proof, SystemTime::now())?;
        let notices = self.connections.open(&key, connection);
        Ok(SignedIn { key, until, notices })
    }

    /// The connection of a device has ended.
    pub fn sign_out(&self, key: &HubKey, connection: u64) {
        self.connections.close(key, connection);
    }

    /// Whether a device is connected.
    pub fn is_online(&self, key: &HubKey) -> bool {
        self.connections.is_connected(key)
    }

    /// A message of a device has come.
    pub fn count_message(&self, key: &HubKey) {
        self.connections.count_message(key);
    }

    /// How many messages of a device have come since the service started.
    pub fn messages(&self, key: &HubKey) -> u64 {
        self.connections.messages(key)
    }

    /// Ends the connection of a device whose identity is no longer what it signed in to.
    pub fn disconnect(&self, key: &HubKey, why: &'static str) {
        self.connections.disconnect(key, why);
    }

    /// All are forgotten.
    pub fn disconnect_all(&self, why: &'static str) {
        self.connections.disconnect_all(why);
    }

    /// A device.
    pub fn device(&self, key: &HubKey) -> Option<Arc<HubDevice>> {
        self.store.hub_device(key)
    }

    /// All devices of all hubs, in order.
    pub fn devices(&self) -> Vec<Arc<HubDevice>> {
        self.store.hub_devices()
    }

    /// Takes in what a device reports; the new version of the section.
    ///
    /// # Errors
    ///
    /// If the patch is refused, the device is gone, or nothing can be kept.
    pub async fn report(&self, key: &HubKey, patch: &[u8]) -> Result<u64, HubError> {
        let changed = self.change(key, |device| {
            Ok(device.with_twin(device.twin.report(patch)?, SystemTime::now(), fastrand::u32(..)))
        });
        Ok(changed.await?.twin.reported.version)
    }

    /// Changes a twin for a back end; a connected device is told of its new desired properties.
    /// `check` sees the device as it is before.
    ///
    /// # Errors
    ///
    /// If `check` says so, the change is refused, the device is gone, or nothing can be kept.
    pub async fn change_twin(
        &self,
        key: &HubKey,
        change: &TwinChange,
        verb: TwinVerb,
        check: impl FnOnce(&HubDevice) -> Result<(), HubError>,
    ) -> Result<Arc<HubDevice>, HubError> {
        let changed = self.change(key, |device| {
            check(device)?;
            let twin = match verb {
                TwinVerb::Patch => device.twin.patch(change)?,
                TwinVerb::Replace => device.twin.replace(change)?,
            };
            Ok(device.with_twin(twin, SystemTime::now(), fastrand::u32(..)))
        });
        let device = changed.await?;
        let version = device.twin.desired.version;
        if let Some(patch) = change.for_device(version) {
            self.connections
                .send(key, HubNotice::Desired { version, patch: Arc::from(patch.to_string()) });
        }
        Ok(device)
    }

    /// Changes what is kept of a device, one change after the other.
    ///
    /// # Errors
    ///
    /// If `make` says so, the device is gone, or nothing can be kept.
    pub async fn change(
        &self,
        key: &HubKey,
        make: impl FnOnce(&HubDevice) -> Result<HubDevice, HubError>,
    ) -> Result<Arc<HubDevice>, HubError> {
        let _held = self.store.hold_hub_device(key.device_id()).await;
        let device = self.store.hub_device(key).ok_or(HubError::NotFound)?;
        let changed = Arc::new(make(&device)?);
        self.store.commit(vec![Change::PutHubDevice(changed.clone())]).await?;
        Ok(changed)
    }

    /// Deletes a device; its connection ends. `check` sees it as it is.
    ///
    /// # Errors
    ///
    /// If `check` says so, the device is gone, or nothing can be kept.
    pub async fn remove(
        &self,
        key: &HubKey,
        check: impl FnOnce(&HubDevice) -> Result<(), HubError>,
    ) -> Result<(), HubError> {
        let _held = self.store.hold_hub_device(key.device_id()).await;
        let device = self.store.hub_device(key).ok_or(HubError::NotFound)?;
        check(&device)?;
        self.store.commit(vec![Change::RemoveHubDevice(key.clone())]).await?;
        self.disconnect(key, "its identity was deleted");
        Ok(())
    }
}
