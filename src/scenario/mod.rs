//! A scenario: what to serve, which devices, what must come out.
//!
//! The file is checked whole before anything starts. Running it is all real parts: a service on
//! free ports, TLS, MQTT, the webhook over HTTP.
//!
//! - `file`: the file.
//! - `verdict`: whether it came out as expected.
//! - `run`: plays it.

mod file;
mod run;
mod verdict;

pub use file::{DeviceSpec, Scenario};
pub use run::Bench;
pub use verdict::{Actual, Verdict};
