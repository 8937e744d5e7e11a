//! Reads a database whole, each table on a thread of its own.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::tables::{
    DEVICES, EARLIER_FORMAT, ENROLLMENTS, FORMAT, Failure, HUB_DEVICES, MAGIC, META, hub_key,
    key_of,
};
use crate::service::config::NamedWebhooks;
use crate::service::enrollment::Kind;
use crate::service::record::{DeviceRecord, HubDevice};
use crate::service::section::Section;
use crate::service::store::codec::enrollment::Entry;
use crate::service::store::codec::{Unreadable, device, enrollment, hub};
use crate::service::store::folder::StateError;
use crate::service::store::reconcile::Name;
use crate::wire::{HubName, IdScope};

/// All that a database holds.
pub(super) struct Loaded {
    pub(super) devices: Vec<Arc<DeviceRecord>>,
    pub(super) hub_devices: Vec<Arc<HubDevice>>,
    pub(super) enrollments: HashMap<Name, Entry>,
    pub(super) writes: u64,
    /// How many bytes of the file the records need.
    pub(super) size: u64,
}

/// Checks that the database is ours, of a format that is known, and of this instance; whether its
/// format is an earlier one.
pub(super) fn check(
    database: &Database,
    path: &Path,
    id_scope: &IdScope,
) -> Result<bool, StateError> {
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
    if ![FORMAT, EARLIER_FORMAT].contains(&&*found) {
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
    Ok(found == EARLIER_FORMAT)
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
            let mut hubs = Shared::new(HubName::as_str);
            let mut enrollments = Shared::new(|name: &Arc<str>| name);
            table(database, DEVICES, |key, json| {
                let mut record = device::decode(json)?;
                same(key, &record.registration_id.folded())?;
                let mut share = |record: &mut DeviceRecord| {
                    enrollments.share(&mut record.enrollment.name);
                    record.assignment.iter_mut().for_each(|it| hubs.share(&mut it.hub));
                };
                share(&mut record);
                record.before.as_deref_mut().into_iter().for_each(share);
                Ok(Arc::new(record))
            })
        });
        let hub_devices = scope.spawn(|| {
            let mut hubs = Shared::new(HubName::as_str);
            let mut sections = Shared::new(Section::as_json);
            table(database, HUB_DEVICES, |key, json| {
                let mut device = hub::decode(json)?;
                same(key, &hub_key(&device.key()))?;
                hubs.share(&mut device.hub);
                // What devices report is of each its own; what they were first given, seldom.
                sections.share(&mut device.twin.tags);
                sections.share(&mut device.twin.desired.values);
                Ok(Arc::new(device))
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
        let (devices, hub_devices) = (joined(devices)?, joined(hub_devices)?);
        let enrollments = joined(enrollments)?;
        Ok(Loaded {
            size: devices.size + hub_devices.size + enrollments.size,
            devices: devices.records,
            hub_devices: hub_devices.records,
            enrollments: enrollments.records.into_iter().collect(),
            writes: writes(database)?,
        })
    });
    loaded.map_err(|Failure(reason)| StateError::Damaged { path: path.to_owned(), reason })
}

/// A panic is passed on, to be caught where a database is opened.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The few texts that a million records repeat: each is kept once, of the last that were seen.
struct Shared<T> {
    seen: VecDeque<T>,
    text: fn(&T) -> &str,
}

impl<T: Clone> Shared<T> {
    const MOST: usize = 32;

    fn new(text: fn(&T) -> &str) -> Self {
        Self { seen: VecDeque::with_capacity(Self::MOST), text }
    }

    fn share(&mut self, one: &mut T) {
        let text = self.text;
        if let Some(known) = self.seen.iter().find(|known| text(known) == text(one)) {
            *one = known.clone();
            return;
        }
        if self.seen.len() == Self::MOST {
            self.seen.pop_front();
        }
        self.seen.push_back(one.clone());
    }
}

/// What is in a table.
struct Rows<T> {
    records: Vec<T>,
    /// Bytes of names and records.
    size: u64,
}

fn table<T>(
    database: &Database,
    definition: TableDefinition<'_, &'static str, &'static [u8]>,
    mut decode: impl FnMut(&str, &[u8]) -> Result<T, Unreadable>,
) -> Result<Rows<T>, Failure> {
    let name = redb::TableHandle::name(&definition).to_owned();
    let table = database.begin_read()?.open_table(definition)?;
    let mut rows = Rows { records: Vec::new(), size: 0 };
    for row in table.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        rows.size += (key.len() + value.len()) as u64;
        rows.records.push(decode(key, value).map_err(|error| {
            // The name of a record is no secret.
            Failure(format!("table {name}, record {:?}: {error}", key.replace('\0', " ")))
        })?);
    }
    Ok(rows)
}

fn same(key: &str, named: &str) -> Result<(), Unreadable> {
    if key == named {
        return Ok(());
    }
    Err(Unreadable::Content("it stands under the name of another".to_owned()))
}

fn name(key: &str) -> Result<Name, Unreadable> {
    let found = key.split_once('\0').and_then(|(word, name)| Some((Kind::of_word(word)?, name)));
    match found {
        Some((kind, name)) => Ok(Name::new(kind, name)),
        None => Err(Unreadable::Content("its name is of no known kind".to_owned())),
    }
}
