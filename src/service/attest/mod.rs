//! Does this proof match an enrollment? (D.2, D.3, D.5, F.1 step 3)
//!
//! One file per kind of proof. Pure: what is enrolled and the time are handed in.

mod certificates;
mod check;
mod fault;
mod judge;
mod proof;
mod refusal;
mod sas;
mod trail;

pub use check::attest;
pub use fault::{Fault, slot_name};
pub use proof::{Attested, Evidence, Proof};
pub use refusal::Refusal;
pub use trail::Check;
