//! A scenario: what to serve, which devices, what must come out.
//!
//! The file is checked whole before anything starts. Running it is all real parts: a service on
//! free ports, TLS, MQTT, the webhook over HTTP.
//!
//! - `variables`: `${NAME}` in texts.
//! - `around`: what a file is read with.
//! - `expectation`: what must come out.
//! - `against`: the same at a service elsewhere.
//! - `verdict`: whether it came out as expected.
//! - `authorities`: certification authorities made on the spot.
//! - `enrolled`: what enrollments let devices prove themselves with.
//! - `device`: a device.
//! - `step`: what is done with them.
//! - `file`: the file.
//! - `stage`: where it is played.
//! - `engine`: plays its steps.

pub mod against;
mod around;
mod authorities;
mod device;
mod engine;
mod enrolled;
mod expectation;
mod file;
mod stage;
mod step;
mod variables;
mod verdict;

pub use around::Around;
pub use engine::{Ended, Event, Play, play};
pub use file::Scenario;
pub use stage::{
    LocalPlan, LocalStage, OnThread, Reach, RemotePlan, RemoteStage, Skipped, Stage, StageError,
    told_apart,
};
pub use step::OnAzure;
pub use verdict::{Actual, Verdict};
