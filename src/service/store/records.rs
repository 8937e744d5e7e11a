//! The records of a service: read from memory, written through to a disk if there is one.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, RwLockReadGuard};

use tokio::sync::{Mutex, MutexGuard, oneshot};

use super::change::Batch;
use super::durable::{Durable, StoreError, Stored};
use super::memory::Memory;
use super::writer::Writer;
use crate::service::enrollment::Enrollments;
use crate::service::record::{Assignment, DeviceRecord, HubDevice, HubKey, Outcome};
use crate::wire::{DeviceId, HubName, RegistrationId};

/// Locks for the records of all devices: far more than there are processors, far fewer than devices.
const STRIPES: usize = 256;

/// The promise that a batch will be kept, or not.
#[derive(Debug)]
pub struct Receipt(Option<oneshot::Receiver<Result<(), StoreError>>>);

impl Receipt {
    /// Waits until it is certain.
    ///
    /// # Errors
    ///
    /// If the batch could not be kept; then nothing of it is seen by anybody.
    pub async fn kept(self) -> Result<(), StoreError> {
        match self.0 {
            None => Ok(()),
            Some(answer) => {
                answer.await.unwrap_or_else(|_| Err(StoreError("the store has ended".to_owned())))
            }
        }
    }
}

/// The records of a service.
pub struct Store {
    memory: Arc<Memory>,
    writer: Option<Writer>,
    hasher: RandomState,
    registrations: Box<[Mutex<()>]>,
    hub_devices: Box<[Mutex<()>]>,
    enrollments: Box<[Mutex<()>]>,
}

impl Store {
    /// A store that begins with these enrollments and ends with the process.
    pub fn in_memory(enrollments: Enrollments) -> Self {
        let stored = Stored { enrollments, ..Stored::default() };
        Self::new(Arc::new(Memory::from(stored)), None)
    }

    /// A store that begins with what was `stored`, and has `disk` keep what is written.
    pub fn durable(disk: impl Durable, stored: Stored) -> Self {
        let memory = Arc::new(Memory::from(stored));
        let writer = Writer::start(disk, memory.clone());
        Self::new(memory, Some(writer))
    }

    fn new(memory: Arc<Memory>, writer: Option<Writer>) -> Self {
        let stripes = || (0..STRIPES).map(|_| Mutex::default()).collect();
        Self {
            memory,
            writer,
            hasher: RandomState::new(),
            registrations: stripes(),
            hub_devices: stripes(),
            enrollments: stripes(),
        }
    }

    /// Hands a batch over. Batches are kept in the order in which they are handed over.
    pub fn submit(&self, batch: Batch) -> Receipt {
        match &self.writer {
            Some(writer) => Receipt(Some(writer.submit(batch))),
            None => {
                self.memory.apply(batch);
                Receipt(None)
            }
        }
    }

    /// Keeps a batch.
    ///
    /// # Errors
    ///
    /// If it could not be kept.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.submit(batch).kept().await
    }

    /// Keeps others from changing the registration record of a device, as long as all who read
    /// before they write ask here first. Take this one before [`hold_hub_device`](Self::hold_hub_device).
    pub async fn hold_registration(&self, id: &RegistrationId) -> MutexGuard<'_, ()> {
        self.stripe(&self.registrations, &id.folded()).lock().await
    }

    /// The same for a device on whichever hubs it is.
    pub async fn hold_hub_device(&self, device_id: &DeviceId) -> MutexGuard<'_, ()> {
        self.stripe(&self.hub_devices, device_id.as_str()).lock().await
    }

    /// The same for a device that may change its name, however many of the names are one. In the order
    /// of the stripes, so that two who want both do not wait for each other.
    pub async fn hold_hub_devices(&self, device_ids: &[DeviceId]) -> Vec<MutexGuard<'_, ()>> {
        let stripes =
            device_ids.iter().map(|id| self.stripe_number(&self.hub_devices, id.as_str()));
        let stripes: BTreeSet<_> = stripes.collect();
        let mut held = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            held.push(self.hub_devices[stripe].lock().await);
        }
        held
    }

    /// The same for an enrollment. Nothing else is asked for meanwhile.
    pub async fn hold_enrollment(&self, name: &str) -> MutexGuard<'_, ()> {
        self.stripe(&self.enrollments, &name.to_ascii_lowercase()).lock().await
    }

    fn stripe<'a>(&self, stripes: &'a [Mutex<()>], name: &str) -> &'a Mutex<()> {
        &stripes[self.stripe_number(stripes, name)]
    }

    fn stripe_number(&self, stripes: &[Mutex<()>], name: &str) -> usize {
        // The remainder is less than the length, which fits.
        (self.hasher.hash_one(name) % stripes.len() as u64) as usize
    }

    /// The record of a device, if it ever registered.
    pub fn device(&self, id: &RegistrationId) -> Option<Arc<DeviceRecord>> {
        self.memory.device(id)
    }

    /// The records of devices that last registered through a group, in order of their registration
    /// IDs without case: at most `limit`, and only those behind `after`.
    pub fn of_group(
        &self,
        group_id: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<DeviceRecord>> {
        self.memory.devices(after, limit, |record| {
            record.enrollment.group_id().is_some_and(|id| id.eq_ignore_ascii_case(group_id))
        })
    }

    /// Those of all devices, likewise.
    pub fn page(&self, after: Option<&str>, limit: usize) -> Vec<Arc<DeviceRecord>> {
        self.memory.devices(after, limit, |_| true)
    }

    /// The record whose device has this ID at its hub. Most devices have one ID for both; else all records
    /// are looked through.
    pub fn assigned_as(&self, device_id: &str) -> Option<Arc<DeviceRecord>> {
        self.assigned(device_id, |it| it.device_id.as_str() == device_id)
    }

    /// The same, of that hub alone: on two hubs two devices may have one ID.
    pub fn assigned_to(&self, key: &HubKey) -> Option<Arc<DeviceRecord>> {
        self.assigned(key.device_id().as_str(), |it| it.key() == *key)
    }

    fn assigned(
        &self,
        device_id: &str,
        is_it: impl Fn(&Assignment) -> bool,
    ) -> Option<Arc<DeviceRecord>> {
        let is_it = |record: &DeviceRecord| record.assignment.as_ref().is_some_and(&is_it);
        let same = device_id.parse().ok().and_then(|id| self.memory.device(&id));
        let all = || self.memory.devices(None, 1, is_it).pop();
        same.filter(|record| is_it(record)).or_else(all)
    }

    /// Those that have an operation in progress.
    pub fn in_progress(&self) -> Vec<Arc<DeviceRecord>> {
        let is_pending = |record: &DeviceRecord| matches!(record.outcome, Outcome::Assigning(_));
        self.memory.devices(None, usize::MAX, is_pending)
    }

    /// A device on a hub.
    pub fn hub_device(&self, key: &HubKey) -> Option<Arc<HubDevice>> {
        self.memory.hub_device(key)
    }

    /// The enrollments. To be held for a look-up at most, never across an await.
    pub fn enrollments(&self) -> RwLockReadGuard<'_, Enrollments> {
        self.memory.enrollments()
    }

    /// Waits until all that was handed over is kept, and lets the disk go: whoever opens the state
    /// next finds it closed. Nothing can be kept afterwards.
    pub fn end(&self) {
        if let Some(writer) = &self.writer {
            writer.end();
        }
    }

    /// Devices of one hub, or of all, in order of hub and ID: at most `limit`, and only those behind
    /// `after`.
    pub fn hub_devices(
        &self,
        hub: Option<&HubName>,
        after: Option<&HubKey>,
        limit: usize,
    ) -> Vec<Arc<HubDevice>> {
        self.memory.hub_devices(hub, after, limit)
    }

    /// How many devices a hub has.
    pub fn count_hub_devices(&self, hub: &HubName) -> usize {
        self.memory.count_hub_devices(hub)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("is_durable", &self.writer.is_some()).finish_non_exhaustive()
    }
}
