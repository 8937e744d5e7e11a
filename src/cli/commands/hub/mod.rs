//! `hub`: what a device does at its hub, without a registration.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `place`: which hub, which device, and the way there.
//! - `show`: a renewal as it goes on, and what came of it.
//! - `renew`: `hub renew`.
//! - `command`: `hub`.

mod command;
mod place;
mod renew;
mod show;

pub(crate) use command::Hub;
