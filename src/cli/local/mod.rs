//! How commands find the services that `serve` runs on this machine: a small file for each in the
//! state folder.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `described`: what a running service says of itself.
//! - `files`: where that is kept.
//! - `published`: the file of a service, while it runs.
//! - `find`: the service that a command means.

mod described;
mod files;
mod find;
mod published;

pub(crate) use described::{HubConnectionStrings, Local, NamedWebhooks, Ready};
pub(crate) use find::LocalChoice;
pub(crate) use published::Published;
