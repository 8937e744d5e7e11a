//! `fleet`: many devices at once, what that will take, and what came of it.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `pace`: how fast: when devices begin, and how many may be open.
//! - `source`: addresses of this machine to connect from.
//! - `show`: a line for each device, and one that says how far the fleet is.
//! - `tpms`: the TPMs of devices.
//! - `devices`: which devices there are, and how they prove who they are.
//! - `enroll`: enrolls those that have TPMs.
//! - `requests`: whether they ask for certificates.
//! - `reporting`: what a fleet's report is printed, written and judged by.
//! - `results`: where the results go.
//! - `about`: what the report says of its run.
//! - `play`: runs a fleet to its end.
//! - `run`: the fleet itself, and its flags.
//! - `plan`: `fleet plan`: how long a rollout takes, and how fast to start it.
//! - `merge`: `fleet merge`: one report of all shards of a run.
//! - `command`: `fleet` and its subcommands.

mod about;
mod command;
mod devices;
mod enroll;
mod merge;
mod pace;
mod plan;
mod play;
mod reporting;
mod requests;
mod results;
mod run;
mod show;
mod source;
mod tpms;

pub(crate) use command::Fleet;
