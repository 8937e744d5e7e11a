//! A session with a hub over MQTT (I).
//!
//! - `exchange`: the session as a pure state machine.
//! - `session`: opens it.
//! - `driver`: moves its packets.

mod driver;
mod exchange;
mod session;

pub(super) use driver::run;
pub(super) use session::{Open, open};
