//! Reads a database whole, each table on a thread of its own.

use std::collections::HashMap;
use std::path::Path;
use std::thread::{self, ScopedJoinHandle};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::tables::{
    DEVICES, ENROLLMENTS, FORMAT, Failure, HUB_DEVICES, MAGIC, META, hub_key, key_of,
};
use crate::service::config::NamedWebhooks;
use crate::service::enrollment::Kind;
use crate::service::record::{DeviceRecord, HubDevice};
use crate::service::store::codec::enrollment::Entry;
use crate::service::store::codec::{Unreadable, device, enrollment, hub};
use crate::service::store::folder::StateError;
use crate::service::store::reconcile::Name;
use crate::wire::IdScope;

/// All that a database holds.
pub(super) struct Loaded {
    pub(super) devices: Vec<DeviceRecord>,
    pub(super) hub_devices: Vec<HubDevice>,
    pub(super) enrollments: HashMap<Name, Entry>,
    pub(super) writes: u64,
}

/// Checks that the database is ours, of a format that is known, and of this instance.
pub(super) fn check(
    database: &Database,
    path: &Path,
    id_scope: &IdScope,
) -> Result<(), StateError> {
    let path = || path.to_owned();
    let damaged = |Failure(reason)| StateError::Damaged { path: path(), reason };
    let foreign = || StateError::Foreign {
        path: path(),
        reason: "it is a database of another program".to_owned(),
    };
    let member = |name| meta(database, name).map_err(damaged);
    if member("magic")?.as_deref() != Some(MAGIC) {
        return Err(foreign());
    }
    let found = member("format")?.unwrap_or_default();
    if found != FORMAT {
        return Err(StateError::Format { path: path(), found, known: FORMAT });
    }
    let stored = member("idScope")?.unwrap_or_default();
    if !id_scope.matches(&stored) {
        return Err(StateError::OtherScope {
            path: path(),
            stored,
            configured: id_scope.to_string(),
        });
    }
    Ok(())
}

/// How many times it was written.
pub(super) fn writes(database: &Database) -> Result<u64, Failure> {
    let text = meta(database, "writes")?.unwrap_or_default();
    text.parse().map_err(|_| Failure("its counter is no number".to_owned()))
}

/// A member of the table `meta`; none if there is no such member, or no such table.
fn meta(database: &Database, name: &str) -> Result<Option<String>, Failure> {
    let table = match database.begin_read()?.open_table(META) {
        Ok(table) => table,
        Err(
            TableError::TableDoesNotExist(_)
            | TableError::TableTypeMismatch { .. }
            | TableError::TableIsMultimap(_),
        ) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(table.get(name)?.map(|value| value.value().to_owned()))
}

/// Reads all records.
pub(super) fn all(
    database: &Database,
    path: &Path,
    webhooks: &NamedWebhooks,
) -> Result<Loaded, StateError> {
    let loaded = thread::scope(|scope| {
        let devices = scope.spawn(|| {
            table(database, DEVICES, |key, json| {
                let record = device::decode(json)?;
                same(key, &record.registration_id.folded())?;
                Ok(record)
            })
        });
        let hub_devices = scope.spawn(|| {
            table(database, HUB_DEVICES, |key, json| {
                let device = hub::decode(json)?;
                same(key, &hub_key(&device.key()))?;
                Ok(device)
            })
        });
        let enrollments = scope.spawn(|| {
            table(database, ENROLLMENTS, |key, json| {
                let name = name(key)?;
                let entry = enrollment::decode(name.kind, json, webhooks)?;
                if let Some(record) = &entry.record {
                    same(key, &key_of(&Name::of(record)))?;
                }
                Ok((name, entry))
            })
        });
        Ok(Loaded {
            devices: joined(devices)?,
            hub_devices: joined(hub_devices)?,
            enrollments: joined(enrollments)?.into_iter().collect(),
            writes: writes(database)?,
        })
    });
    loaded.map_err(|Failure(reason)| StateError::Damaged { path: path.to_owned(), reason })
}

/// A panic is passed on, to be caught where a database is opened.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn table<T>(
    database: &Database,
    definition: TableDefinition<'_, &'static str, &'static [u8]>,
    decode: impl Fn(&str, &[u8]) -> Result<T, Unreadable>,
) -> Result<Vec<T>, Failure> {
    let name = redb::TableHandle::name(&definition).to_owned();
    let table = database.begin_read()?.open_table(definition)?;
    table
        .iter()?
        .map(|row| {
            let (key, value) = row?;
            decode(key.value(), value.value()).map_err(|error| {
                // The name of a record is no secret.
                Failure(format!(
                    "table {name}, record {:?}: {error}",
                    key.value().replace('\0', " ")
                ))
            })
        })
        .collect()
}

fn same(key: &str, named: &str) -> Result<(), Unreadable> {
    if key == named {
        return Ok(());
    }
    Err(Unreadable::Content("it stands under the name of another".to_owned()))
}

fn name(key: &str) -> Result<Name, Unreadable> {
    match key.split_once('\0') {
        Some(("individual", name)) => Ok(Name::new(Kind::Individual, name)),
        Some(("group", name)) => Ok(Name::new(Kind::Group, name)),
        _ => Err(Unreadable::Content("its name is of no known kind".to_owned())),
    }
}
