//! The part of IoT Hub's query language that people use (K of `docs/protocol.md`).
//!
//! A [`Query`] is read once and then asked of each twin, as JSON. Pure: which devices there are is
//! none of its business.
//!
//! - `expression`: conditions on a twin, and their values.
//! - `word`: the text in words.
//! - `statement`: a query that has been understood, and its rows.
//! - `parser`: words to a query.

mod expression;
mod parser;
mod statement;
#[cfg(test)]
mod tests;
mod word;

pub(super) use statement::{Query, QueryError};
