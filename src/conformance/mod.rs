//! A client of somebody else's, put to the test: it is run once a case against a service of its own that
//! behaves in one certain way, and what it does is held against what DPS and its documents ask of devices.
//!
//! The client is a program; nothing is asked of it but that it registers. What it does is seen by the
//! service alone, and judged by pure functions. This module must not know our own device: it is a client
//! like others here.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `source`: where it is public what devices should do.
//! - `observation`: what was seen of a client in one run.
//! - `finding`: what comes of a judgement.
//! - `case`: what a case is.
//! - `judging`: what several judges ask of an observation.
//! - `cases`: the cases, each with its judge.
//! - `choice`: which of them are wanted.
//! - `watch`: writes down what goes over the wire.
//! - `story`: the same in words.
//! - `stage`: the service of a case.
//! - `play`: one run of a client.
//! - `verdict`: a finding, as the reports have it.
//! - `suite`: all cases that are wanted.

mod case;
mod cases;
mod choice;
mod finding;
mod judging;
mod observation;
mod play;
mod source;
mod stage;
mod story;
mod suite;
mod verdict;
mod watch;

pub use case::Case;
pub use choice::chosen;
pub use suite::{Test, play};
