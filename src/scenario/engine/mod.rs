//! Plays a scenario, and tells what happens.
//!
//! Nothing is printed here, and nothing is known of where it is played but what
//! [`Stage`](super::stage::Stage) says.
//!
//! - `event`: what happens, as whoever prints is told.
//! - `told`: what a device says and is told, in lines.
//! - `evidence`: what the service has left of a step.
//! - `state`: what is known of each device.
//! - `asking`: the certificates that devices ask for.
//! - `core`: what all steps have in common.
//! - `hub`: devices at their hubs.
//! - `register`: devices register.
//! - `back_end`: enrollments and records.
//! - `watch`: the journal, and waiting.
//! - `command`: somebody's own program.
//! - `play`: one step after the other.

mod asking;
mod back_end;
mod command;
mod core;
mod event;
mod evidence;
mod hub;
mod play;
mod register;
mod state;
mod told;
mod watch;

pub use event::{Ended, Event};
pub use play::{Play, play};
