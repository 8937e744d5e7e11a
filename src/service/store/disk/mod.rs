//! Keeps records in a redb database: one transaction for all batches of a call, on the disk before
//! the call returns.
//!
//! What is in the database is named here and nowhere else. A file that is damaged must never end
//! the process: redb is asked to check the whole file when it is opened, and where it panics
//! nevertheless, that is caught at the two doors of this room, opening and writing.

mod load;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, StorageError, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::codec::{device, enrollment, hub};
use super::folder::{self, StateError};
use super::reconcile::{Name, Reconciled, reconcile};
use super::{Batch, Change, Durable, StoreError, Stored};
use crate::service::config::{ConfiguredEnrollment, NamedWebhooks};
use crate::service::enrollment::{Enrollment, Kind};
use crate::service::hub::HubKey;
use crate::wire::IdScope;

const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
/// By folded registration ID.
const DEVICES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("devices");
/// By hub in lower case, NUL, device ID.
const HUB_DEVICES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("hubDevices");
/// By kind, NUL, name in lower case.
const ENROLLMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("enrollments");

const MAGIC: &str = "provision-sim";
const FORMAT: &str = "1";
/// Everything is in memory once more, so pages need not be.
const CACHE: usize = 64 * 1024 * 1024;

/// The database of one service.
pub(in crate::service) struct Disk {
    path: PathBuf,
    /// None after an error, until it could be opened again.
    database: Option<Database>,
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
        load::check(&database, path, id_scope)?;
        let load::Loaded { devices, hub_devices, enrollments, writes } =
            load::all(&database, path, &webhooks)?;
        let Reconciled { enrollments, configured, fresh, gone } =
            reconcile(enrollments, configured);
        let path = path.to_owned();
        let mut disk = Self { path, database: Some(database), writes, configured, webhooks };
        if !fresh.is_empty() || !gone.is_empty() {
            disk.settle(fresh, &gone).map_err(|reason| {
                folder::failed("write", &disk.path)(std::io::Error::other(reason))
            })?;
        }
        Ok((disk, Stored { devices, hub_devices, enrollments }))
    }

    /// Writes what the configuration changed.
    fn settle(&mut self, fresh: Vec<Arc<Enrollment>>, gone: &[Name]) -> Result<(), String> {
        let batch: Batch = fresh.into_iter().map(Change::PutEnrollment).collect();
        self.transact(self.writes + 1, |disk, tables| {
            for name in gone {
                tables.enrollments.remove(&*key_of(name))?;
            }
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

/// Why the database did not do as it was told, in words.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

struct Tables<'a> {
    meta: Table<'a, &'static str, &'static str>,
    devices: Table<'a, &'static str, &'static [u8]>,
    hub_devices: Table<'a, &'static str, &'static [u8]>,
    enrollments: Table<'a, &'static str, &'static [u8]>,
}

impl<'a> Tables<'a> {
    fn open(transaction: &'a WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            devices: transaction.open_table(DEVICES)?,
            hub_devices: transaction.open_table(HUB_DEVICES)?,
            enrollments: transaction.open_table(ENROLLMENTS)?,
        })
    }
}

fn begin(database: &Database) -> Result<WriteTransaction, Failure> {
    let mut transaction = database.begin_write()?;
    // `commit` returns when it is on the disk.
    transaction.set_durability(Durability::Immediate)?;
    Ok(transaction)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    // Every page's checksum is looked at, so that nothing which was changed is taken for true. All
    // of it is read anyway.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

fn opened(path: &Path) -> Result<Database, StateError> {
    let damaged = |reason: String| StateError::Damaged { path: path.to_owned(), reason };
    builder().open(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StateError::InUse { path: path.to_owned() }
        }
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            folder::failed("open", path)(error)
        }
        other => damaged(other.to_string()),
    })
}

/// Makes a database that has nothing in it but whose it is.
fn create(path: &Path, id_scope: &IdScope) -> Result<(), StateError> {
    let (draft, file) = folder::draft(path)?;
    let made = (|| -> Result<(), Failure> {
        let database = builder().create_with_backend(FileBackend::new(file)?)?;
        let transaction = begin(&database)?;
        {
            let mut meta = Tables::open(&transaction)?.meta;
            let values = [
                ("magic", MAGIC),
                ("format", FORMAT),
                ("idScope", id_scope.as_str()),
                ("writes", "0"),
            ];
            for (name, value) in values {
                meta.insert(name, value)?;
            }
        }
        transaction.commit()?;
        Ok(())
    })();
    if let Err(Failure(reason)) = made {
        let _ = std::fs::remove_file(&draft);
        return Err(folder::failed("make", path)(std::io::Error::other(reason)));
    }
    folder::put(&draft, path)
}

fn hub_key(key: &HubKey) -> String {
    format!("{}\0{}", key.hub(), key.device_id())
}

fn key_of(name: &Name) -> String {
    let kind = match name.kind {
        Kind::Individual => "individual",
        Kind::Group => "group",
    };
    format!("{kind}\0{}", name.as_str())
}

#[cfg(test)]
mod tests;
