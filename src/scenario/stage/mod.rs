//! Where a scenario is played.
//!
//! - `error`: why something cannot be done there.
//! - `reach`: how devices get there.
//! - `watched`: what can be seen of a service from behind.
//! - `place`: what a place can do.
//! - `enrollments`: enrollments and records through the service API.
//! - `functions`: a scripted function at work.
//! - `local`: a service of its own on this machine.
//! - `remote`: a service that is there already.

mod enrollments;
mod error;
mod functions;
mod local;
mod place;
mod reach;
mod remote;
mod watched;

pub use error::StageError;
pub use local::{LocalPlan, LocalStage, OnThread};
pub use place::Stage;
pub use reach::Reach;
pub use remote::{RemotePlan, RemoteStage, Skipped, told_apart};
pub use watched::{Moment, Noted, Watched};
