//! MQTT 3.1.1 over TLS or a secure WebSocket: drives the state machine with real packets (A.1–A.8).
//!
//! Packets are read and written by rumqttc's codec. Its event loop is not used: it has no dialer
//! of its own and folds the failures together that a user must be able to tell apart.
//!
//! - `packet`: packets as bytes, and what is wrong with those that came.
//! - `session`: one session, packet by packet.
//! - `driver`: the state machine over them.

mod driver;
mod packet;
mod session;

pub(super) use driver::Driver;
pub(in crate::device) use packet::{KEEP_ALIVE, SPOKEN, encoded_connect, unexpected};
pub(in crate::device) use session::{CLOSE_TIMEOUT, ReadFault, Session};
