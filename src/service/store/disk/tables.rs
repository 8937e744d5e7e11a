//! What is in the database: tables, and the names of their records.

use redb::{Table, TableDefinition, TableError, WriteTransaction};

use crate::service::record::HubKey;
use crate::service::store::reconcile::Name;

pub(super) const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
/// By folded registration ID.
pub(super) const DEVICES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("devices");
/// By hub in lower case, NUL, device ID.
pub(super) const HUB_DEVICES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("hubDevices");
/// By kind, NUL, name in lower case.
pub(super) const ENROLLMENTS: TableDefinition<'_, &str, &[u8]> =
    TableDefinition::new("enrollments");

pub(super) const MAGIC: &str = "provision-sim";
/// In format 1, numbers and addresses of enrollments were not kept as written (K-7), except for what
/// stood beside the record. Its rows are read as those of today.
pub(super) const FORMAT: &str = "2";
pub(super) const EARLIER_FORMAT: &str = "1";

pub(super) struct Tables<'a> {
    pub(super) meta: Table<'a, &'static str, &'static str>,
    pub(super) devices: Table<'a, &'static str, &'static [u8]>,
    pub(super) hub_devices: Table<'a, &'static str, &'static [u8]>,
    pub(super) enrollments: Table<'a, &'static str, &'static [u8]>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            devices: transaction.open_table(DEVICES)?,
            hub_devices: transaction.open_table(HUB_DEVICES)?,
            enrollments: transaction.open_table(ENROLLMENTS)?,
        })
    }
}

pub(super) fn hub_key(key: &HubKey) -> String {
    format!("{}\0{}", key.hub().as_str().to_ascii_lowercase(), key.device_id())
}

pub(super) fn key_of(name: &Name) -> String {
    format!("{}\0{}", name.kind.as_str(), name.as_str())
}

/// Why the database did not do as it was told, in words.
pub(super) struct Failure(pub(super) String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
