//! The state of a service on its disk.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;

use super::database::{begin, create, opened};
use super::load;
use super::tables::{FORMAT, Failure, Tables, hub_key, key_of};
use crate::service::config::{ConfiguredEnrollment, NamedWebhooks};
use crate::service::enrollment::Enrollment;
use crate::service::store::change::{Batch, Change};
use crate::service::store::codec::{device, enrollment, hub};
use crate::service::store::durable::{Durable, StoreError, Stored};
use crate::service::store::folder::{self, StateError};
use crate::service::store::reconcile::{Name, Reconciled, reconcile};
use crate::wire::IdScope;

/// A file that is larger than this, and than so many times its records, is made smaller when it is
/// opened (J-191). A file in use has about twice what its records need.
const WASTE: u64 = 16 * 1024 * 1024;
const MOST_WASTE: u64 = 6;

/// The database of one service.
pub(in crate::service) struct Disk {
    path: PathBuf,
    /// None after an error, until it could be opened again.
    pub(super) database: Option<Database>,
    /// How many times it was written: tells whether a write that failed is there nevertheless.
    writes: u64,
    /// The digests of the enrollments that the configuration has.
    configured: HashMap<Name, String>,
    webhooks: NamedWebhooks,
}

/// What a service knows that opens its state.
#[derive(Debug)]
pub(in crate::service) struct Opening<'a> {
    /// The instance.
    pub(in crate::service) id_scope: &'a IdScope,
    /// The enrollments of its configuration.
    pub(in crate::service) configured: Vec<ConfiguredEnrollment>,
    /// The webhooks that have another address at each start.
    pub(in crate::service) webhooks: NamedWebhooks,
}

impl Disk {
    /// Opens the state in `folder`, which is made if it is not there, and reads all of it.
    ///
    /// # Errors
    ///
    /// If it cannot be had, is not ours, or is damaged in any way: never a part of it.
    pub(in crate::service) fn open(
        folder: &Path,
        opening: Opening<'_>,
    ) -> Result<(Self, Stored), StateError> {
        let path = folder::make(folder)?;
        if !folder::is_there(&path)? {
            create(&path, opening.id_scope)?;
        }
        let damaged = |reason| StateError::Damaged { path: path.clone(), reason };
        // A database that was changed behind its back can break promises that redb's code relies
        // on; its checks find all that is known, and this is for what is not.
        catch_unwind(AssertUnwindSafe(|| Self::read(&path, opening)))
            .unwrap_or_else(|_| Err(damaged("the database does not hold together".to_owned())))
    }

    fn read(path: &Path, opening: Opening<'_>) -> Result<(Self, Stored), StateError> {
        let Opening { id_scope, configured, webhooks } = opening;
        let database = opened(path)?;
        let is_earlier = load::check(&database, path, id_scope)?;
        let load::Loaded { devices, hub_devices, enrollments, writes, size } =
            load::all(&database, path, &webhooks)?;
        let Reconciled { enrollments, configured, mut fresh, gone } =
            reconcile(enrollments, configured);
        if is_earlier {
            fresh = enrollments.iter().cloned().collect();
            tracing::info!("{}: brought from format 1 to format {FORMAT}", path.display());
        }
        let path = path.to_owned();
        let mut disk = Self { path, database: Some(database), writes, configured, webhooks };
        if is_earlier || !fresh.is_empty() || !gone.is_empty() {
            disk.settle(fresh, &gone).map_err(|reason| {
                folder::failed("write", &disk.path)(std::io::Error::other(reason))
            })?;
        }
        let length = std::fs::metadata(&disk.path).map_or(0, |found| found.len());
        if length > WASTE.max(size.saturating_mul(MOST_WASTE)) {
            disk.compact();
        }
        Ok((disk, Stored { devices, hub_devices, enrollments }))
    }

    /// Writes what the configuration changed, and what has another form since an earlier version.
    fn settle(&mut self, fresh: Vec<Arc<Enrollment>>, gone: &[Name]) -> Result<(), String> {
        let batch: Batch = fresh.into_iter().map(Change::PutEnrollment).collect();
        self.transact(self.writes + 1, |disk, tables| {
            for name in gone {
                tables.enrollments.remove(&*key_of(name))?;
            }
            tables.meta.insert("format", FORMAT)?;
            disk.apply(tables, &batch)
        })
        .map_err(|failure| failure.0)?;
        self.writes += 1;
        Ok(())
    }

    fn transact(
        &self,
        writes: u64,
        change: impl FnOnce(&Self, &mut Tables<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let database = self.database.as_ref().ok_or_else(|| Failure("it is closed".to_owned()))?;
        let transaction = begin(database)?;
        {
            let mut tables = Tables::open(&transaction)?;
            change(self, &mut tables)?;
            tables.meta.insert("writes", &*writes.to_string())?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn apply(&self, tables: &mut Tables<'_>, batch: &Batch) -> Result<(), Failure> {
        for change in batch {
            match change {
                Change::PutDevice(record) => {
                    let key = record.registration_id.folded();
                    tables.devices.insert(&*key, &*device::encode(record)?)?;
                }
                Change::RemoveDevice(id) => drop(tables.devices.remove(&*id.folded())?),
                Change::PutHubDevice(device) => {
                    let key = hub_key(&device.key());
                    tables.hub_devices.insert(&*key, &*hub::encode(device)?)?;
                }
                Change::RemoveHubDevice(key) => {
                    tables.hub_devices.remove(&*hub_key(key))?;
                }
                Change::PutEnrollment(enrollment) => {
                    let name = Name::of(enrollment);
                    let configured = self.configured.get(&name).map(String::as_str);
                    let json = enrollment::encode(configured, enrollment, &self.webhooks)?;
                    tables.enrollments.insert(&*key_of(&name), &*json)?;
                }
                Change::RemoveEnrollment(kind, name) => {
                    let name = Name::new(*kind, name);
                    match self.configured.get(&name) {
                        // Else it would come back with the next start.
                        Some(digest) => {
                            let json = enrollment::encode_deleted(digest)?;
                            tables.enrollments.insert(&*key_of(&name), &*json)?;
                        }
                        None => drop(tables.enrollments.remove(&*key_of(&name))?),
                    }
                }
                Change::ForgetDevices => {
                    tables.devices.retain(|_, _| false)?;
                    tables.hub_devices.retain(|_, _| false)?;
                }
            }
        }
        Ok(())
    }

    /// Gives the space back that records no longer need. A file that cannot be made smaller serves as
    /// well, so that is only told.
    fn compact(&mut self) {
        let Some(database) = &mut self.database else { return };
        let compacted = catch_unwind(AssertUnwindSafe(|| database.compact()));
        let failure = match compacted {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database does not hold together".to_owned(),
        };
        tracing::warn!("{}: it cannot be made smaller: {failure}", self.path.display());
        // It is opened again before the next write.
        self.database = None;
    }

    /// redb trusts a file no longer on which a write failed, until it is opened again; that also
    /// tells what became of the write.
    fn reopen(&mut self) -> Result<u64, String> {
        self.database = None;
        let path = &self.path;
        let reopened = catch_unwind(AssertUnwindSafe(|| {
            let database = opened(path).map_err(|error| error.to_string())?;
            let writes = load::writes(&database).map_err(|failure| failure.0)?;
            Ok((database, writes))
        }));
        let (database, writes) =
            reopened.unwrap_or_else(|_| Err("the database does not hold together".to_owned()))?;
        self.database = Some(database);
        Ok(writes)
    }
}

impl Durable for Disk {
    fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.writes = self.reopen().map_err(StoreError)?;
        }
        let writes = self.writes + 1;
        let written = catch_unwind(AssertUnwindSafe(|| {
            self.transact(writes, |disk, tables| {
                batches.iter().try_for_each(|batch| disk.apply(tables, batch))
            })
        }));
        let failure = match written {
            Ok(Ok(())) => {
                self.writes = writes;
                let mut changes = batches.iter().flatten();
                if changes.any(|change| matches!(change, Change::ForgetDevices)) {
                    self.compact();
                }
                return Ok(());
            }
            Ok(Err(failure)) => failure.0,
            Err(_) => "the database does not hold together".to_owned(),
        };
        match self.reopen() {
            Ok(kept) => self.writes = kept,
            Err(reason) => tracing::error!("{}: {reason}", self.path.display()),
        }
        if self.database.is_some() && self.writes == writes {
            // Only the news of it was lost.
            return Ok(());
        }
        Err(StoreError(format!("{}: {failure}", self.path.display())))
    }
}
