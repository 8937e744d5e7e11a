//! A session with a hub over AMQP 1.0 (I).
//!
//! - `told`: links, requests, and where an answer has what.
//! - `exchange`: the session as a pure state machine.
//! - `session`: opens it.
//! - `driver`: moves its frames.

mod driver;
mod exchange;
mod session;
mod told;

pub(super) use driver::run;
pub(super) use session::{Open, open};

#[cfg(test)]
mod tests;
