//! Takes requests of devices, whatever transport they came by, and finishes registrations.
//!
//! What is decided stands in [`registration`](super::registration), [`attest`](super::attest) and
//! [`allocation`](super::allocation); here it is done: stored, asked, answered, logged. `requests`
//! answers what devices ask, `progress` takes a registration from its acceptance to its result,
//! `refusal` says no, also to a `request_fault`, `checks` tells what was
//! looked at, `log` and `conversation` say what happened, `renewal` tells what devices ask their hub for, `reset` forgets. `core` is what
//! they share, `struck` lets faults on demand strike, and so do `struck_client` and `meddling`, `operations` is what is in progress, `seen` is which devices came by lately; `tpm` asks
//! TPMs to sign, and `challenges` remembers with what.

mod certificate;
mod challenges;
mod checks;
mod conversation;
mod core;
mod log;
mod meddling;
mod operations;
mod progress;
mod refusal;
mod renewal;
mod request_fault;
mod requests;
mod reset;
mod seen;
mod settings;
mod struck;
mod struck_client;
#[cfg(test)]
mod tests;
mod tpm;

pub use self::core::Registrar;
pub use settings::{Pace, RegistrarSettings};
pub(in crate::service) use struck::Asked;
