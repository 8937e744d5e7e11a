//! Looks for what keeps a device from registering: from the input to the registration itself, one
//! check after the other, and on past a failure where that makes sense.
//!
//! A check is a name and an async function that returns a [`Finding`](finding::Finding). What a check sees is judged
//! by pure functions beside it. Nothing here prints; of the device's secrets only what a
//! registration sends leaves this machine, and only to a server that the device trusts.
//!
//! - `finding`: what a check has found.
//! - `certificate`: the certificate that a server presents.
//! - `probe`: who answers on a port that does not speak TLS.
//! - `subject`: what is to be diagnosed.
//! - `input`: checks of the input.
//! - `socket`: checks of names and TCP connections.
//! - `tls`: the check of the TLS handshake.
//! - `clock`: the check of the clock.
//! - `connect`: the check of CONNECT.
//! - `check`: all checks, in their order.

mod certificate;
mod check;
mod clock;
mod connect;
mod finding;
mod input;
mod probe;
mod socket;
mod subject;
mod tls;

pub use check::diagnose;
pub use finding::{Outcome, Status};
pub use subject::Subject;
