//! Every integration test, in one binary: it is linked once, and nothing in [`support`] can be dead
//! without the compiler saying so.
//!
//! The tests run side by side in one process, so none of them changes what belongs to the process:
//! environment, working folder, limits, tracing subscriber. Whatever needs its own of these runs the
//! built binary ([`support::cli`]).

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]
#![allow(clippy::disallowed_methods, reason = "tests ask the system for what they hand in")]

mod cli;
mod device;
mod fleet;
mod local_service;
mod project;
mod service;
mod support;
