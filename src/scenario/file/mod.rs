//! The scenario file (TOML).
//!
//! - `entry`: a device as it is written.
//! - `list`: one entry for many devices.
//! - `identity`: how a device proves who it is.
//! - `begun`: a device on the way from its entry to what is played.
//! - `scenario`: the file as a whole.

mod begun;
mod entry;
mod identity;
mod list;
mod scenario;

pub use scenario::Scenario;
