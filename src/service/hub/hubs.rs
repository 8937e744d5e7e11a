//! The hubs at work.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use tokio::sync::watch;

use super::connections::{Connections, HubNotice, HubNotices, Presence};
use super::error::HubError;
use super::message::{DeviceMessage, NumberedMessage};
use super::method::{MethodAnswer, MethodCall, MethodFault};
use super::renewal::Renewals;
use crate::attestation::Certificate;
use crate::service::issuing::Authorities;
use crate::service::lock::lock;
use crate::service::record::{Admission, Authentication, HubDevice, HubFault, HubKey, HubProof};
use crate::service::store::{Change, Store};
use crate::service::twin::TwinChange;
use crate::sources::Sources;
use crate::wire::{DeviceId, HubName, to_ascii_json};

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
    /// Who issues certificates to devices.
    authorities: Option<Arc<Authorities>>,
    connections: Connections,
    renewals: Mutex<Renewals>,
    pub(in crate::service) sources: Sources,
    /// Counts what changes of devices and who is connected.
    changes: watch::Sender<u64>,
}

impl Hubs {
    /// The hubs of these names.
    pub fn new(names: Vec<HubName>, store: Arc<Store>, sources: Sources) -> Self {
        let changes = watch::Sender::new(0);
        let (connections, renewals) = Default::default();
        Self { names, store, authorities: None, connections, renewals, sources, changes }
    }

    /// The same, at which devices sign in with the certificates of these authorities.
    #[must_use]
    pub(in crate::service) fn with_authorities(self, authorities: Arc<Authorities>) -> Self {
        Self { authorities: Some(authorities), ..self }
    }

    pub(super) fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_deref()
    }

    pub(super) fn renewals(&self) -> MutexGuard<'_, Renewals> {
        lock(&self.renewals)
    }

    /// The certificate of the authority that issues the device's certificates, if they are issued and the
    /// authority is still there.
    fn issuer_of(&self, device: &HubDevice) -> Option<Certificate> {
        let Authentication::CertificateAuthority { issuer, .. } = &device.authentication else {
            return None;
        };
        let found = self.authorities.as_ref()?.find(&issuer.namespace, &issuer.authority);
        let found = found.unwrap_or_else(|error| {
            tracing::error!("the authority {issuer} cannot be had: {error}");
            None
        });
        found.and_then(|authority| authority.certificates().first().cloned())
    }

    /// What tells apart the versions of a device.
    pub(in crate::service) fn salt(&self, key: &HubKey) -> u32 {
        self.sources.chance.salt(key.device_id().as_str())
    }

    /// The hub of that name, as linked; case does not matter.
    pub fn linked(&self, name: &str) -> Option<&HubName> {
        self.names.iter().find(|hub| hub.is(name))
    }

    /// The names of the hubs, as linked.
    pub fn names(&self) -> &[HubName] {
        &self.names
    }

    /// Hears that something has changed: a twin, an identity, who is connected. What changes with a
    /// registration is in the journal.
    #[cfg(feature = "page")]
    pub(in crate::service) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn note_change(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
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
        let (key, Admission { until }) = self.check(hub, device_id, proof)?;
        let notices = self.enter(&key, connection);
        Ok(SignedIn { key, until, notices })
    }

    /// Whether somebody is a device of a hub, without signing it in.
    ///
    /// # Errors
    ///
    /// Which check failed.
    pub fn check(
        &self,
        hub: &HubName,
        device_id: &DeviceId,
        proof: &HubProof,
    ) -> Result<(HubKey, Admission), HubFault> {
        let hub = self.linked(hub.as_str()).ok_or_else(|| HubFault::UnknownHub(hub.clone()))?;
        let key = HubKey::new(hub, device_id);
        let device = self.store.hub_device(&key);
        let device = device.ok_or_else(|| HubFault::UnknownDevice(device_id.clone()))?;
        let admission =
            device.admit(proof, self.issuer_of(&device).as_ref(), self.sources.now())?;
        Ok((key, admission))
    }

    /// Signs in a device that was checked. An older connection of the same device ends (I).
    pub fn enter(&self, key: &HubKey, connection: u64) -> HubNotices {
        let notices = self.connections.open(key, connection, self.sources.now());
        self.note_change();
        notices
    }

    /// The connection of a device has ended.
    pub fn sign_out(&self, key: &HubKey, connection: u64) {
        self.connections.close(key, connection, self.sources.now());
        self.note_change();
    }

    /// Whether a device is connected.
    pub fn is_online(&self, key: &HubKey) -> bool {
        self.presence(key).is_online
    }

    /// What is known of a device since the service started.
    pub fn presence(&self, key: &HubKey) -> Presence {
        self.connections.presence(key)
    }

    /// The devices that are connected.
    pub fn online(&self) -> Vec<HubKey> {
        self.connections.online()
    }

    /// A device did something else than to send a message.
    pub fn note_activity(&self, key: &HubKey) {
        self.connections.note_activity(key, self.sources.now());
    }

    /// A message of a device has come.
    pub fn count_message(&self, key: &HubKey) {
        self.connections.count_message(key, self.sources.now());
    }

    /// How many messages of a device have come since the service started.
    pub fn messages(&self, key: &HubKey) -> u64 {
        self.connections.messages(key)
    }

    /// Keeps a message for a device until it takes it, or the service ends.
    ///
    /// # Errors
    ///
    /// If the device is not there, or too many messages wait for it.
    pub fn send_message(&self, key: &HubKey, message: DeviceMessage) -> Result<(), HubError> {
        self.device(key).ok_or(HubError::NotFound)?;
        let has_room = self.connections.put_message(key, message);
        if has_room { Ok(()) } else { Err(HubError::MailboxFull) }
    }

    /// The messages to a device behind that number.
    pub fn messages_after(&self, key: &HubKey, number: u64) -> Vec<NumberedMessage> {
        self.connections.messages_after(key, number)
    }

    /// The device has taken a message.
    pub fn complete_message(&self, key: &HubKey, number: u64) {
        self.connections.complete_message(key, number, self.sources.now());
    }

    /// A back end takes a message back.
    pub fn take_back_message(&self, key: &HubKey, number: u64) {
        self.connections.take_back_message(key, number);
    }

    /// Calls a method of a device, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If the device is not connected, or does not answer in time.
    pub async fn call_method(
        &self,
        key: &HubKey,
        call: MethodCall,
    ) -> Result<MethodAnswer, MethodFault> {
        self.connections.call(key, call).await
    }

    /// Whether that connection of a device hears methods.
    pub fn take_methods(&self, key: &HubKey, connection: u64, takes_methods: bool) {
        self.connections.take_methods(key, connection, takes_methods);
    }

    /// A device answers a method; whether anybody waits for it.
    pub fn answer_method(&self, key: &HubKey, rid: &str, answer: MethodAnswer) -> bool {
        self.note_activity(key);
        self.connections.answer_call(key, rid, answer)
    }

    /// A device does not listen to this method after all.
    pub fn drop_method(&self, key: &HubKey, rid: &str) {
        self.connections.forget_call(key, rid);
    }

    /// Ends the connection of a device that may not stay.
    pub fn interrupt(&self, key: &HubKey, why: &'static str) {
        self.connections.interrupt(key, why, self.sources.now());
        self.note_change();
    }

    /// Ends the connection of a device whose identity is gone, and forgets what is known of it.
    pub fn disconnect(&self, key: &HubKey, why: &'static str) {
        self.connections.disconnect(key, why);
        self.renewals().forget(key);
        self.note_change();
    }

    /// All are forgotten.
    pub fn disconnect_all(&self, why: &'static str) {
        self.connections.disconnect_all(why);
        *self.renewals() = Renewals::default();
        self.note_change();
    }

    /// A device.
    pub fn device(&self, key: &HubKey) -> Option<Arc<HubDevice>> {
        self.store.hub_device(key)
    }

    /// Devices of one hub, or of all, in order of hub and ID: at most `limit`, and only those behind
    /// `after`.
    pub fn devices(
        &self,
        hub: Option<&HubName>,
        after: Option<&HubKey>,
        limit: usize,
    ) -> Vec<Arc<HubDevice>> {
        self.store.hub_devices(hub, after, limit)
    }

    /// How many devices a hub has.
    pub fn count_devices(&self, hub: &HubName) -> usize {
        self.store.count_hub_devices(hub)
    }

    /// Takes in what a device reports; the new version of the section.
    ///
    /// # Errors
    ///
    /// If the patch is refused, the device is gone, or nothing can be kept.
    pub async fn report(&self, key: &HubKey, patch: &[u8]) -> Result<u64, HubError> {
        let changed = self.change(key, |device| {
            let now = self.sources.now();
            Ok(device.with_twin(device.twin.report(patch, now)?, now, self.salt(key)))
        });
        let device = changed.await?;
        self.note_activity(key);
        Ok(device.twin.reported.version)
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
            let now = self.sources.now();
            let twin = match verb {
                TwinVerb::Patch => device.twin.patch(change, now)?,
                TwinVerb::Replace => device.twin.replace(change, now)?,
            };
            Ok(device.with_twin(twin, now, self.salt(key)))
        });
        let device = changed.await?;
        let version = device.twin.desired.version;
        if let Some(patch) = change.for_device(version).and_then(|it| to_ascii_json(&it).ok()) {
            self.connections.send(key, HubNotice::Desired { version, patch: patch.into() });
        }
        Ok(device)
    }

    /// Makes a device.
    ///
    /// # Errors
    ///
    /// If it is there already, or cannot be kept.
    pub async fn create(&self, device: HubDevice) -> Result<Arc<HubDevice>, HubError> {
        let _held = self.store.hold_hub_device(&device.device_id).await;
        if self.store.hub_device(&device.key()).is_some() {
            return Err(HubError::AlreadyExists);
        }
        let device = Arc::new(device);
        self.store.commit(vec![Change::PutHubDevice(device.clone())]).await?;
        self.note_change();
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
        self.note_change();
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
