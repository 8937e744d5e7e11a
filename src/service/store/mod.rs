//! Where records are kept.
//!
//! What is read comes from memory, always. What is written is a batch: kept whole or not at all, and
//! seen by readers only once it is kept, so that nobody is told what a crash could undo. Whether
//! "kept" means memory or a disk too, nobody outside this module knows.
//!
//! `change` is what can be written, `memory` what is read, `writer` the thread that writes, `records`
//! all of it together; `codec` is the form on the disk, `disk` the database, `reconcile` what becomes
//! of enrollments that both the configuration and the disk have.

mod change;
mod codec;
mod disk;
mod durable;
mod folder;
mod memory;
mod reconcile;
mod records;
mod writer;

pub use change::{Batch, Change};
pub(super) use disk::{Disk, Opening};
pub use durable::StoreError;
#[cfg(test)]
pub(super) use durable::{Durable, Stored};
pub use folder::StateError;
pub use records::Store;
