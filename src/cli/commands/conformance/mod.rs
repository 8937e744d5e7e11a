//! `conformance`: puts somebody's own client to the test.
//!
//! - `show`: what is printed of a verdict.
//! - `files`: the reports that are written.
//! - `command`: its arguments, and what it does.

mod command;
mod files;
mod show;

pub(crate) use command::Conformance;
