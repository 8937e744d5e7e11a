//! MQTT 3.1.1 over TLS (A.1–A.8).
//!
//! [`codec`] knows packets, `session` what a device may say when, `hub_session` the same for a device
//! that has a hub already and signs in to it (I), `hub_renewal` what it is told of certificates (I.4), `subscriptions` what both publish on, `pacing` how soon a client can
//! bear its answer, `held` is what a fault on demand has said later, `struck` has it strike packets,
//! `told` tells whoever watches of them, `connection` a stream of bytes, whether TLS or a WebSocket. Which of the two a
//! device wants, its user name says.

pub mod codec;
mod connection;
mod flow;
mod held;
mod hub_connection;
mod hub_renewal;
mod hub_session;
mod identify;
mod pacing;
mod server;
mod session;
mod struck;
mod subscriptions;
mod told;

pub(in crate::service) use connection::{MAX_HUB_PACKET, OPENING, serve_stream};
pub(in crate::service) use server::serve;
