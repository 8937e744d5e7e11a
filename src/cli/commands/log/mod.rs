//! `log`: the registrations that a service has seen, and those that come.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `entry`: what is shown of a registration.
//! - `show`: how.
//! - `once`: which were shown.
//! - `command`: the command.

mod command;
mod entry;
mod once;
mod show;

pub(crate) use command::Log;
