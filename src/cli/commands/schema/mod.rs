//! `schema`: what may stand in the files that people write, for their editors.
//!
//! - `document`: the schemas.
//! - `command`: the command line.

mod command;
mod document;
#[cfg(test)]
mod document_tests;

pub(crate) use command::Schema;
