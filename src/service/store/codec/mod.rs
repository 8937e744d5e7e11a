//! How records are written on the disk: as JSON, one object a record, which a person can read and
//! a later version can add members to.
//!
//! Each file has the mirror of one kind of record; `json` has what they share. Nothing in here reads
//! or writes files, and no error repeats what is in a record: it may be a key.

pub(super) mod device;
pub(super) mod enrollment;
pub(super) mod hub;
mod json;
mod text;
mod time;

pub(super) use json::Unreadable;
