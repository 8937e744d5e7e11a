//! A device gets another certificate from its hub (I.4), before the one ends with which it signs in.
//!
//! The session is one of its own: it names the version that has such requests, and a hub has one connection
//! for each device.
//!
//! - `request`: what the device asks for, and what it gets.
//! - `notice`: what happens on the way, as an observer is told of it.
//! - `exchange`: the conversation as a pure state machine.
//! - `driver`: moves it over sessions with the hub.

mod driver;
mod exchange;
mod notice;
mod request;

pub use driver::renew_certificate;
pub use notice::RenewalNotice;
pub use request::{Renewal, RenewalFault, Renewed};
