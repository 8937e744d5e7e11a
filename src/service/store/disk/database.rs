//! Opening and making a database.

use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, Durability, StorageError, WriteTransaction};

use super::tables::{FORMAT, Failure, MAGIC, Tables};
use crate::service::store::folder::{self, StateError};
use crate::wire::IdScope;

/// Everything is in memory once more, so pages need not be.
const CACHE: usize = 64 * 1024 * 1024;

pub(super) fn begin(database: &Database) -> Result<WriteTransaction, Failure> {
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

pub(super) fn opened(path: &Path) -> Result<Database, StateError> {
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
pub(super) fn create(path: &Path, id_scope: &IdScope) -> Result<(), StateError> {
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
