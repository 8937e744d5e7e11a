//! All records in memory, for readers.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use super::change::{Batch, Change};
use super::durable::Stored;
use crate::service::enrollment::Enrollments;
use crate::service::lock::{read, write};
use crate::service::record::{DeviceRecord, HubDevice, HubKey};
use crate::wire::{DeviceId, HubName, RegistrationId};

#[derive(Debug, Default)]
pub(super) struct Memory {
    // Never held across an await, and only for a look-up or a change.
    tables: RwLock<Tables>,
    enrollments: RwLock<Enrollments>,
}

/// In order, so that a page of a list costs what is on it, however many records there are.
#[derive(Debug, Default)]
struct Tables {
    /// By folded ID.
    devices: BTreeMap<Box<str>, Arc<DeviceRecord>>,
    hubs: BTreeMap<HubName, BTreeSet<ById>>,
}

/// A device of a hub, whose own ID is its place among the others.
#[derive(Debug)]
struct ById(Arc<HubDevice>);

impl Borrow<DeviceId> for ById {
    fn borrow(&self) -> &DeviceId {
        &self.0.device_id
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.device_id == other.0.device_id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.device_id.cmp(&other.0.device_id)
    }
}

impl Tables {
    fn put_device(&mut self, record: Arc<DeviceRecord>) {
        self.devices.insert(record.registration_id.folded().into(), record);
    }

    fn put_hub_device(&mut self, device: Arc<HubDevice>) {
        let hub = match self.hubs.get_mut(&device.hub) {
            Some(hub) => hub,
            None => self.hubs.entry(device.hub.clone()).or_default(),
        };
        hub.replace(ById(device));
    }
}

impl Memory {
    /// Makes a batch visible, all of it at once.
    pub(super) fn apply(&self, batch: Batch) {
        let mut tables = write(&self.tables);
        for change in batch {
            match change {
                Change::PutDevice(record) => tables.put_device(record),
                Change::RemoveDevice(id) => {
                    tables.devices.remove(&*id.folded());
                }
                Change::PutHubDevice(device) => tables.put_hub_device(device),
                Change::RemoveHubDevice(key) => {
                    if let Some(hub) = tables.hubs.get_mut(key.hub()) {
                        hub.remove(key.device_id());
                    }
                }
                Change::ForgetDevices => *tables = Tables::default(),
                Change::PutEnrollment(enrollment) => write(&self.enrollments).put(enrollment),
                Change::RemoveEnrollment(kind, name) => {
                    write(&self.enrollments).remove(kind, &name);
                }
            }
        }
    }

    pub(super) fn device(&self, id: &RegistrationId) -> Option<Arc<DeviceRecord>> {
        read(&self.tables).devices.get(&*id.folded()).cloned()
    }

    pub(super) fn devices(
        &self,
        after: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&DeviceRecord) -> bool,
    ) -> Vec<Arc<DeviceRecord>> {
        let after = after.map(str::to_ascii_lowercase);
        let from = after.as_deref().map_or(Unbounded, Excluded);
        let tables = read(&self.tables);
        let behind = tables.devices.range::<str, _>((from, Unbounded)).map(|(_, record)| record);
        behind.filter(|record| is_wanted(record)).take(limit).cloned().collect()
    }

    pub(super) fn hub_device(&self, key: &HubKey) -> Option<Arc<HubDevice>> {
        let tables = read(&self.tables);
        tables.hubs.get(key.hub())?.get(key.device_id()).map(|ById(device)| device.clone())
    }

    pub(super) fn hub_devices(
        &self,
        hub: Option<&HubName>,
        after: Option<&HubKey>,
        limit: usize,
    ) -> Vec<Arc<HubDevice>> {
        let tables = read(&self.tables);
        let from = match (hub, after) {
            (Some(hub), _) => Some(hub),
            (None, after) => after.map(HubKey::hub),
        };
        let hubs = match from {
            Some(from) => tables.hubs.range(from..),
            None => tables.hubs.range::<HubName, _>(..),
        };
        let hubs = hubs.take_while(|(name, _)| hub.is_none_or(|hub| hub == *name));
        let behind = hubs.flat_map(|(name, devices)| {
            let after = after.filter(|after| after.hub() == name).map(HubKey::device_id);
            devices.range::<DeviceId, _>((after.map_or(Unbounded, Excluded), Unbounded))
        });
        behind.take(limit).map(|ById(device)| device.clone()).collect()
    }

    pub(super) fn count_hub_devices(&self, hub: &HubName) -> usize {
        read(&self.tables).hubs.get(hub).map_or(0, BTreeSet::len)
    }

    pub(super) fn enrollments(&self) -> RwLockReadGuard<'_, Enrollments> {
        read(&self.enrollments)
    }
}

impl From<Stored> for Memory {
    fn from(stored: Stored) -> Self {
        // Made of all at once, a tree is smaller, and sooner there, than one that grows.
        let devices = stored.devices.into_iter();
        let mut hubs = BTreeMap::<HubName, Vec<_>>::new();
        for device in stored.hub_devices {
            let hub = match hubs.get_mut(&device.hub) {
                Some(hub) => hub,
                None => hubs.entry(device.hub.clone()).or_default(),
            };
            hub.push(ById(device));
        }
        let tables = Tables {
            devices: devices.map(|it| (it.registration_id.folded().into(), it)).collect(),
            hubs: hubs.into_iter().map(|(name, hub)| (name, hub.into_iter().collect())).collect(),
        };
        Self { tables: RwLock::new(tables), enrollments: RwLock::new(stored.enrollments) }
    }
}
