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
}
