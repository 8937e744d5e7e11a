//! `serve`: a local Device Provisioning Service.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `commentary`: what the catalogue says of registrations that failed.
//! - `failure`: why it does not start.
//! - `description`: what it says of itself, for programs and for other commands.
//! - `screen`: what a person sees when it is ready.
//! - `simulator`: the devices that its page lets register.
//! - `values`: what its flags can be given.
//! - `command`: the command.

mod command;
mod commentary;
mod description;
mod failure;
mod screen;
mod simulator;
mod values;

pub(crate) use command::Serve;
