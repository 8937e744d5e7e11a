//! Where records are kept.
//!
//! A change is acknowledged to a device only after `commit` returned, so that a durable store can
//! take this one's place without any caller changing.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::record::DeviceRecord;
use crate::wire::RegistrationId;

/// Changes that are stored together or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    devices: Vec<DeviceRecord>,
}

impl Batch {
    /// A batch that writes one device's record.
    pub fn device(record: DeviceRecord) -> Self {
        Self { devices: vec![record] }
    }
}

/// The records of a service, in memory.
#[derive(Debug, Default)]
pub struct Store {
    // Never held across an await, and only for a look-up or an insertion.
    devices: RwLock<HashMap<String, Arc<DeviceRecord>>>,
}

impl Store {
    /// Stores a batch. When this returns, the batch is kept.
    pub async fn commit(&self, batch: Batch) {
        let mut devices = self.devices.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        for record in batch.devices {
            devices.insert(record.registration_id.folded(), Arc::new(record));
        }
    }

    /// The record of a device, if it ever registered.
    pub fn device(&self, registration_id: &RegistrationId) -> Option<Arc<DeviceRecord>> {
        let devices = self.devices.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        devices.get(&registration_id.folded()).cloned()
    }

    /// The records of the devices that last registered through a group, in order of their IDs:
    /// pages of a query must fit together.
    pub fn of_group(&self, group_id: &str) -> Vec<Arc<DeviceRecord>> {
        let is_of_group = |record: &Arc<DeviceRecord>| {
            record.enrollment.group_id().is_some_and(|id| id.eq_ignore_ascii_case(group_id))
        };
        let devices = self.devices.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut records: Vec<_> = devices.values().filter(|it| is_of_group(it)).cloned().collect();
        drop(devices);
        records.sort_by_cached_key(|record| record.registration_id.folded());
        records
    }

    /// Deletes the record of a device, if `check` lets it; `None` if there is none. When this
    /// returns, the record is gone for good.
    pub async fn remove<E>(
        &self,
        registration_id: &RegistrationId,
        check: impl FnOnce(&DeviceRecord) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let key = registration_id.folded();
        let mut devices = self.devices.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let checked = check(devices.get(&key)?);
        if checked.is_ok() {
            devices.remove(&key);
        }
        Some(checked)
    }
}
