//! Does this proof match an enrollment? (B.5, D.2, D.3, D.5, D.6, F.1 step 3)
//!
//! One file per kind of proof. Pure: what is enrolled and the time are handed in.

mod certificates;
mod check;
mod fault;
mod judge;
mod platform;
mod proof;
mod refusal;
mod sas;
mod tpm;
mod tpm_fault;
mod trail;

pub use check::attest;
pub use fault::{Fault, slot_name};
pub use platform::Platform;
pub use proof::{Answer, Attested, Challenge, Evidence, Proof, TpmProof};
pub use refusal::Refusal;
pub use tpm::{Nonce, challenge};
pub use trail::Check;
