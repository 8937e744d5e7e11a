//! AMQP 1.0 over TLS.
//!
//! `connection` is a stream of bytes, whether TLS or a WebSocket, `server` accepts those of the listener.

mod connection;
mod server;

pub(in crate::service) use server::serve;
