//! One connection, its sessions and links: a pure state machine, the same for both sides.
//!
//! Bytes and commands go in; bytes and events come out. It keeps the promises that the standard asks
//! of both ends (who may send how much, which number stands for what, what must be answered) and
//! knows nothing of what messages mean. It has no clock: who drives it watches for silence.
//!
//! - `event`: what happened.
//! - `limits`: how much of anything a peer may have.
//! - `window`: how many transfers may go either way.
//! - `outbox`: what is to be sent.
//! - `turn`: what a session may do in its turn.
//! - `link`: one link.
//! - `session`: one session and its links.
//! - `connection`: the connection and its sessions.

mod connection;
mod event;
mod limits;
mod link;
mod outbox;
mod session;
mod turn;
mod window;

pub use connection::Connection;
pub use event::{Delivery, Event, LinkId};
pub use limits::{Held, Limits};
pub use link::Refused;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
