//! AMQP 1.0 over TLS or a secure WebSocket: drives the state machine with messages over a pair of links.
//!
//! Frames, sessions and links are the engine's ([`crate::amqp::engine`]), as they are for the service.
//! Sources of what is said: azure-iot-sdk-node `provisioning/transport/amqp`, azure-iot-sdk-csharp
//! `provisioning/transport/amqp`.
//!
//! - `told`: what an observer is told of frames.
//! - `refusal`: what an error of a link or message says.
//! - `sasl_tpm`: the sign-in with a TPM.
//! - `opening`: headers and SASL, in front of the connection.
//! - `line`: one connection over any byte stream.
//! - `sign_in`: what the device signs in with.
//! - `links`: the pair of links, and what is asked and answered on it.
//! - `driver`: the state machine over them.
//! - `lookup`: the lookup of a registration, without the state machine.

mod driver;
mod line;
mod links;
mod lookup;
mod opening;
mod refusal;
mod sasl_tpm;
mod sign_in;
mod told;

pub(super) use driver::Driver;
pub(in crate::device) use line::{Greeting, Line, LineFault, SPOKEN};
pub(super) use lookup::ask;
