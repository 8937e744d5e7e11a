//! All records in memory, for readers.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use super::change::{Batch, Change};
use super::durable::Stored;
use crate::service::enrollment::Enrollments;
use crate::service::lock::{read, write};
use crate::service::record::{DeviceRecord, HubDevice, HubKey};
use crate::wire::RegistrationId;

#[derive(Debug, Default)]
pub(super) struct Memory {
    // Never held across an await, and only for a look-up or a change.
    tables: RwLock<Tables>,
    enrollments: RwLock<Enrollments>,
}

#[derive(Debug, Default)]
struct Tables {
    devices: HashMap<String, Arc<DeviceRecord>>,
    hub_devices: HashMap<HubKey, Arc<HubDevice>>,
}

impl Memory {
    /// Makes a batch visible, all of it at once.
    pub(super) fn apply(&self, batch: Batch) {
        let mut tables = write(&self.tables);
        for change in batch {
            match change {
                Change::PutDevice(record) => {
                    tables.devices.insert(record.registration_id.folded(), record);
                }
                Change::RemoveDevice(id) => {
                    tables.devices.remove(&id.folded());
                }
                Change::PutHubDevice(device) => {
                    tables.hub_devices.insert(device.key(), device);
                }
                Change::RemoveHubDevice(key) => {
                    tables.hub_devices.remove(&key);
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
        read(&self.tables).devices.get(&id.folded()).cloned()
    }

    pub(super) fn devices(
        &self,
        is_wanted: impl Fn(&DeviceRecord) -> bool,
    ) -> Vec<Arc<DeviceRecord>> {
        let tables = read(&self.tables);
        let mut records: Vec<_> =
            tables.devices.values().filter(|record| is_wanted(record)).cloned().collect();
        drop(tables);
        records.sort_by_cached_key(|record| record.registration_id.folded());
        records
    }

    pub(super) fn page(&self, after: Option<&str>, limit: usize) -> Vec<Arc<DeviceRecord>> {
        let after = after.map(str::to_ascii_lowercase);
        let is_behind = |key: &String| after.as_ref().is_none_or(|after| key > after);
        let tables = read(&self.tables);
        let wanted = tables.devices.iter().filter(|(key, _)| is_behind(key));
        let mut wanted: Vec<_> =
            wanted.map(|(key, record)| (key.clone(), record.clone())).collect();
        drop(tables);
        wanted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        wanted.into_iter().take(limit).map(|(_, record)| record).collect()
    }

    pub(super) fn hub_device(&self, key: &HubKey) -> Option<Arc<HubDevice>> {
        read(&self.tables).hub_devices.get(key).cloned()
    }

    pub(super) fn hub_devices(&self) -> Vec<Arc<HubDevice>> {
        let mut devices: Vec<_> = read(&self.tables).hub_devices.values().cloned().collect();
        devices.sort_by_cached_key(|device| device.key());
        devices
    }

    pub(super) fn enrollments(&self) -> RwLockReadGuard<'_, Enrollments> {
        read(&self.enrollments)
    }
}

impl From<Stored> for Memory {
    fn from(stored: Stored) -> Self {
        let devices = stored.devices.into_iter();
        let hub_devices = stored.hub_devices.into_iter();
        let tables = Tables {
            devices: devices.map(|it| (it.registration_id.folded(), Arc::new(it))).collect(),
            hub_devices: hub_devices.map(|it| (it.key(), Arc::new(it))).collect(),
        };
        Self { tables: RwLock::new(tables), enrollments: RwLock::new(stored.enrollments) }
    }
}
