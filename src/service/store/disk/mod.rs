//! Keeps records in a redb database: one transaction for all batches of a call, on the disk before
//! the call returns.
//!
//! What is in the database is named in `tables` and nowhere else. A file that is damaged must never
//! end the process: redb is asked to check the whole file when it is opened (`database`), and where
//! it panics nevertheless, that is caught where `state` opens and writes.

mod database;
mod load;
mod state;
mod tables;
#[cfg(test)]
mod tests;

pub(in crate::service) use state::{Disk, Opening};
