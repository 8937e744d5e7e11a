//! `register`: one device provisions itself, and goes on to its hub if it is told to.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `cache`: the assignment that a device keeps between runs.
//! - `hub`: what the device does on the hub that it was assigned to.
//! - `reason`: why a local service gave a device no hub.
//! - `job`: one run: the hub that was kept, the registration, the hub that was assigned.
//! - `command`: the command and its flags.

mod cache;
mod command;
mod hub;
mod job;
mod reason;

pub(crate) use command::Register;
