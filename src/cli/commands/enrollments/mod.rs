//! `enrollment-group`, `enrollment` and `registration`: the records of a service, here or on Azure,
//! with the flags of `az iot dps`; and `export` and `import`, which carry them from one service to another.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `words`: values as command lines of `az` write them.
//! - `query`: `--query`: a part of the result.
//! - `webhook`: webhooks that the local service calls by a name.
//! - `target`: which service is asked.
//! - `member`: members of a record that are written into.
//! - `attestation`: how devices of a record prove who they are.
//! - `issuer`: who issues certificates to devices of a record.
//! - `arguments`: the flags of `create` and `update`.
//! - `body`: the REST object that the flags ask for.
//! - `show`: records for people.
//! - `compute_key`: `compute-device-key`.
//! - `registration`: `registration`: how devices are registered.
//! - `command`: `enrollment-group` and `enrollment`.
//! - `export`: `export`: all records of a service, as one file.
//! - `format`: files of records in the formats that people have.
//! - `normal`: records as other programs write them, in the form of the REST API.
//! - `import`: `import`: records of a file, created or replaced in a service.

mod arguments;
mod attestation;
mod body;
mod command;
mod compute_key;
mod export;
mod format;
mod import;
mod issuer;
mod member;
mod normal;
mod query;
mod registration;
mod show;
mod target;
mod webhook;
mod words;

pub(crate) use command::{Enrollment, EnrollmentGroup};
pub(crate) use compute_key::ComputeDeviceKey;
pub(crate) use export::Export;
pub(crate) use import::Import;
pub(crate) use registration::Registration;
