//! `conformance`: puts somebody's own client to the test.
//!
//! - `command`: its arguments, and what it does.
//! - `show`: what is printed of a verdict.
//! - `files`: the reports that are written.

mod command;
mod files;
mod show;

pub(crate) use command::Conformance;
