//! Takes requests of devices, whatever transport they came by, and finishes registrations.
//!
//! What is decided stands in [`registration`](super::registration), [`attest`](super::attest) and
//! [`allocation`](super::allocation); here it is done: stored, asked, answered, logged.
//!
//! - `seen`: which devices came by lately.
//! - `operations`: what is in progress.
//! - `challenges`: what the TPMs of devices were given to sign with.
//! - `settings`: what is decided when the service starts.
//! - `core`: what they all share.
//! - `request_fault`: why a request is none.
//! - `refusal`: how a device is told no.
//! - `checks`: what was looked at.
//! - `log`: what happened.
//! - `conversation`: what was said.
//! - `tpm`: asks a device's TPM to sign.
//! - `struck`: faults on demand of what devices ask.
//! - `struck_client`: the same of who does not ask to be provisioned.
//! - `meddling`: the same of webhooks.
//! - `certificate`: what a device asks a certificate for.
//! - `progress`: from a registration's acceptance to its result.
//! - `requests`: how an operation stands, how a registration stands.
//! - `register`: a device wants to register.
//! - `renewal`: what devices ask their hub for.
//! - `reset`: forgets.

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
mod register;
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
