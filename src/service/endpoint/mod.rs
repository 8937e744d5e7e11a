//! Where devices reach the service: each endpoint turns what it hears into requests to the
//! registrar, and its replies into what the device understands.
//!
//! `repeats` counts warnings that one party can cause as often as it likes, `patience` ends connections
//! whose other end reads nothing, `outgoing` is what goes out to it, `held` what faults on demand have come late. `line` is a client's socket, `overheard` tells how a connection ends, `listener` accepts and numbers connections, `offer` is what a client can do,
//! `handshake` does TLS as `tls` has it set up, `streams` serves what is spoken over it, `port`
//! finds each listener one; `amqp`, [`mqtt`] and `https` are the endpoints, `hub_desk` is what the hubs do for
//! devices over the first two. `admin` is for people and tests that
//! want to know what the service has seen, not for devices. `names` are those under which the service is
//! dialled, and [`gateway`] leads clients that dial them, with Azure's ports, to the endpoints.

mod admin;
mod amqp;
// Public for fuzz targets of what it reads alone.
pub mod gateway;
mod handshake;
mod held;
mod https;
mod hub_desk;
mod kind;
mod line;
mod listener;
pub mod mqtt;
mod names;
mod offer;
mod outgoing;
mod overheard;
#[cfg(feature = "page")]
mod page;
mod patience;
mod port;
mod repeats;
mod streams;
mod tls;

pub(super) use admin::{Admin, Hosts, serve as serve_admin};
pub(super) use amqp::serve as serve_amqp;
pub(super) use gateway::{Gateway, Listening, serve as serve_gateway};
pub(super) use https::serve as serve_https;
pub use kind::EndpointKind;
pub(super) use mqtt::serve as serve_mqtt;
pub(super) use names::Names;
pub use port::Port;
pub(super) use tls::Tls;
