//! AMQP 1.0 over TLS or a WebSocket, as devices speak it with DPS, and with their hubs behind it (I).
//!
//! [`crate::amqp`] knows frames, sessions and links; here they mean something. `sign_in` is what a client
//! brings before AMQP begins, `sasl_tpm` what a device with a TPM says for that, `sasl` what each mechanism
//! brings, `opening` how a connection begins, `request` what a message asks, `answer` how it is answered,
//! `provisioning` what may be said on which link. `hub_conversation` is what devices say on links to their
//! hubs, `devicebound` a message to one of them, `hub_connection` finds who they are and the answers. `held` is
//! what faults on demand have come late, `struck_sasl` what they do to SASL, `struck` what else they do. `told`
//! tells whoever watches of what clients say, `connection` is a stream of bytes, whether TLS or a WebSocket, and
//! `server` accepts those of the listener.

mod answer;
mod connection;
mod devicebound;
mod held;
mod hub_connection;
mod hub_conversation;
mod opening;
mod provisioning;
mod request;
mod sasl;
mod sasl_tpm;
mod server;
mod sign_in;
mod struck;
mod struck_sasl;
mod told;

pub(in crate::service) use connection::{OPENING, serve_stream};
pub(in crate::service) use server::serve;
